"""Leave each condition's winning model as a folder that `predict` works on."""

import shutil
from pathlib import Path
from typing import Any

from tune_noise.config.declared import is_path
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.errors import DataError
from tune_noise.history.replay import TrialHistory
from tune_noise.record.folder import UNLABELLED_CSV, checkpoints_dir, weights_file, winner_dir
from tune_noise.reporting import Summary
from tune_noise.reporting.findings.finalists import Finalist
from tune_noise.reporting.findings.trial_metrics import trial_metrics
from tune_noise.training.checkpoint import DamagedCheckpoint, read_checkpoint
from tune_noise.training.saved_model import describe_model, load_model, save_model
from tune_noise.winners.unlabelled import write_unlabelled


def export_winners(summary: Summary, dataset: Dataset, folder: Path) -> list[str]:
    """Write winners/CONDITION/ for every condition with a leader, then drop the checkpoints.

    Examples whose label is missing are predicted there.

    The networks are those of the first fresh seed that was trained to its end: chosen before
    anyone saw a result, so that the mean over all seeds is what to expect of them.

    Args:
        summary: names the leaders; a tie has one, too.
        dataset: what was trained on.
        folder: of the search.

    Returns:
        A sentence for each model that could not be left, and why.

    Raises:
        OSError: the folder cannot be written.
    """
    problems = []
    for condition in summary.conditions:
        leader, target = condition.leader, winner_dir(folder, condition.name)
        if condition.best_without_information is not None:
            shutil.rmtree(target, ignore_errors=True)  # of a leader before the search has grown
        if leader is None:
            continue
        trial = next(iter(leader.counted.values()))
        (target / UNLABELLED_CSV).unlink(missing_ok=True)  # perhaps of another leader
        about = _about(trial, leader, condition.verdict, dataset)
        try:
            code = own_code(trial.config, dataset)
            if weights_file(folder, trial.stack_id).exists() or not _is_of(target, trial, code):
                save_model(target, _weights(folder, trial, leader), trial.config, dataset, about)
            else:
                # Left by an earlier driver; the search may have grown since.
                describe_model(target, about, own_network=code)
            write_unlabelled(target, dataset, own_network=code)
        except (FileNotFoundError, DamagedCheckpoint) as error:
            problems.append(f"{target} was not written: the weights of {trial.trial_id}: {error}")
    shutil.rmtree(checkpoints_dir(folder), ignore_errors=True)
    return problems


def own_code(config: TrialConfig, dataset: Dataset) -> str | None:
    """Return the paths of a user's own network and encoder, as `load_model` takes them."""
    names = [config.model, dataset.encoder["name"] if dataset.encoder else ""]
    return ",".join(filter(is_path, names)) or None


def _is_of(target: Path, trial: TrialHistory, code: str | None) -> bool:
    """Return whether a model's folder is whole and holds the networks of a trial."""
    try:
        model = load_model(target, own_network=code)
        return bool(model.about.get("trial_id") == trial.trial_id)
    except DataError:
        return False


def _weights(folder: Path, trial: TrialHistory, leader: Finalist) -> dict[str, Any]:
    tensors, _ = read_checkpoint(weights_file(folder, trial.stack_id))
    of_stack = [t for t in leader.trials if t.stack_id == trial.stack_id]
    prefix = f"{[t.trial_id for t in of_stack].index(trial.trial_id)}."
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def metrics_of_weights(trial: TrialHistory) -> dict[str, float]:
    """Return the metrics of the saved networks of a trial.

    With `last_epochs` the weights are those of the last epoch, and the selected figures are means.
    """
    metrics = trial_metrics(trial)
    if trial.config.last_epochs is None:
        return metrics
    last = {name: metrics[f"{name}_last"] for name in metrics if f"{name}_last" in metrics}
    return metrics | last


def _about(
    trial: TrialHistory, leader: Finalist, verdict: str | None, dataset: Dataset
) -> dict[str, Any]:
    return {
        "trial_id": trial.trial_id,
        "condition": trial.condition,
        "verdict": verdict,
        "dataset": dataset.name,
        "dataset_fingerprint": dataset.fingerprint,
        "facts": trial.facts,
        "metrics_of_these_weights": metrics_of_weights(trial),
        "metrics_over_seeds": leader.to_json()["metrics"],
    }
