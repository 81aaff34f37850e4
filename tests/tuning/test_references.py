"""Reference models after a session: recorded one by one, and none ends the search."""

from pathlib import Path

import pytest

from tune_noise.data import Dataset
from tune_noise.history.replay import History
from tune_noise.system.signals import Interrupt
from tune_noise.training import reference_models
from tune_noise.tuning.references import train_references
from tune_noise.tuning.session.session import Session

from .fake_trainer import FakeTrainer, fresh_record, make_search

SEARCH = make_search(
    conditions={"noise_rate": [0.2]},
    trials=2,
    epochs=1,
    early_stopping=None,
    references=["majority", "knn", "boosting"],
)


def test_one_that_fails_is_told_and_left_out_and_the_others_are_trained(
    tmp_path: Path, few_digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*data: object, **settings: object) -> None:
        raise MemoryError("too much")

    monkeypatch.setattr(reference_models, "fit_knn", fail)
    record = fresh_record(tmp_path / "record.db", SEARCH)
    session = Session(SEARCH, record)
    FakeTrainer(session).run()
    stopped = Interrupt()
    stopped.requested = True
    with pytest.raises(KeyboardInterrupt):
        train_references(session, few_digits, stopped)
    train_references(session, few_digits, Interrupt())
    history = History.replay(record.events())
    [models] = history.references.values()
    seeds = {trial.config.seed for trial in history.of(condition="noise_rate=0.2", stage="confirm")}
    assert set(models["majority"].metrics) == seeds
    assert models["boosting"].problem == "it takes features"
    assert models["knn"].problem == "MemoryError: too much"
    # Nobody asked for trees on pictures, so only the failure is a warning.
    assert history.warnings == [
        "noise_rate=0.2: k nearest neighbours could not be trained, and is left out: "
        "MemoryError: too much"
    ]
    number = record.last_number()
    train_references(session, few_digits, Interrupt())
    assert record.last_number() == number
