from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_noise.errors import UserError
from tune_noise.record import RECORD_FILE, Event, Record, RecordPlace
from tune_noise.record.reach import check, exists

URL = "postgresql://ada:secret@db.example:5433/searches?sslmode=require"
# Of a folder, without control characters and ends of lines.
_CHARACTERS = st.characters(
    codec="utf-8", exclude_characters="/", exclude_categories=["C", "Zl", "Zp"]
)
NAMES = st.text(_CHARACTERS, min_size=1, max_size=40)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "uniform"
    made.mkdir()
    return made


def test_a_search_s_record_is_a_file_in_its_folder_unless_told_otherwise(folder: Path) -> None:
    place = RecordPlace.of_folder(folder)
    assert place.path == folder / RECORD_FILE
    assert place.shown == str(folder / RECORD_FILE)
    assert not exists(place)
    check(place)
    place.remember(folder)
    assert list(folder.iterdir()) == []
    Record(place).close()
    assert exists(RecordPlace.of_folder(folder))


def test_a_file_s_record_goes_with_its_folder_whatever_its_name(folder: Path) -> None:
    with Record(RecordPlace.of_folder(folder)) as record:
        record.append(Event("search"))
    odd = folder.rename(folder.parent / "50 %41 done? #1 ; ü")
    with Record(RecordPlace.of_folder(odd)) as record:
        assert len(list(record.events())) == 1


def test_a_database_is_remembered_without_its_password(folder: Path) -> None:
    place = RecordPlace.of_folder(folder, URL)
    assert place.path is None
    assert place.search == "uniform"
    place.remember(folder)
    written = (folder / "record.url").read_text()
    assert "secret" not in written
    again = RecordPlace.of_folder(folder)
    assert again.search == "uniform"
    assert again.url == place.url.replace(":secret", "")


@given(name=NAMES, password=st.text(st.characters(codec="utf-8", exclude_characters="@\0 ")))
def test_any_name_and_password_are_remembered_and_found_again(
    tmp_path_factory: pytest.TempPathFactory, name: str, password: str
) -> None:
    folder = tmp_path_factory.mktemp("names")
    password = "".join(password.split())
    place = RecordPlace.of_url(f"postgresql://ada:Secret{password}@db.example/searches", name)
    place.remember(folder)
    again = RecordPlace.of_folder(folder)
    assert again == RecordPlace.of_url("postgresql://ada@db.example/searches", name)
    text = (folder / "record.url").read_text("utf-8") + repr(place) + place.shown
    assert "Secret" not in text


def test_a_search_keeps_its_name_in_the_database_when_its_folder_is_renamed(folder: Path) -> None:
    RecordPlace.of_folder(folder, URL).remember(folder)
    moved = folder.rename(folder.parent / "kept")
    assert RecordPlace.of_folder(moved).search == "uniform"
    assert RecordPlace.of_folder(moved, URL).search == "uniform"


def test_a_url_with_its_password_is_used_where_the_folder_knows_the_same_database(
    folder: Path,
) -> None:
    RecordPlace.of_folder(folder, URL).remember(folder)
    for user in ("ada:secret", "bob:other"):
        url = f"postgresql://{user}@db.example:5433/searches"
        assert RecordPlace.of_folder(folder, url).url == url.replace("sql:", "sql+psycopg:")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://db.example:5433/others",
        "postgresql://db.example:5434/searches",
        "postgresql://db2.example:5433/searches",
        "sqlite:////tmp/x.db",
    ],
)
def test_a_folder_s_record_does_not_move_by_itself(folder: Path, url: str) -> None:
    RecordPlace.of_folder(folder, URL).remember(folder)
    with pytest.raises(UserError, match=r"is in postgresql://db\.example:5433/searches"):
        RecordPlace.of_folder(folder, url)


def test_a_search_that_began_in_its_own_file_stays_there(folder: Path) -> None:
    Record(folder / RECORD_FILE).close()
    with pytest.raises(
        UserError, match=r"in its own file, record.db, not .*TUNE_NOISE_RECORD unset"
    ):
        RecordPlace.of_folder(folder, URL)
    assert RecordPlace.of_folder(folder, "").path == folder / RECORD_FILE


def test_a_folder_s_own_file_may_be_given_by_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Record(RecordPlace.of_folder(folder)) as record:
        record.append(Event("search"))
    monkeypatch.chdir(folder.parent)
    relative = Path(folder.name)
    for url in (f"sqlite:///{folder}/record.db", f"sqlite:///{relative}/record.db"):
        place = RecordPlace.of_folder(relative, url)
        place.remember(relative)
        assert not (folder / "record.url").exists()
        with Record(place) as record:
            assert len(list(record.events())) == 1


def test_several_searches_may_share_a_file_elsewhere(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "shared.db"
    place = RecordPlace.of_folder(folder, f"sqlite:///{file}")
    assert (place.path, place.search) == (file, "uniform")
    place.remember(folder)
    assert RecordPlace.of_folder(folder) == place
    assert not exists(place)
    with Record(place, writer=True) as record:
        assert not exists(place)
        record.append(Event("search"))
    assert exists(place)


@pytest.mark.parametrize("text", ["", "x", "postgresql://h/d\n", "mysql://h/d\nuniform\n", "\xff"])
def test_a_damaged_note_of_the_place_is_refused(folder: Path, text: str) -> None:
    (folder / "record.url").write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=r"record.url does not say where the record is"):
        RecordPlace.of_folder(folder)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("runs/x.db", "this is not a URL"),
        ("ada:secret@db.example/x", "this is not a URL"),
        ("mysql://ada:secret@db.example/x", "the scheme 'mysql' is not supported"),
        ("http://ada:secret@db.example/x", "the scheme 'http' is not supported"),
        ("sqlite://", "names no file"),
        ("sqlite:///", "names no file"),
        ("postgresql://ada:more@secret@db.example/x", "@ is written %40"),
        ("postgresql://ada@db.example:secret/x", "cannot be read"),
        ("postgresql://ada:se cret@db exam/x", "cannot be read"),
        ("postgresql://[::1/x", "cannot be read"),
    ],
)
def test_a_url_that_is_none_is_refused(folder: Path, url: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        RecordPlace.of_folder(folder, url)
    assert "secret" not in str(caught.value)
    assert "write postgresql://" in str(caught.value) or "sqlite" in url


@given(st.text() | st.text().map(lambda text: f"postgresql://{text}"))
def test_any_text_as_a_url_is_a_place_or_an_error(text: str) -> None:
    folder = Path("/nowhere/uniform")
    try:
        place = RecordPlace.of_folder(folder, text)
    except UserError:
        return
    assert place.shown
    assert repr(place)
