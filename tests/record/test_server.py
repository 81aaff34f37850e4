"""Databases on a server that cannot hold a record, and what is said of them."""

import shutil
import subprocess
import sys
import traceback
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.mounts import small_disk
from tests.support.postgres_server import PASSWORD, USER, PostgresServer
from tune_noise.errors import StorageError, UserError
from tune_noise.record import Event, Record, RecordPlace
from tune_noise.record.reach import check, exists


def refusal(place: RecordPlace) -> str:
    """What a check says, which is what opening the record says, too; it never shows a password."""
    said = []
    for action in (
        lambda: check(place),
        lambda: exists(place),
        lambda: Record(place),
        lambda: Record(place, writer=True),
    ):
        with pytest.raises(UserError) as caught:
            action()
        said.append(str(caught.value))
        shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(place)
        for secret in ("secret", "s3cr", quote(PASSWORD, safe="")):
            assert secret not in shown
    assert len(set(said)) == 1
    return said[0]


@pytest.fixture
def ada(postgres: PostgresServer) -> str:
    """The URL of a user with a password, who owns nothing."""
    if postgres.sql(f"SELECT count(*) FROM pg_roles WHERE rolname = '{USER}'") == "0":
        doubled = PASSWORD.replace("'", "''")
        postgres.sql(f"CREATE ROLE {USER} LOGIN PASSWORD '{doubled}'")
    return f"postgresql://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{postgres.port}/postgres"


def test_a_server_that_is_not_there_is_named(postgres: PostgresServer) -> None:
    place = RecordPlace.of_url("postgresql://ada:secret@127.0.0.1:1/searches", "uniform")
    message = refusal(place)
    assert message.startswith(
        "postgresql://127.0.0.1:1/searches (search 'uniform') cannot be reached"
    )
    assert "Connection refused" in message
    assert "PGPASSWORD" in message


def test_a_wrong_password_is_refused_and_not_shown(ada: str) -> None:
    place = RecordPlace.of_url(ada.replace(quote(PASSWORD, safe=""), "secret"), "uniform")
    assert "password authentication failed" in refusal(place)


def test_a_password_of_odd_characters_works_in_the_url_and_in_the_environment(
    ada: str, shared: RecordPlace, monkeypatch: pytest.MonkeyPatch, postgres: PostgresServer
) -> None:
    Record(shared).close()
    postgres.sql(f"GRANT SELECT, INSERT ON events TO {USER}")
    place = RecordPlace.of_url(ada, shared.search)
    check(place)
    with Record(place, writer=True) as record:
        record.append(Event("search"))
    bare = RecordPlace.of_url(ada.replace(f":{quote(PASSWORD, safe='')}", ""), shared.search)
    assert "no password supplied" in refusal(bare)
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    check(bare)
    with Record(bare, writer=True) as record:
        record.append(Event("run"))
        assert [event.kind for event in record.events()] == ["search", "run"]


def test_a_missing_database_is_named(postgres: PostgresServer) -> None:
    place = RecordPlace.of_url(postgres.url("nowhere"), "uniform")
    assert 'database "nowhere" does not exist' in refusal(place)


def test_an_unknown_host_is_named() -> None:
    place = RecordPlace.of_url("postgresql://ada:secret@no-such-host.invalid/searches", "uniform")
    assert "cannot be reached" in refusal(place)
    for host in ("a" * 70, ".."):
        refusal(RecordPlace.of_url(f"postgresql://ada:secret@{host}.invalid/searches", "uniform"))


def test_an_unknown_setting_in_the_url_is_named(postgres: PostgresServer) -> None:
    place = RecordPlace.of_url(f"{postgres.url()}?colour=blue&password=secret", "uniform")
    assert "colour" in refusal(place)


def test_a_user_who_may_not_make_a_table_is_told_before_the_search(
    ada: str, postgres: PostgresServer
) -> None:
    postgres.sql("CREATE DATABASE locked")
    place = RecordPlace.of_url(ada.replace("/postgres", "/locked"), "uniform")
    with pytest.raises(UserError, match="may not make or write the table `events`"):
        check(place)
    with pytest.raises(UserError, match="permission denied for schema public"):
        Record(place)
    postgres.sql("CREATE TABLE events (search text)", "locked")
    with pytest.raises(UserError, match="may not make or write the table `events`"):
        check(place)


def test_a_database_that_may_only_be_read_is_refused(postgres: PostgresServer) -> None:
    postgres.sql("CREATE DATABASE standby")
    postgres.sql("ALTER DATABASE standby SET default_transaction_read_only = on")
    place = RecordPlace.of_url(postgres.url("standby"), "uniform")
    with pytest.raises(UserError, match="it may only be read"):
        check(place)
    with pytest.raises(UserError, match="read-only transaction"):
        Record(place)


def test_another_table_of_that_name_is_refused_and_left_alone(postgres: PostgresServer) -> None:
    postgres.sql("CREATE DATABASE party")
    postgres.sql("CREATE TABLE events (guest text)", "party")
    place = RecordPlace.of_url(postgres.url("party"), "uniform")
    with pytest.raises(UserError, match=r"a table `events` of something else.*createdb"):
        Record(place)
    assert postgres.sql("SELECT count(*) FROM events", "party") == "0"


def test_a_server_on_a_socket_is_reached_too(postgres: PostgresServer) -> None:
    url = f"postgresql://admin@/postgres?host={quote(str(postgres.folder))}&port={postgres.port}"
    place = RecordPlace.of_url(url, "by socket")
    check(place)
    with Record(place, writer=True) as record:
        record.append(Event("search"))
    assert str(postgres.folder) in place.shown


def test_a_full_disk_of_the_server_fails_the_append_and_a_later_one_works(
    postgres: PostgresServer,
) -> None:
    with small_disk(postgres.folder / "small", kilobytes=1000) as disk:
        shutil.chown(disk, user="nobody", group="nogroup")
        postgres.sql(f"CREATE TABLESPACE small LOCATION '{disk}'")
        postgres.sql("CREATE DATABASE small")
        place = RecordPlace.of_url(postgres.url("small"), "uniform")
        try:
            with Record(place, writer=True) as record:
                postgres.sql("ALTER TABLE events SET TABLESPACE small", "small")
                record.append(Event("search"))
                with pytest.raises(StorageError, match="No space left on device"):
                    append_for_ever(record)
                kept = len(list(record.events()))
                postgres.sql("ALTER TABLE events SET TABLESPACE pg_default", "small")
                record.append(Event("finish"))
                assert [event.number for event in record.events()] == list(range(1, kept + 2))
        finally:
            postgres.sql("DROP DATABASE small WITH (FORCE)")
            postgres.sql("DROP TABLESPACE small")


def append_for_ever(record: Record) -> None:
    pad = list(range(20_000))
    while True:
        record.append(Event("note", data={"text": pad}))


def test_without_its_driver_only_a_database_on_a_server_is_refused(tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
sys.modules["psycopg"] = None
from tune_noise.errors import UserError
from tune_noise.record import Record, RecordPlace
from tune_noise.record.reach import check, exists
Record(Path({str(tmp_path)!r}, "record.db"), writer=True).close()
place = RecordPlace.of_url("postgresql://ada:secret@h/d", "uniform")
for action in (lambda: check(place), lambda: exists(place), lambda: Record(place)):
    try:
        action()
    except UserError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert all("pip install 'tune-noise[postgres]'" in line for line in lines)
    assert "secret" not in done.stdout + done.stderr
