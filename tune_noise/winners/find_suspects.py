"""After the confirmation: the winner of each condition looks for wrong labels.

Each fold that is trained is kept as a file until the table of its condition is written, so that a
search that was killed trains only what is missing. Where nothing more is to be trained, the winner
has left its predictions when it was confirmed.
"""

import math
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tune_noise.data import Dataset
from tune_noise.errors import TuneNoiseError
from tune_noise.history.replay import History, TrialHistory
from tune_noise.record.folder import judgements_file, winner_dir
from tune_noise.reporting import Summary, summarise
from tune_noise.training.cross_fit import Fold, make_folds, read_fold, save_fold, train_fold
from tune_noise.training.suspects import judge, suspects_problem
from tune_noise.winners.finalist_predictions import keep_predictions
from tune_noise.winners.suspect_files import read_suspects, write_suspects

if TYPE_CHECKING:  # Ray takes a second to import
    from tune_noise.system.signals import Interrupt
    from tune_noise.tuning.session.session import Session

# While a condition's folds are trained.
FOLDS_DIR = "folds"
# Trains folds, in any order, side by side or not; a text says why one could not be trained.
TrainFolds = Callable[[Sequence[Fold]], Iterator[tuple[Fold, np.ndarray | str]]]


@dataclass
class CrossFitting:
    """The search for wrong labels of one condition.

    Attributes:
        condition: its name.
        target: folder of its winner.
        about: which trial is cross-fitted, and how.
        folds: what is to be trained; empty where the table is there already.
        judgements: what the trial may have left where it judges by itself; else None.
        facts: of the table that is there; None where it is not.
        problem: why there is none.
    """

    condition: str
    target: Path
    about: dict[str, Any]
    folds: list[Fold] = field(default_factory=list)
    judgements: Path | None = None
    facts: dict[str, Any] | None = None
    problem: str | None = None

    def path_of(self, fold: Fold) -> Path:
        """Return where a fold is kept while others are trained."""
        return self.target / FOLDS_DIR / f"{fold.number}.safetensors"

    def read(self, fold: Fold) -> np.ndarray | None:
        """Return what was trained for a fold; None where it is still to be trained."""
        values = read_fold(self.path_of(fold), fold)
        if values is None and self.judgements is not None:
            values = read_fold(self.judgements, fold)
        return values

    def finish(self, dataset: Dataset) -> None:
        """Write the table, if every fold was trained."""
        kept = {fold: self.read(fold) for fold in self.folds}
        trained = {fold: values for fold, values in kept.items() if values is not None}
        if self.facts is not None or len(trained) < len(self.folds) or self.problem is not None:
            return
        self.target.mkdir(exist_ok=True, parents=True)
        self.facts = write_suspects(self.target, judge(trained, dataset), dataset, self.about)
        shutil.rmtree(self.target / FOLDS_DIR, ignore_errors=True)


def find_suspects(
    history: History,
    dataset: Dataset,
    folder: Path,
    *,
    folds: int,
    train: TrainFolds,
    note: Callable[..., None],
) -> None:
    """Write winners/CONDITION/suspects.csv for every condition that has a leader and no table yet.

    Args:
        history: of a search whose trials have all ended.
        dataset: what was trained on.
        folder: of the search.
        folds: trainings per condition; 1: the leader's own training judges; 0: nothing is done.
        train: trains folds.
        note: takes a text, `is_warning`, and facts for the record: called for each table that the
            record does not know yet, and for each that could not be made.

    Raises:
        OSError: the folder cannot be written.
    """
    if folds == 0:
        return
    summary = summarise(replace(history, finished=True))
    cross_fittings = list(_planned(summary, dataset, folder, folds))
    by_fold = {fold: fitting for fitting in cross_fittings for fold in fitting.folds}
    missing = [fold for fold, fitting in by_fold.items() if fitting.read(fold) is None]
    for fold, result in train(missing) if missing else ():
        cross_fitting = by_fold[fold]
        if isinstance(result, str):
            cross_fitting.problem = result
            continue
        cross_fitting.target.mkdir(exist_ok=True, parents=True)
        save_fold(cross_fitting.path_of(fold), fold, result)
    for condition in summary.conditions:
        keep_predictions(condition, dataset, folder)
    for cross_fitting in cross_fittings:
        cross_fitting.finish(dataset)
        _note_outcome(cross_fitting, history, note)


def find_on_cluster(
    session: "Session", dataset: Dataset, folder: Path, interrupt: "Interrupt"
) -> None:
    """Find the suspects of a session whose trials have all ended, on the connected cluster.

    Raises:
        KeyboardInterrupt: as requested; folds that were trained are kept.
        OSError: the folder cannot be written.
    """
    from tune_noise.tuning.jobs import run_jobs

    search = session.search

    def train(folds: Sequence[Fold]) -> Iterator[tuple[Fold, np.ndarray | str]]:
        return run_jobs(
            folds,
            dataset,
            train=train_fold,
            resources=search.resources,
            interrupt=interrupt,
            seconds=len(folds) * _longest_confirmation(session.history),
        )

    find_suspects(
        session.history,
        dataset,
        folder,
        folds=search.suspects.folds,
        train=train,
        note=session.note,
    )


def _longest_confirmation(history: History) -> float:
    """Return the most seconds a trial of a confirmation took; infinite if there was none."""
    confirmed = [t for t in history.trials.values() if t.stage == "confirm" and t.epochs]
    sizes = Counter(trial.stack_id for trial in confirmed)  # the clock is that of the stack
    seconds = (trial.epochs[-1]["seconds"] / sizes[trial.stack_id] for trial in confirmed)
    return max(seconds, default=math.inf)


def train_here(
    folds: Sequence[Fold], dataset: Dataset, *, device: str
) -> Iterator[tuple[Fold, np.ndarray | str]]:
    """Train folds one after another in this process."""
    for fold in folds:
        try:
            yield fold, train_fold(fold, dataset, device=device)
        except TuneNoiseError as error:
            yield fold, str(error)


def _planned(
    summary: Summary, dataset: Dataset, folder: Path, count: int
) -> Iterator[CrossFitting]:
    fingerprint = dataset.fingerprint
    for condition in summary.conditions:
        if condition.leader is None:
            continue
        trial: TrialHistory = next(iter(condition.leader.counted.values()))
        folds = trial.config.val_folds or count
        about = {"trial_id": trial.trial_id, "folds": folds, "dataset_fingerprint": fingerprint}
        fitting = CrossFitting(condition.name, winner_dir(folder, condition.name), about)
        fitting.problem = suspects_problem(trial.config, dataset)
        # Who asks for no further training takes any table of this trial.
        same = {k: v for k, v in about.items() if k != "folds" or v != 1}
        fitting.facts = None if fitting.problem else read_suspects(fitting.target, same)
        if fitting.problem is None and fitting.facts is None:
            fitting.folds = make_folds(trial.config, dataset, count=count)
            if trial.config.val_folds is not None or count == 1:
                fitting.judgements = judgements_file(folder, trial.trial_id)
        yield fitting


def _note_outcome(fitting: CrossFitting, history: History, note: Callable[..., None]) -> None:
    if fitting.facts is not None:
        if history.suspects.get(fitting.condition) != fitting.facts:
            text = f"{fitting.condition}: {fitting.facts['suspects']} labels are more likely wrong"
            note(text, is_warning=False, suspects={fitting.condition: fitting.facts})
    elif fitting.problem is not None:
        text = f"no suspects of {fitting.condition}: {fitting.problem}"
        if text not in history.warnings:
            note(text, is_warning=True)
