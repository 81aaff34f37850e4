from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tune_noise import __version__
from tune_noise.config.loader import build_search, read_space
from tune_noise.data import Dataset
from tune_noise.record import RECORD_FILE, Record
from tune_noise.record.folder import SEARCH_FILE
from tune_noise.service.begin import (
    begin,
    dataset_facts,
    source_commit,
)
from tune_noise.system.lock import own_folder

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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "mine"


@pytest.fixture
def begun(folder: Path, digits: Dataset) -> Iterator[Path]:
    """The folder of a search that has begun."""
    with own_folder(folder), Record(folder / RECORD_FILE) as record:
        sentences = ["all: 126 validation images see little"]
        begin(record, SEARCH, digits, folder, resolution=sentences, space="pair_flip")
    return folder


def test_the_search_file_is_a_space_that_gives_the_same_search(begun: Path) -> None:
    path = begun / SEARCH_FILE
    assert build_search(read_space(path), source=str(path)) == SEARCH
    text = path.read_text("utf-8")
    assert f"tune-noise {__version__}" in text
    for word in ("torch", "ray", "optuna", "python", "# Commit:", "digits, fingerprint"):
        assert word in text


def test_plain_values_are_what_yaml_and_json_can_hold() -> None:
    values = SEARCH.to_plain()
    assert yaml.safe_load(yaml.safe_dump(values)) == values
    assert "compare" not in values  # null is left out
    assert values["search"]["patience"]["choice"] == [None, 5]  # but not among the values


def test_a_record_begins_with_what_is_needed_to_run_it_again(begun: Path, digits: Dataset) -> None:
    with Record(begun / RECORD_FILE) as record:
        [event] = record.events()
    assert event.kind == "search"
    assert event.data["config"] == SEARCH.to_plain()
    assert event.data["dataset"] == dataset_facts(digits)
    assert event.data["resolution"] == ["all: 126 validation images see little"]
    assert event.data["space"] == "pair_flip"
    assert event.data["own"] == {}, "nothing of a user's own is searched"
    facts = {"commit", "config", "dataset", "machine", "own", "resolution", "search_id", "versions"}
    assert set(event.data) == facts | {"space"}


def test_beginning_again_writes_the_file_again_and_nothing_else(
    begun: Path, digits: Dataset
) -> None:
    before = (begun / SEARCH_FILE).read_bytes()
    (begun / SEARCH_FILE).unlink()  # as if killed between the record and the file
    with Record(begun / RECORD_FILE) as record:
        begin(record, SEARCH, digits, begun)
        assert len(list(record.events())) == 1
    assert (begun / SEARCH_FILE).read_bytes() == before


def test_the_commit_is_short_and_says_whether_files_differ() -> None:
    commit = source_commit()
    if commit is not None:
        assert len(commit.rstrip("+")) == 12
