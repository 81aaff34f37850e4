"""One place opens the record of a folder, and says why it cannot."""

from pathlib import Path

import pytest

from tests.support.histories import Builder, epoch
from tune_noise.config.loader import find_space, read_space
from tune_noise.errors import ConfigError, UserError
from tune_noise.history.open import find_record, read_history, read_recorded_search
from tune_noise.record import Event, Record
from tune_noise.record.reach import exists


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    build = Builder(**{**read_space(find_space("smoke")), "name": "mine"})
    build.add(epoch(0.4), method="standard", lr=0.002)
    path = tmp_path / "mine"
    path.mkdir()
    with Record(path / "record.db", writer=True) as record:
        record.append(*build.events)
    return path


def test_the_history_and_the_search_of_a_folder_are_read(folder: Path) -> None:
    assert exists(find_record(folder))
    assert len(read_history(folder).trials) == 1
    assert read_recorded_search(folder).trials == 8
    assert read_recorded_search(folder, overrides={"trials": 20}).trials == 20


def test_values_that_do_not_fit_are_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="the search in"):
        read_recorded_search(folder, overrides={"trials": -1})


def test_a_folder_without_a_search_is_named(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UserError, match=f"{path} holds no search: nothing is recorded"):
            read_history(path)


def test_a_search_that_has_not_begun_says_how_to_begin_it(tmp_path: Path) -> None:
    with Record(tmp_path / "record.db", writer=True) as record:
        record.append(Event("note", data={"text": "warm", "is_warning": False}))
    with pytest.raises(UserError, match="has not begun: run its command again"):
        read_history(tmp_path)
