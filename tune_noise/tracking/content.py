"""What a run in MLflow says of a trial or a search: tags, parameters, metrics. Knows no MLflow."""

from typing import Any, NamedTuple

from tune_noise.config.search import SEED_FIELDS, Condition
from tune_noise.history import History, TrialHistory
from tune_noise.metrics.names import METRICS

# MLflow's comparison page is slow with many columns, so a run names only what is compared.
PARAMS = (
    "model",
    "method",
    "lr",
    "tau",
    "ramp_epochs",
    "noise",
    "alpha",
    "noise_rate",
    "batch_size",
    "optimizer",
    "epochs",
    "seed",
    "noise_seed",
)
RUN_STATUS = {
    "completed": "FINISHED",
    "stopped": "FINISHED",
    "diverged": "FAILED",
    "failed": "FAILED",
}
MAX_VALUE_CHARACTERS = 5000


class Point(NamedTuple):
    """One value of one metric.

    Attributes:
        name: of `metrics.names`, or a summary of the trial.
        value: finite.
        timestamp: Unix time in milliseconds, from the record, so that a point sent twice is equal.
        step: epoch from 1; 0 for what belongs to no epoch.
    """

    name: str
    value: float
    timestamp: int
    step: int


def search_tags(history: History) -> dict[str, str]:
    """Tags of the parent run."""
    config, commit = history.config, history.search.get("commit")
    tags = {
        "tune_noise.search_id": history.search["search_id"],
        "tune_noise.search": config.name,
        "tune_noise.dataset": config.dataset,
        "tune_noise.noise": config.noise,
        "tune_noise.objective": config.objective,
        "tune_noise.oracle": "true" if config.oracle else "",
        # No parameter: a search may be enlarged, and MLflow's parameters never change.
        "tune_noise.trials": str(config.trials),
        "mlflow.note.content": config.title,
        "mlflow.source.git.commit": str(commit or ""),
    }
    return _short(tags)


def search_params(history: History) -> dict[str, str]:
    """Parameters of the parent run: the size of the search, and what it varies."""
    config = history.config
    params = {
        "conditions": ", ".join(config.conditions),
        "searched": ", ".join(config.search),
        "compare": config.compare or "",
        "sampler": config.sampler,
        "epochs": str(config.epochs),
        "finalists": str(config.num_finalists),
        "confirm_seeds": str(config.confirm.seeds),
        "seed": str(config.seed),
    }
    return _short(params)


def trial_tags(trial: TrialHistory, *, search_id: str, flags: set[str]) -> dict[str, str]:
    """Tags of a child run, but for its parent.

    Args:
        trial: as far as it has gone; its status is a tag once it has ended.
        search_id: of its search.
        flags: any of `finalist`, `winner`.
    """
    tags = {
        "tune_noise.search_id": search_id,
        "tune_noise.trial_id": trial.trial_id,
        "tune_noise.stage": trial.stage,
        "tune_noise.condition": trial.condition,
        "tune_noise.method": trial.config.method,
        "tune_noise.oracle": "true" if trial.config.oracle else "",
        "tune_noise.confirms": trial.finalist or "",
        "tune_noise.status": trial.status or "",
        "tune_noise.stop_reason": trial.stop_reason,
    }
    return _short(tags | {f"tune_noise.{flag}": "true" for flag in flags})


def trial_params(trial: TrialHistory, history: History) -> dict[str, str]:
    """Parameters of a child run: the fields that matter, searched or conditioned ones included."""
    names = dict.fromkeys((*PARAMS, *history.config.conditions, *history.config.search))
    values = {name: getattr(trial.config, name) for name in names}
    return _short({name: str(value) for name, value in values.items() if value is not None})


def _short(values: dict[str, str]) -> dict[str, str]:
    """The values that say something, cut to what MLflow accepts."""
    return {name: value[:MAX_VALUE_CHARACTERS] for name, value in values.items() if value}


def epoch_points(trial: TrialHistory, *, start: int, stop: int) -> list[Point]:
    """The metrics of epochs start + 1 to stop."""
    points = []
    for epoch in trial.epochs[start:stop]:
        time = _milliseconds(trial.asked_seconds + epoch.get("seconds", 0.0))
        step = int(epoch["epoch"])
        points += [Point(name, epoch[name], time, step) for name in METRICS if name in epoch]
    return points


def summary_points(trial: TrialHistory) -> list[Point]:
    """The realised noise rate and, after its end, the trial's length and its selected epoch."""
    points = []
    if trial.facts.get("realised_noise_rate") is not None:
        rate, time = trial.facts["realised_noise_rate"], _milliseconds(trial.asked_seconds)
        points.append(Point("realised_noise_rate", rate, time, 0))
    if trial.ended_seconds is not None:
        time = _milliseconds(trial.ended_seconds)
        points.append(Point("epochs", trial.num_epochs, time, 0))
        points += _selected_points(trial, time)
    return points


def _selected_points(trial: TrialHistory, time: int) -> list[Point]:
    if trial.selected is None:
        return []
    names = dict.fromkeys((trial.config.objective, "val_accuracy_noisy", "test_accuracy_clean"))
    epoch, step = trial.selected, int(trial.selected["epoch"])
    return [Point(f"{n}_selected", epoch[n], time, step) for n in names if n in epoch]


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


def winner_trials(history: History, summary: dict[str, Any]) -> set[str]:
    """The trials of the winners: those that confirmed one, and the search trial that found it.

    Args:
        history: of the search.
        summary: content of `summary.json`; a tie has no winner.
    """
    found: set[str] = set()
    for entry in summary["conditions"]:
        if entry["verdict"] != "winner":
            continue
        config = {k: v for k, v in entry["winner"]["config"].items() if k not in SEED_FIELDS}
        condition = Condition(entry["condition"]).name
        for trial in history.of(condition=condition, stage="confirm"):
            if config.items() <= trial.config.model_dump().items():
                found |= {trial.trial_id} | ({trial.finalist} if trial.finalist else set())
    return found
