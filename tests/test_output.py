import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tune_noise import __version__
from tune_noise.config.loader import build_search, read_space
from tune_noise.config.search import SearchConfig
from tune_noise.data import Dataset, load_dataset
from tune_noise.errors import UserError
from tune_noise.output import (
    RECORD_FILE,
    SEARCH_FILE,
    begin,
    check_folder,
    dataset_facts,
    own_folder,
    plain,
    source_commit,
)
from tune_noise.record import Event, Record

SEARCH = build_search(
    {
        "name": "mine",
        "title": "what: is [this]?",
        "conditions": {"noise_rate": [0.2, 0.45]},
        "search": {
            "lr": {"loguniform": [1e-05, 0.01]},
            "patience": {"choice": [None, 5]},
            "tau": {"uniform": [0.1, 0.5], "when": {"method": "co_teaching"}},
        },
        "fixed": {"method": "co_teaching"},
        "early_stopping": {"grace_epochs": 10, "reduction_factor": 2},
    },
    source="mine.yaml",
)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "mine"


@pytest.fixture
def begun(folder: Path, digits: Dataset) -> Iterator[Path]:
    """The folder of a search that has begun."""
    with own_folder(folder), Record(folder / RECORD_FILE) as record:
        begin(record, SEARCH, digits, folder)
    return folder


def changed(**values: Any) -> SearchConfig:
    return SearchConfig.model_validate(plain(SEARCH) | values)


def test_the_search_file_is_a_space_that_gives_the_same_search(begun: Path) -> None:
    path = begun / SEARCH_FILE
    assert build_search(read_space(path), source=str(path)) == SEARCH
    text = path.read_text("utf-8")
    assert f"tune-noise {__version__}" in text
    for word in ("torch", "ray", "optuna", "python", "# Commit:", "digits, fingerprint"):
        assert word in text


def test_plain_values_are_what_yaml_and_json_can_hold() -> None:
    values = plain(SEARCH)
    assert yaml.safe_load(yaml.safe_dump(values)) == values
    assert "compare" not in values  # null is left out
    assert values["search"]["patience"]["choice"] == [None, 5]  # but not among the values


def test_a_record_begins_with_what_is_needed_to_run_it_again(begun: Path, digits: Dataset) -> None:
    with Record(begun / RECORD_FILE) as record:
        [event] = record.events()
    assert event.kind == "search"
    assert event.data["config"] == plain(SEARCH)
    assert event.data["dataset"] == dataset_facts(digits)
    assert set(event.data) == {"search_id", "config", "versions", "commit", "dataset", "machine"}


def test_beginning_again_writes_the_file_again_and_nothing_else(
    begun: Path, digits: Dataset
) -> None:
    before = (begun / SEARCH_FILE).read_bytes()
    (begun / SEARCH_FILE).unlink()  # as if killed between the record and the file
    with Record(begun / RECORD_FILE) as record:
        begin(record, SEARCH, digits, begun)
        assert len(list(record.events())) == 1
    assert (begun / SEARCH_FILE).read_bytes() == before


def test_checking_a_new_folder_writes_nothing(folder: Path, digits: Dataset) -> None:
    for resume in (False, True):
        assert check_folder(folder, SEARCH, digits, resume=resume) is None
    assert list(folder.parent.parent.iterdir()) == []


def test_a_folder_with_a_search_is_refused_without_resume(begun: Path, digits: Dataset) -> None:
    with pytest.raises(UserError, match=r"holds a search already: continue it with --resume"):
        check_folder(begun, SEARCH, digits, resume=False)


def test_the_same_search_may_go_on(begun: Path, digits: Dataset) -> None:
    history = check_folder(begun, SEARCH, digits, resume=True)
    assert history is not None
    assert not history.finished
    on_more_cores = changed(resources={"cpus_per_trial": 2.0})
    assert check_folder(begun, on_more_cores, digits, resume=True) is not None


def test_another_search_is_refused_with_every_difference(begun: Path, digits: Dataset) -> None:
    with pytest.raises(UserError) as caught:
        check_folder(begun, changed(trials=3, seed=7), digits, resume=True)
    message = str(caught.value)
    assert "holds another search: choose another --name" in message
    assert message.splitlines()[1:] == ["  trials: 20 there, 3 now", "  seed: 0 there, 7 now"]


def test_other_data_are_refused(begun: Path, digits: Dataset) -> None:
    other = replace(digits, train_labels=np.roll(digits.train_labels, 1))
    with pytest.raises(UserError, match=rf"data: fingerprint {digits.fingerprint} there"):
        check_folder(begun, SEARCH, other, resume=True)


def test_another_version_is_refused(
    begun: Path, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tune_noise.output.version", lambda name: "9.9")
    with pytest.raises(UserError, match=rf"tune_noise: {__version__} there, 9\.9 now"):
        check_folder(begun, SEARCH, digits, resume=True)


def test_a_record_that_was_only_opened_is_begun(folder: Path, digits: Dataset) -> None:
    with own_folder(folder):
        Record(folder / RECORD_FILE).close()
    history = check_folder(folder, SEARCH, digits, resume=True)
    assert history is not None
    with Record(folder / RECORD_FILE) as record:
        begin(record, SEARCH, digits, folder)
        assert [event.kind for event in record.events()] == ["search"]


def test_a_finished_search_is_known_to_be(begun: Path, digits: Dataset) -> None:
    with Record(begun / RECORD_FILE) as record:
        record.append(Event("finish"), durable=True)
    history = check_folder(begun, SEARCH, digits, resume=True)
    assert history is not None
    assert history.finished


def test_a_folder_that_cannot_be_made_is_refused(folder: Path, digits: Dataset) -> None:
    folder.parent.mkdir()
    folder.write_text("a file")
    with pytest.raises(UserError, match="is not a folder: choose another one"):
        check_folder(folder, SEARCH, digits, resume=False)
    with pytest.raises(UserError, match="cannot be made"), own_folder(folder):
        pass


def test_a_second_driver_is_refused_while_the_first_lives(folder: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from tune_noise.output import own_folder\n"
        "with own_folder(Path(sys.argv[1])): print('mine', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"mine\n"
        with pytest.raises(UserError, match="a search is running in it"), own_folder(folder):
            pass
        first.kill()
    with own_folder(folder):
        pass


def test_the_commit_is_short_and_says_whether_files_differ() -> None:
    commit = source_commit()
    if commit is not None:
        assert len(commit.rstrip("+")) == 12
