"""Suspects end to end, without Ray: what is written, what is done again, and the page."""

import csv
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support.histories import Builder, epoch
from tune_noise.data import Dataset
from tune_noise.data.sources.raw import RawForm
from tune_noise.errors import UserError
from tune_noise.history.replay import History
from tune_noise.metrics.suspicion import average_precision
from tune_noise.record import RECORD_FILE, Event, Record
from tune_noise.record.folder import judgements_file
from tune_noise.reporting import write_outputs
from tune_noise.suspects import suspects
from tune_noise.training.cross_fit import Fold, make_folds, save_fold, train_fold
from tune_noise.winners.find_suspects import find_suspects, train_here

SPACE: dict[str, Any] = {
    "noise": "symmetric",
    "conditions": {"noise_rate": [0.4]},
    "fixed": {"model": "perceptron", "lr": 0.01, "val_fraction": 0.3},
    "epochs": 4,
    "confirm": {"finalists": 1, "seeds": 2},
}
CONDITION = "noise_rate=0.4"


class Searched:
    """A confirmed search, and all that its driver does to find suspects."""

    def __init__(self, dataset: Dataset, folder: Path, **changes: Any) -> None:
        self.dataset, self.folder = dataset, folder
        folder.mkdir(exist_ok=True)
        self.builder = Builder(**{**SPACE, **changes})
        self.builder.add_finalist([0.5, 0.4])
        self.history = self.builder.history(finished=False)
        self.trained: list[str] = []
        self.notes: list[str] = []

    @property
    def target(self) -> Path:
        return self.folder / "winners" / CONDITION

    def find(self, *, folds: int = 3, killed_after: int | None = None) -> None:
        def train(missing: Sequence[Fold]) -> Iterator[tuple[Fold, np.ndarray | str]]:
            for fold, found in train_here(missing, self.dataset, device="cpu"):
                if killed_after is not None and len(self.trained) == killed_after:
                    raise KeyboardInterrupt
                self.trained.append(fold.name)
                yield fold, found

        def note(text: str, *, is_warning: bool, **facts: Any) -> None:
            data = {"text": text, "is_warning": is_warning, **facts}
            self.history.apply(Event("note", data=data))
            self.notes.append(text)

        find_suspects(self.history, self.dataset, self.folder, folds=folds, train=train, note=note)

    def rows(self) -> list[dict[str, str]]:
        with (self.target / "suspects.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    def page(self) -> str:
        write_outputs(self.history, self.folder)
        return (self.folder / "report.html").read_text("utf-8")


@pytest.fixture
def searched(few_digits: Dataset, tmp_path: Path) -> Searched:
    return Searched(few_digits, tmp_path / "demo")


def test_the_table_ranks_every_example_and_its_figures_are_those_of_the_record(
    searched: Searched,
) -> None:
    searched.find()
    rows = searched.rows()
    assert list(rows[0]) == [
        "rank",
        "index",
        "given_label",
        "predicted_label",
        "suspicion",
        "label_score",
        "is_label_issue",
        "fold",
        "true_label",
    ]
    number = len(searched.dataset.train_labels)
    assert [int(row["rank"]) for row in rows] == list(range(1, number + 1))
    assert sorted(int(row["index"]) for row in rows) == list(range(number))
    wrong = np.array([row["given_label"] != row["true_label"] for row in rows])
    facts = searched.history.suspects[CONDITION]
    ranking = -np.arange(float(number))
    assert facts["average_precision"] == pytest.approx(average_precision(ranking, wrong), abs=1e-3)
    assert facts["average_precision"] > wrong.mean() + 0.2
    flagged = np.array([float(row["suspicion"]) > 0.5 for row in rows])
    assert facts["suspects"] == flagged.sum()
    assert [row["is_label_issue"] for row in rows] == [str(flag) for flag in flagged.tolist()]
    assert facts["precision"] == pytest.approx(wrong[flagged].mean())
    assert facts["recall"] == pytest.approx(flagged[wrong].mean())
    assert sorted(path.name for path in searched.target.iterdir()) == [
        "judged.safetensors",
        "suspects.csv",
        "suspects.json",
    ]


def test_a_killed_cross_fitting_goes_on_with_what_is_missing_and_ends_the_same(
    searched: Searched, few_digits: Dataset, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        searched.find(killed_after=2)
    assert not (searched.target / "suspects.csv").exists()
    assert searched.notes == []
    searched.find()
    assert searched.trained == ["1 of 3", "2 of 3", "3 of 3"]
    whole = Searched(few_digits, tmp_path / "whole")
    whole.find()
    for name in ("suspects.csv", "suspects.json"):
        assert (searched.target / name).read_bytes() == (whole.target / name).read_bytes()


def test_what_is_there_is_not_done_again_and_told_once(searched: Searched) -> None:
    for _ in range(2):
        searched.find()
    assert len(searched.trained) == 3
    assert len(searched.notes) == 1


def test_a_leader_that_left_its_predictions_is_not_trained_again(searched: Searched) -> None:
    trial_id = next(iter(searched.history.trials))
    config = searched.history.trials["t0002"].config
    assert trial_id == "t0001"
    [fold] = make_folds(config, searched.dataset, count=1)
    judgements = train_fold(fold, searched.dataset)
    save_fold(judgements_file(searched.folder, "t0002"), fold, judgements)
    searched.find(folds=1)
    assert searched.trained == []
    table = (searched.target / "suspects.csv").read_bytes()
    assert {row["fold"] for row in searched.rows()} == {"0", "1"}
    assert searched.history.suspects[CONDITION]["folds"] == 1
    # Where they are lost it is trained once more, and says the same.
    shutil.rmtree(searched.target)
    judgements_file(searched.folder, "t0002").unlink()
    searched.find(folds=1)
    assert searched.trained == ["1 of 1"]
    assert (searched.target / "suspects.csv").read_bytes() == table
    # Folds that are asked for take its place, and nothing but folds takes theirs.
    searched.find(folds=2)
    searched.find(folds=1)
    assert searched.trained[1:] == ["1 of 2", "2 of 2"]
    assert searched.history.suspects[CONDITION]["folds"] == 2


def test_a_driver_killed_before_its_note_tells_the_record_later(searched: Searched) -> None:
    searched.find()
    facts, searched.history.suspects = dict(searched.history.suspects), {}
    searched.find()
    assert searched.history.suspects == facts
    assert len(searched.trained) == 3


@pytest.mark.parametrize("name", ["suspects.csv", "suspects.json"])
def test_a_damaged_table_is_made_again(name: str, searched: Searched) -> None:
    searched.find()
    before = (searched.target / name).read_bytes()
    (searched.target / name).write_bytes(before[:-40])
    searched.find()
    assert len(searched.trained) == 6
    assert (searched.target / name).read_bytes() == before


def test_a_new_leader_gets_a_table_of_its_own(searched: Searched) -> None:
    searched.find()
    searched.builder.add_finalist([0.9, 0.8], lr=0.003)
    known = searched.history.suspects
    searched.history = searched.builder.history(finished=False)
    searched.history.suspects = known
    searched.find()
    assert len(searched.trained) == 6
    assert searched.history.suspects[CONDITION]["trial_id"] == "t0005"


def test_no_folds_and_no_leader_leave_nothing_behind(
    searched: Searched, few_digits: Dataset, tmp_path: Path
) -> None:
    searched.find(folds=0)
    empty = Searched(few_digits, tmp_path / "empty")
    empty.history = Builder(**SPACE).history(finished=False)
    empty.find()
    assert not list(searched.folder.iterdir())
    assert not list(empty.folder.iterdir())


def test_a_fold_that_cannot_be_trained_is_told_and_the_search_goes_on(
    few_digits: Dataset, tmp_path: Path
) -> None:
    fixed = {"model": "mlp4", "optimizer": "sgd", "lr": 10.0, "momentum": 0.99, "batch_size": 4}
    searched = Searched(few_digits, tmp_path / "demo", fixed=fixed)
    for _ in range(2):
        searched.find()
    [warning] = searched.history.warnings
    assert "diverged: loss is not finite in epoch 1" in warning
    assert searched.history.suspects == {}
    assert "Labels that are probably wrong" not in searched.page()


def test_the_page_shows_the_most_suspicious_images_with_their_labels_in_words(
    searched: Searched,
) -> None:
    searched.find()
    page = searched.page()
    first = searched.rows()[0]
    assert "Labels that are probably wrong" in page
    assert f'alt="example {first["index"]}: given {first["given_label"]}, predicted ' in page
    assert page.count("data:image/png;base64,") == 40
    average = searched.history.suspects[CONDITION]["average_precision"]
    assert f"average precision of the ranking {average:.3f}" in page
    summary = json.loads((searched.folder / "summary.json").read_text())
    assert summary["conditions"][0]["suspects"] == searched.history.suspects[CONDITION]


NAMES = tuple(f"<b>{word}</b>, $" for word in "abcdefghij")


@pytest.fixture
def named(few_digits: Dataset) -> Dataset:
    """Digits as features with ids and names that a page must escape and a table must quote."""
    return replace(
        few_digits,
        train_inputs=few_digits.train_inputs.reshape(-1, 64).astype(np.float32),
        test_inputs=few_digits.test_inputs.reshape(-1, 64).astype(np.float32),
        class_names=NAMES,
        train_ids=np.array([f"id <{n}>" for n in range(len(few_digits.train_labels))]),
    )


def test_features_are_told_by_id_and_class_name(named: Dataset, tmp_path: Path) -> None:
    searched = Searched(named, tmp_path / "demo")
    searched.builder.events[0].data["dataset"] = {"class_names": list(NAMES)}
    searched.history = searched.builder.history(finished=False)
    searched.find()
    rows = searched.rows()
    assert list(rows[0])[:4] == ["rank", "index", "id", "given_label"]
    for row in rows:
        assert row["id"] == named.train_ids[int(row["index"])]
        assert {row["given_label"], row["predicted_label"], row["true_label"]} <= set(NAMES)
    page = searched.page()
    first = rows[0]
    labels = escape(f"{first['given_label']} → {first['predicted_label']}")
    assert f'<span class="labels">{labels}</span>' in page
    assert f"<small>{escape(first['id'])} · suspicion " in page
    assert "<b>" not in page
    assert page.count('<span class="labels">') == 40


def test_texts_are_shown(named: Dataset, tmp_path: Path) -> None:
    shown = np.array([f"a <i>review</i>, number {n}" for n in range(419)], object)
    searched = Searched(replace(named, shown=shown), tmp_path / "demo")
    searched.find()
    index = searched.rows()[0]["index"]
    assert f"a &lt;i&gt;review&lt;/i&gt;, number {index}" in searched.page()


def test_photos_are_shown_as_pictures(named: Dataset, tmp_path: Path) -> None:
    Image.new("CMYK", (300, 200)).save(tmp_path / "photo.jpg")
    (tmp_path / "gone.jpg").write_bytes(b"")
    paths = [tmp_path / ("gone.jpg" if n == 7 else "photo.jpg") for n in range(419)]
    shown, form = np.array(list(map(str, paths)), object), RawForm(kind="photos")
    searched = Searched(replace(named, shown=shown, form=form), tmp_path / "demo")
    searched.find()
    page = searched.page()
    assert page.count("data:image/png;base64,") == 40
    assert '<ul class="sheet" ' in page


def test_a_sheet_that_cannot_be_trusted_is_left_out(searched: Searched) -> None:
    searched.find()
    path = searched.target / "suspects.json"
    content = json.loads(path.read_text())
    sheet = content["sheet"]
    evil = 'x" onerror="alert(1)'
    for broken in ("{", "[]", json.dumps({**content, "sheet": [{**sheet[0], "png": evil}]})):
        path.write_text(broken)
        page = searched.page()
        assert "Labels that are probably wrong" in page
        assert "data:image/png" not in page
        assert "onerror" not in page


def test_without_truth_neither_page_nor_table_speaks_of_it(
    few_digits: Dataset, tmp_path: Path
) -> None:
    dataset = replace(few_digits, true_labels=None)
    changes = {"noise": "given", "conditions": {"val_fraction": [0.3]}}
    changes["fixed"] = {"model": "perceptron", "lr": 0.01}
    searched = Searched(dataset, tmp_path / "demo", **changes)
    searched.find()
    [facts] = searched.history.suspects.values()
    assert not {"precision", "recall", "average_precision", "wrong_labels"} & set(facts)
    assert "Which labels are wrong is not known here" in searched.page()
    [table] = searched.folder.glob("winners/*/suspects.csv")
    assert "true_label" not in table.read_text().splitlines()[0]


def test_the_command_finds_the_suspects_of_a_finished_search(
    digits: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    searched = Searched(digits, tmp_path / "demo", suspects={"folds": 0}, trials=1)
    events = [*searched.builder.events, Event("finish")]
    events[0].data["dataset"] = {"fingerprint": digits.fingerprint}
    with Record(searched.folder / RECORD_FILE, writer=True) as record:
        record.append(*events[:-1], durable=True)
    with pytest.raises(UserError, match="not finished"):
        suspects(searched.folder, folds=2, device="cpu", threads=1)
    with Record(searched.folder / RECORD_FILE, writer=True) as record:
        record.append(events[-1], durable=True)
    suspects(searched.folder, folds=2, device="cpu", threads=1)
    assert "labels are more likely wrong than right" in capsys.readouterr().out
    assert len(searched.rows()) == len(digits.train_labels)
    with Record(searched.folder / RECORD_FILE) as record:
        history = History.replay(record.events())
    assert history.finished
    assert history.suspects[CONDITION]["folds"] == 2
    assert "Labels that are probably wrong" in (searched.folder / "report.html").read_text("utf-8")


def test_a_search_trial_alone_has_no_suspects(few_digits: Dataset, tmp_path: Path) -> None:
    searched = Searched(few_digits, tmp_path / "demo")
    builder = Builder(**SPACE)
    builder.add(epoch(0.5))
    searched.history = builder.history(finished=False)
    searched.find()
    assert searched.trained == []
