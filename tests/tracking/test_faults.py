"""Faults that cannot pass by themselves are found, each with a way out, before anything is sent."""

import os
import shlex
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.postgres_server import USER, PostgresServer
from tests.support.scripted_search import WARNINGS_OF_MLFLOW
from tests.support.shell import PROGRAMS
from tune_noise.errors import UserError
from tune_noise.tracking import check_tracking_uri
from tune_noise.tracking.faults import find_fault
from tune_noise.tracking.internals.revision import REVISION
from tune_noise.tracking.store import connect

pytestmark = WARNINGS_OF_MLFLOW


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose experiments are each wrong in another way, but for `fine`."""
    folder = tmp_path_factory.mktemp("store")
    client = connect(f"sqlite:///{folder}/mlflow.db")
    (folder / "a file").touch()
    locations = {
        "fine": (folder / "files").as_uri(),
        "deleted": (folder / "files").as_uri(),
        "in a file": (folder / "a file" / "files").as_uri(),
        "of a server": "mlflow-artifacts:/3",
        "in a bucket": "s3://bucket/files",
    }
    ids = {name: client.create_experiment(name, uri) for name, uri in locations.items()}
    client.delete_experiment(ids["deleted"])
    client._tracking_client.store.engine.dispose()
    return folder


@pytest.fixture
def uri(made: Path, tmp_path: Path) -> str:
    shutil.copy(made / "mlflow.db", tmp_path)
    return f"sqlite:///{tmp_path}/mlflow.db"


def refusal(uri: str, experiment: str = "fine") -> str:
    """What a search would say before it begins; nothing is changed."""
    with pytest.raises(UserError) as caught:
        check_tracking_uri(uri, experiment=experiment)
    return str(caught.value)


def run_way_out(message: str) -> None:
    """Run the command that a message shows, as a person would copy it."""
    command = message.split("`")[1]
    variables = dict(word.split("=", 1) for word in shlex.split(command) if word.isupper())
    environment = os.environ | {"PATH": f"{PROGRAMS}:{os.environ['PATH']}"} | variables
    subprocess.run(command, shell=True, env=environment, check=True, capture_output=True)


@pytest.mark.parametrize("experiment", ["fine", "in a bucket", "not there yet"])
def test_a_store_that_can_take_runs_is_accepted_and_not_changed(
    uri: str, tmp_path: Path, experiment: str
) -> None:
    before = (tmp_path / "mlflow.db").read_bytes()
    check_tracking_uri(uri, experiment=experiment)
    assert (tmp_path / "mlflow.db").read_bytes() == before


@pytest.mark.parametrize(
    ("experiment", "reason"),
    [
        ("deleted", "its experiment 'deleted' was deleted; restore it with `"),
        ("in a file", "a file; make it writable, or choose another --name"),
        ("of a server", "are kept by an MLflow server (mlflow-artifacts:/3); give the address"),
    ],
)
def test_an_experiment_that_can_take_no_runs_is_refused(
    uri: str, experiment: str, reason: str
) -> None:
    message = refusal(uri, experiment)
    assert message.startswith(f"--tracking-uri {uri}: ")
    assert reason in message
    # Models may be read from such a store all the same.
    check_tracking_uri(uri)


def test_a_store_that_was_moved_with_its_files_is_accepted(uri: str, tmp_path: Path) -> None:
    with closing(sqlite3.connect(uri.removeprefix("sqlite:///"))) as connection, connection:
        gone = (tmp_path / "a file" / "mlartifacts").as_uri()
        connection.execute("UPDATE experiments SET artifact_location = ?", (gone,))
    (tmp_path / "a file").touch()
    assert "a file; make it writable" in refusal(uri)
    (tmp_path / "mlartifacts").mkdir()
    check_tracking_uri(uri, experiment="fine")


def set_revision(uri: str, revision: str) -> None:
    with closing(sqlite3.connect(uri.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))


@pytest.mark.parametrize(
    ("revision", "reason"),
    [
        ("75868b020152", f"of an older MLflow (75868b020152 in place of {REVISION}); make a copy"),
        ("ffffffffffff", f"of another program (ffffffffffff in place of {REVISION}); choose"),
    ],
)
def test_tables_of_another_version_are_refused(uri: str, revision: str, reason: str) -> None:
    set_revision(uri, revision)
    assert reason in refusal(uri)
    assert reason in refusal(uri, "not there yet")


def test_a_store_that_is_busy_may_be_free_later(uri: str) -> None:
    with closing(sqlite3.connect(uri.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("begin exclusive")
        assert find_fault(uri, "fine", seconds=0.1) is None


def test_a_damaged_store_is_refused(uri: str, tmp_path: Path) -> None:
    with (tmp_path / "mlflow.db").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 200_000)
    assert "database disk image is malformed" in refusal(uri)


@pytest.mark.long
def test_the_ways_out_of_a_deleted_experiment_and_of_old_tables_lead_out(
    uri: str, tmp_path: Path
) -> None:
    run_way_out(refusal(uri, "deleted"))
    check_tracking_uri(uri, experiment="deleted")
    old = f"sqlite:///{tmp_path}/old.db"
    make_old_store(old)
    run_way_out(refusal(old))
    check_tracking_uri(old, experiment="fine")


def make_old_store(uri: str) -> None:
    """Tables as an MLflow of some versions ago has left them."""
    import sqlalchemy as sa
    from alembic import command
    from mlflow.store.db.utils import InitialBase, _get_alembic_config

    InitialBase.metadata.create_all(sa.create_engine(uri))
    command.upgrade(_get_alembic_config(uri), "451aebb31d03")


@pytest.mark.long
def test_a_database_on_a_server_that_refuses_us_is_named(postgres: PostgresServer) -> None:
    postgres.sql("CREATE DATABASE faults")
    uri = postgres.url("faults").replace("postgresql:", "postgresql+psycopg:")
    connect(uri)._tracking_client.store.engine.dispose()
    check_tracking_uri(uri, experiment="fine")
    assert 'database "nowhere" does not exist' in refusal(uri.replace("/faults", "/nowhere"))
    wrong = refusal(uri.replace("admin@", f"{USER}:secret@"))
    assert "password authentication failed" in wrong
    assert "secret" not in wrong
    postgres.sql("CREATE ROLE reader LOGIN")
    postgres.sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader", "faults")
    assert "permission denied for table runs" in refusal(uri.replace("admin@", "reader@"))
    check_tracking_uri(uri.replace("admin@", "reader@"))
    postgres.sql("ALTER DATABASE faults SET default_transaction_read_only = on")
    assert "in a read-only transaction" in refusal(uri)
    postgres.stop()
    try:
        fault = find_fault(uri)
    finally:
        postgres.start()
    assert fault
    assert fault.may_pass


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (404, "not here", "is not a working MLflow server (status 404)"),
        (200, "<html>welcome</html>", "is not a working MLflow server (status 200)"),
        (200, '{"hello": "world"}', "is not a working MLflow server (status 200)"),
        (200, '{"experiment": 5}', "is not a working MLflow server (status 200)"),
        (
            401,
            "who are you?",
            "refused us with status 401 (who are you?); set MLFLOW_",
        ),
        (403, "Permission denied", "refused us with status 403 (Permission denied); set MLFLOW_"),
        (503, '{"message": "attempt to write a readonly database"}', "the server cannot write ("),
    ],
)
def test_what_answers_and_can_take_no_runs_is_refused(status: int, body: str, reason: str) -> None:
    with answering(status, body) as uri:
        assert reason in refusal(uri)
        fault = find_fault(uri, "fine")
        assert fault
        assert not fault.may_pass


def test_a_server_with_a_fault_of_its_own_may_be_well_later() -> None:
    with answering(503, '{"message": "database is locked"}') as uri:
        fault = find_fault(uri, "fine")
        assert fault
        assert fault.may_pass


@contextmanager
def answering(status: int, body: str) -> Iterator[str]:
    """The address of a server that answers everything alike."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
