"""A search goes on where it was begun, or is refused with everything that differs."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tune_noise import __version__
from tune_noise.config.loader import build_search
from tune_noise.config.search import SearchConfig
from tune_noise.data import Dataset
from tune_noise.errors import UserError
from tune_noise.history.replay import History
from tune_noise.record import RECORD_FILE, Event, Record, RecordPlace
from tune_noise.record.folder import SEARCH_FILE
from tune_noise.service.begin import begin
from tune_noise.service.continuation import changed_code, grows, read_begun
from tune_noise.system.lock import own_folder

SEARCH = build_search(
    {
        "name": "mine",
        "conditions": {"noise_rate": [0.2, 0.45]},
        "search": {"lr": {"loguniform": [1e-05, 0.01]}},
    },
    source="mine.yaml",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "mine"


@pytest.fixture
def begun(folder: Path, digits: Dataset) -> Path:
    """The folder of a search that has begun."""
    with own_folder(folder), Record(folder / RECORD_FILE) as record:
        begin(record, SEARCH, digits, folder)
    return folder


def changed(**values: Any) -> SearchConfig:
    return SearchConfig.model_validate(SEARCH.to_plain() | values)


def read(folder: Path, search: SearchConfig, dataset: Dataset, *, resume: bool = True) -> Any:
    place = RecordPlace.of_folder(folder)
    return read_begun(folder, place, search, dataset, resume=resume)


def append(folder: Path, *events: Event) -> None:
    with Record(folder / RECORD_FILE) as record:
        record.append(*events, durable=True)


def test_where_nothing_has_begun_nothing_is_written(folder: Path, digits: Dataset) -> None:
    for resume in (False, True):
        assert read(folder, SEARCH, digits, resume=resume) is None
    assert list(folder.parent.parent.iterdir()) == []


def test_a_folder_with_a_search_is_refused_without_resume(begun: Path, digits: Dataset) -> None:
    with pytest.raises(UserError, match=r"holds a search already: continue it with --resume"):
        read(begun, SEARCH, digits, resume=False)


def test_the_same_search_may_go_on(begun: Path, digits: Dataset) -> None:
    history = read(begun, SEARCH, digits)
    assert not history.finished
    assert not grows(history, SEARCH, None)
    on_more_cores = changed(resources={"cpus_per_trial": 2.0})
    assert read(begun, on_more_cores, digits) is not None


def test_another_search_is_refused_with_every_difference(begun: Path, digits: Dataset) -> None:
    with pytest.raises(UserError) as caught:
        read(begun, changed(trials=3, seed=7), digits)
    message = str(caught.value)
    assert "holds another search: choose another --name" in message
    assert f"--space {begun / SEARCH_FILE}" in message
    assert message.splitlines()[1:] == [
        "  trials: 20 there, 3 now (a search may grow, not shrink)",
        "  seed: 0 there, 7 now",
    ]


def test_more_trials_are_accepted_recorded_and_asked_for_from_then_on(
    begun: Path, digits: Dataset
) -> None:
    append(begun, Event("finish"))
    larger = changed(trials=30)
    before = read(begun, larger, digits)
    assert before.finished
    assert grows(before, larger, None)
    with Record(begun / RECORD_FILE) as record:
        history = begin(record, larger, digits, begun)
        assert History.replay(record.events()).config == larger
        assert [event.kind for event in record.events()] == ["search", "finish", "extend"]
    assert not history.finished
    assert history.config == larger
    assert "trials: 30" in (begun / SEARCH_FILE).read_text("utf-8")
    assert not grows(read(begun, larger, digits), larger, None)
    with pytest.raises(UserError, match="trials: 30 there, 20 now"):
        read(begun, SEARCH, digits)


def test_more_time_than_was_used_up_lets_a_search_grow(begun: Path, digits: Dataset) -> None:
    used = {"text": "over", "is_warning": True, "used_up_seconds": 60.0}
    append(begun, Event("note", data=used), Event("finish"))
    history = read(begun, SEARCH, digits)
    assert grows(history, SEARCH, 61.0)
    assert grows(history, SEARCH, None)
    assert not grows(history, SEARCH, 60.0)


def test_other_data_are_refused(begun: Path, digits: Dataset) -> None:
    other = replace(digits, train_labels=np.roll(digits.train_labels, 1))
    with pytest.raises(UserError, match=rf"data: fingerprint {digits.fingerprint} there"):
        read(begun, SEARCH, other)


def test_another_encoder_is_refused_by_name(folder: Path, digits: Dataset) -> None:
    about = {"name": "tfidf", "takes": "texts", "fields": {"ngrams": 2}, "digest": "a" * 32}
    first = replace(digits, encoder=about | {"version": {"package": "scikit-learn 1.5"}})
    with own_folder(folder), Record(folder / RECORD_FILE) as record:
        begin(record, SEARCH, first, folder)
    assert read(folder, SEARCH, first) is not None
    other = about | {"version": {"package": "scikit-learn 1.6"}, "digest": "b" * 32}
    before, now = "scikit-learn 1.5", "scikit-learn 1.6"
    line = (
        f"  encoder: tfidf (ngrams 2, package {before}) there, tfidf (ngrams 2, package {now}) now"
    )
    with pytest.raises(UserError, match=re.escape(line)):
        read(folder, SEARCH, replace(digits, encoder=other))
    with pytest.raises(UserError, match=f"package {before}\\) there, none now"):
        read(folder, SEARCH, digits)


@pytest.mark.parametrize("package", ["tune-noise", "torch", "optuna", "numpy"])
def test_another_version_of_what_decides_is_refused(
    begun: Path, digits: Dataset, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    from importlib.metadata import version

    monkeypatch.setattr(
        "tune_noise.service.continuation.version",
        lambda name: "9.9" if name == package else version(name),
    )
    there = __version__ if package == "tune-noise" else version(package)
    with pytest.raises(UserError) as caught:
        read(begun, SEARCH, digits)
    assert str(caught.value).splitlines()[1:] == [f"  {package}: {there} there, 9.9 now"]


def test_a_record_that_was_only_opened_is_begun(folder: Path, digits: Dataset) -> None:
    with own_folder(folder):
        Record(folder / RECORD_FILE).close()
    assert read(folder, SEARCH, digits) is None
    with Record(folder / RECORD_FILE) as record:
        begin(record, SEARCH, digits, folder)
        assert [event.kind for event in record.events()] == ["search"]


def test_other_code_of_the_same_version_is_said(
    begun: Path, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = read(begun, SEARCH, digits)
    assert changed_code(history) is None
    monkeypatch.setattr("tune_noise.service.continuation.source_commit", lambda: "abc123")
    assert "goes on with abc123" in str(changed_code(history))


def test_a_search_that_has_split_equal_inputs_is_refused_and_told_why(
    folder: Path, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = np.tile(np.arange(300), 2)
    labels = digits.train_labels[copies]
    images = digits.train_inputs[copies]
    twice = replace(digits, train_inputs=images, train_labels=labels, true_labels=labels)
    earlier = {"name": "digits", "fingerprint": "0123456789abcdef"}
    monkeypatch.setattr("tune_noise.service.begin.dataset_facts", lambda dataset: earlier)
    with own_folder(folder), Record(folder / RECORD_FILE) as record:
        begin(record, SEARCH, twice, folder)
    with pytest.raises(UserError, match=r"data: fingerprint .* equal inputs stay together"):
        read(folder, SEARCH, twice)
    with pytest.raises(UserError, match=r"data: fingerprint .* now$"):
        read(folder, SEARCH, digits)
