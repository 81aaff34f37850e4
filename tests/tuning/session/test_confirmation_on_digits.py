"""A small search on real digits, from the first trial to the verdict; trained without Ray."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tuning.fake_trainer import fresh_record
from tune_noise.config.loader import build_search
from tune_noise.data import Dataset
from tune_noise.history.replay import History
from tune_noise.record import Event, Record
from tune_noise.reporting import summarise, verdict_sentence, write_outputs
from tune_noise.training import Trial
from tune_noise.tuning.session.session import Session
from tune_noise.tuning.session.stacks import Stack

SPACE: dict[str, Any] = {
    "name": "digits",
    "conditions": {"noise_rate": [0.2]},
    "search": {"model": {"choice": ["perceptron", "mlp1"]}, "lr": {"choice": [0.00001, 0.01]}},
    "compare": "lr",
    "sampler": "grid",
    "trials": 4,
    "epochs": 3,
    "confirm": {"finalists": 3, "seeds": 2, "max_seeds": 6},
}


def train(session: Session, stack: Stack, dataset: Dataset) -> None:
    trial = Trial(stack.configs, dataset)
    while not trial.finished:
        trial.train_epoch()
    session.report(
        {
            trial_id: {
                "facts": facts,
                "epochs": progress.epochs,
                "status": progress.status,
                "stop_reason": progress.stop_reason,
            }
            for trial_id, facts, progress in zip(
                stack.trial_ids, trial.data.facts, trial.progress, strict=True
            )
        }
    )


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory, few_digits: Dataset) -> list[Event]:
    search = build_search(SPACE, source="digits.yaml")
    with fresh_record(tmp_path_factory.mktemp("digits") / "record.db", search) as record:
        session = Session(search, record)
        while stack := session.next_stack():
            train(session, stack, few_digits)
            # Each stack has a driver of its own.
            session = Session(search, record)
        assert session.finished
        session.finish()
        return list(record.events())


@pytest.fixture
def record(events: list[Event], tmp_path: Path) -> Iterator[Record]:
    with Record(tmp_path / "record.db") as record:
        record.append(*(Event(e.kind, e.trial_id, e.data, e.seconds) for e in events))
        yield record


def test_a_network_that_has_not_learnt_is_separated_and_costs_no_further_seeds(
    record: Record, tmp_path: Path
) -> None:
    history = History.replay(record.events())
    [condition] = summarise(history).conditions
    assert condition.leader is not None
    assert condition.leader.config.lr == 0.01
    by_rate = {f.trial_id: f.config.lr for f in condition.finalists}
    seeds = {by_rate[f.trial_id]: len(f.trials) for f in condition.finalists}
    assert seeds[0.00001] < max(seeds.values())
    separated = condition.standing.comparisons
    assert all(separated[name].is_separated for name, lr in by_rate.items() if lr == 0.00001)


def test_the_files_say_what_the_sentence_says(record: Record, tmp_path: Path) -> None:
    history = History.replay(record.events())
    summary = write_outputs(history, tmp_path)
    [found] = json.loads((tmp_path / "summary.json").read_text("utf-8"))["conditions"]
    [condition] = summary.conditions
    assert found["verdict"] == condition.verdict
    assert set(found["comparisons"]) == {f.trial_id for f in condition.finalists[1:]}
    page = (tmp_path / "report.html").read_text("utf-8")
    assert verdict_sentence(condition) in page.replace("&#39;", "'")
