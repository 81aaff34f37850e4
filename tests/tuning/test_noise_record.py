"""From training on digits to the page: what finalists tell of the noise, by way of the record."""

import html
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tune_noise.data import Dataset
from tune_noise.history.replay import History
from tune_noise.record import Event, Record
from tune_noise.reporting import write_outputs
from tune_noise.tuning.session.session import Session
from tune_noise.tuning.trainable import REPORT

from .actors import actor, news_of, stack_of
from .fake_trainer import fresh_record, make_search

pytestmark = pytest.mark.usefixtures("long_steps")


@pytest.fixture
def events(tmp_path: Path, few_digits: Dataset) -> list[Event]:
    """A whole search without Ray: the session asks, actors train, and all is recorded."""
    search = make_search(
        conditions={"noise_rate": [0.3]},
        noise="symmetric",
        search={"lr": {"loguniform": [0.01, 0.02]}},
        fixed={"model": "perceptron", "val_fraction": 0.4},
        compare=None,
        trials=2,
        epochs=4,
        early_stopping=None,
        confirm={"finalists": 2, "seeds": 2},
    )
    with fresh_record(tmp_path / "record.db", search) as record:
        session = Session(search, record)
        while stack := session.next_stack():
            made = actor(stack, few_digits, tmp_path, [])
            while not session.has_ended(stack):
                session.report(json.loads(made.step()[REPORT]))
        session.finish()
    with Record(tmp_path / "record.db") as record:
        return list(record.events())


def test_only_confirmations_tell_and_only_at_their_end(events: list[Event]) -> None:
    history = History.replay(events)
    for trial in history.trials.values():
        assert (trial.noise is not None) == (trial.stage == "confirm")
    telling = [event for event in events if "noise" in event.data]
    assert {event.kind for event in telling} == {"end"}
    assert len(telling) == 4


def test_the_report_is_made_of_the_record_alone(events: list[Event], tmp_path: Path) -> None:
    pages = []
    for name in ("one", "two"):
        write_outputs(History.replay(events), tmp_path / name)
        pages.append((tmp_path / name / "report.html").read_bytes())
    assert pages[0] == pages[1]
    page = html.unescape(pages[0].decode())
    for said in (
        "What the noise looks like",
        "noise rate, estimated from above",
        "clean-equivalent accuracy, by the known matrix",
        "The largest deviation from the measured matrix is",
    ):
        assert said in page
    table = pd.read_csv(tmp_path / "one" / "transition.csv")
    assert len(table) == 2 * 100
    rows = table.groupby(["finalist", "true_class"])[["estimate", "truth"]].sum()
    assert rows["truth"].to_numpy() == pytest.approx(1.0)
    known = table.dropna()
    assert (known["low"] <= known["estimate"] + 1e-12).all()
    assert (known["estimate"] <= known["high"] + 1e-12).all()
    # Of a noise this even most intervals hold what was drawn, whatever so small a network errs.
    held = (known["low"] <= known["truth"]) & (known["truth"] <= known["high"])
    assert held.mean() > 0.7
    diagonal = known[known["true_class"] == known["noisy_label"]]
    assert 0.4 < diagonal["estimate"].mean() < 0.75
    assert (tmp_path / "one" / "figures" / "transition_noise_rate=0.3.png").exists()


def test_the_tables_of_the_classes_agree_with_the_trials(
    events: list[Event], tmp_path: Path
) -> None:
    write_outputs(History.replay(events), tmp_path)
    trials = pd.read_csv(tmp_path / "trials.csv").query("stage == 'confirm'")
    classes = pd.read_csv(tmp_path / "tables" / "classes.csv")
    for labels, metric in (
        ("true", "test_balanced_accuracy_clean"),
        ("noisy", "val_balanced_accuracy_noisy"),
    ):
        rows = classes[classes["labels"] == labels]
        assert (rows["low"] <= rows["recall"]).all()
        assert (rows["recall"] <= rows["high"]).all()
        means = rows.groupby("finalist")["recall"].mean()
        for finalist, seeds in trials.groupby("finalist"):
            # Each seed draws its own noisy labels, and these add up.
            tolerance = 1e-9 if labels == "true" else 0.03
            assert means[finalist] == pytest.approx(seeds[metric].mean(), abs=tolerance)
    cells = pd.read_csv(tmp_path / "tables" / "confusion.csv")
    shares = cells.groupby(["finalist", "labels", "label"])["share"].sum()
    assert shares.to_numpy() == pytest.approx(1.0)
    assert "What becomes of each class" in (tmp_path / "report.html").read_text()
    [entry] = json.loads((tmp_path / "summary.json").read_text())["conditions"]
    assert len(entry["classes"]["true"]["lowest"]) == 10


def told(result: dict[str, Any], trial_id: str) -> Any:
    return news_of(result, trial_id)["noise"]


def test_a_replicate_tells_as_soon_as_it_has_ended_and_the_same_ever_after(
    few_digits: Dataset, tmp_path: Path, each_epoch: None
) -> None:
    stack = stack_of("a", "b", stage="confirm", epochs=6)
    made = actor(stack, few_digits, tmp_path, [1, 2, 3])
    before = made.step()
    assert told(before, "a") is None
    made._trial.progress[0].status = "completed"  # as by patience
    early = made.step()
    assert told(early, "a") is not None
    assert told(early, "b") is None
    made.step()
    last = made.step()
    assert told(last, "a") == told(early, "a")
    assert told(last, "b") is not None
