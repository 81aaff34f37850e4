"""Leave each condition's winning model as a folder that `predict` works on."""

import shutil
from pathlib import Path

from tune_noise.data import Dataset
from tune_noise.history import TrialHistory
from tune_noise.reporting import Summary
from tune_noise.reporting.finalists import Finalist
from tune_noise.reporting.tables import trial_metrics
from tune_noise.training.checkpoint import read_checkpoint
from tune_noise.training.saved_model import save_model
from tune_noise.tuning.paths import checkpoints_dir, weights_file

WINNERS_DIR = "winners"


def export_winners(summary: Summary, dataset: Dataset, folder: Path) -> None:
    """Write winners/CONDITION/ for every condition with a leader, then drop the checkpoints.

    The networks are those of the first fresh seed that was trained to its end: chosen before
    anyone saw a result, so that the mean over all seeds is what to expect of them.

    Args:
        summary: names the leaders; a tie has one, too.
        dataset: what was trained on.
        folder: of the search.
    """
    for condition in summary.conditions:
        leader = condition.leader
        if leader is None:
            continue
        target = folder / WINNERS_DIR / condition.name
        trial = next(iter(leader.counted.values()))
        if weights_file(folder, trial.stack_id).exists():
            _export(trial, leader, condition.verdict, dataset, folder, target)
    shutil.rmtree(checkpoints_dir(folder), ignore_errors=True)


def _export(
    trial: TrialHistory,
    leader: Finalist,
    verdict: str | None,
    dataset: Dataset,
    folder: Path,
    target: Path,
) -> None:
    tensors, _ = read_checkpoint(weights_file(folder, trial.stack_id))
    prefix = f"{[t.trial_id for t in leader.trials].index(trial.trial_id)}."
    weights = {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
    about = {
        "trial_id": trial.trial_id,
        "condition": trial.condition,
        "verdict": verdict,
        "dataset": dataset.name,
        "dataset_fingerprint": dataset.fingerprint,
        "facts": trial.facts,
        "metrics_of_these_weights": trial_metrics(trial),
        "metrics_over_seeds": leader.to_json()["metrics"],
    }
    save_model(target, weights, trial.config, dataset, about)
