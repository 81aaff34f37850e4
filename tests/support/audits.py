"""Searches on the digits that nobody has run, whose labels made-up networks have judged."""

import csv
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from tests.support.populations import made_up
from tests.support.searches import finished_search
from tune_noise.audit.exchange import TABLE, keys_of
from tune_noise.audit.population import Population
from tune_noise.audit.sample import Sample
from tune_noise.data import Dataset
from tune_noise.history.open import read_history
from tune_noise.record import Event, Record
from tune_noise.record.folder import FINALISTS_FILE, JUDGED_FILE, audit_dir, winner_dir
from tune_noise.reporting import summarise
from tune_noise.training.judgements import save_judgements, save_predictions
from tune_noise.winners.finalist_predictions import other_finalists

CONDITION = "noise_rate=0.4"


def judged_search(folder: Path, digits: Dataset) -> tuple[Population, dict[int, int]]:
    """Write the record of a search and what its leader's networks say of all labels.

    Returns:
        The population, and the true class of each example.
    """
    finished_search(folder, gain=0.0, fingerprint=digits.fingerprint)
    population, truth = made_up(len(digits.train_labels), classes=10)
    [condition] = summarise(read_history(folder)).conditions
    assert condition.leader is not None
    trial_id = next(iter(condition.leader.counted.values())).trial_id
    judged = population.judgements
    target = winner_dir(folder, CONDITION)
    target.mkdir(parents=True)
    arrays = SimpleNamespace(
        examples=judged.examples,
        copies=judged.copies,
        given_labels=judged.given,
        predicted_labels=judged.predicted,
        probabilities=judged.suspicion,
        classes=judged.classes,
        chances=judged.chances,
    )
    save_judgements(target / JUDGED_FILE, arrays, {"trial_id": trial_id})  # type: ignore[arg-type]
    facts = {"trial_id": trial_id, "folds": 4, "examples": len(truth), "suspects": 300}
    data = {"text": "judged", "is_warning": False, "suspects": {CONDITION: facts}}
    with Record(folder / "record.db", writer=True) as record:
        record.append(Event("note", data=data))
    # The other finalists are right a little less often.
    other = np.where(np.arange(len(truth)) % 9 == 0, (judged.predicted + 1) % 10, judged.predicted)
    predicted = np.empty(len(truth), dtype=np.int64)
    predicted[judged.examples] = other
    names = [finalist.trial_id for finalist in other_finalists(condition)]
    save_predictions(
        target / FINALISTS_FILE, dict.fromkeys(names, predicted), {"trial_id": trial_id}
    )
    return population, dict(zip(judged.examples.tolist(), truth.tolist(), strict=True))


def fill_table(
    folder: Path, sample: Sample, answer: Callable[[int], str], *, path: Path | None = None
) -> Path:
    """Fill in the table of a sample as a person would, and return it.

    Args:
        folder: of the search.
        sample: what the table holds.
        answer: example -> what is written beside it.
        path: of the filled table; None: beside the empty one.
    """
    empty = audit_dir(folder, CONDITION) / TABLE
    with empty.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    keys = keys_of(sample)
    filled = path or empty.with_name("filled.csv")
    with filled.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "answer": answer(keys[row["key"]])} for row in rows)
    return filled
