"""What a run in MLflow says of a trial or a search: tags, parameters, metrics. Knows no MLflow."""

from typing import Any, NamedTuple

from tune_noise.config.metric_names import METRICS
from tune_noise.config.search import SEED_FIELDS
from tune_noise.config.words import searched_values
from tune_noise.history.replay import History, TrialHistory

# What a trial says beside the fields that the search varies. What all trials share is said once, by
# the search's run: the comparison page offers each parameter as an axis.
PARAMS = ("method", "model", "noise")
# Metrics of a trial at its selected epoch, beside its objective.
SELECTED = (
    *("val_accuracy_noisy", "test_accuracy_clean", "test_balanced_accuracy_clean"),
    "train_label_precision",
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
    """Return the tags of the parent run."""
    config, commit = history.config, history.search.get("commit")
    tags = {
        "tune_noise.stage": "summary",
        "tune_noise.objective": config.objective,
        # No parameter: a search may be enlarged, and MLflow's parameters never change.
        "tune_noise.trials": str(config.trials),
        "mlflow.note.content": config.title,
        "mlflow.source.git.commit": str(commit or ""),
    }
    return _short(tags | common_tags(history))


def common_tags(history: History) -> dict[str, str]:
    """Return the tags of every run of a search."""
    config = history.config
    return {
        "tune_noise.search_id": history.search["search_id"],
        "tune_noise.search": config.name,
        "tune_noise.space": history.search.get("space") or "",
        "tune_noise.dataset": config.dataset,
        "tune_noise.noise": config.noise,
        "tune_noise.oracle": "true" if config.oracle else "",
    }


def search_params(history: History) -> dict[str, str]:
    """Return the parameters of the parent run: size of the search, what varies, what does not.

    A field that never changes would be an axis without a choice in every comparison of trials.
    """
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
    fixed = {f"fixed.{name}": str(value) for name, value in config.fixed.items()}
    return _short(params | fixed)


def trial_name(trial: TrialHistory, history: History) -> str:
    """Return `noise_rate=0.45 · co_teaching mlp1 lr 0.00103 tau 0.5 · seed 2`."""
    name = configuration(trial, history)
    if trial.stage == "search":
        return name
    asked = history.of(condition=trial.condition, stage="confirm")
    seeds = [t.trial_id for t in asked if t.finalist == trial.finalist]
    return f"{name} · seed {seeds.index(trial.trial_id) + 1}"


def configuration(trial: TrialHistory, history: History) -> str:
    """Return what a finalist's seeds share: `noise_rate=0.45 · co_teaching mlp1 lr 0.00103`.

    Method, network and the searched values; the condition where there are several.
    """
    config = trial.config
    name = " ".join([config.method, config.model, *searched_values(config, history.config)])
    return f"{trial.condition} · {name}" if len(history.config.all_conditions) > 1 else name


def trial_tags(trial: TrialHistory, history: History, *, flags: dict[str, str]) -> dict[str, str]:
    """Return the tags of a child run, but for its parent.

    Args:
        trial: as far as it has gone; its status is a tag once it has ended.
        history: of its search.
        flags: `finalist`, `winner` -> `true`; `false` for a winner that is none any more.
    """
    tags = {
        "tune_noise.trial_id": trial.trial_id,
        "tune_noise.stage": trial.stage,
        "tune_noise.confirms": trial.finalist or "",
        "tune_noise.status": trial.status or "",
        "tune_noise.stop_reason": trial.stop_reason,
    }
    config_tags = _of_configuration(trial, history)
    return _short(
        tags | config_tags | {f"tune_noise.{flag}": value for flag, value in flags.items()}
    )


def finalist_name(trial: TrialHistory, history: History) -> str:
    """Return the name of a finalist's run: `co_teaching mlp1 lr 0.00103 · all seeds`."""
    return f"{configuration(trial, history)} · all seeds"


def finalist_tags(trial: TrialHistory, history: History, *, standing: str) -> dict[str, str]:
    """Return the tags of the run that holds a finalist's seeds, but for its parent.

    Args:
        trial: any of its seeds.
        history: of its search.
        standing: `winner`, `tie`, `behind`; empty before the verdict.
    """
    tags = {
        "tune_noise.stage": "finalist",
        "tune_noise.confirms": trial.finalist or "",
        "tune_noise.finalist": "true",
        "tune_noise.standing": standing,
        # MLflow forgets no tag: a winner that a grown search has overtaken must be told.
        "tune_noise.winner": str(standing == "winner").lower() if standing else "",
    }
    return _short(tags | _of_configuration(trial, history))


def reference_name(condition: str, reference: dict[str, Any], history: History) -> str:
    """Return the name of a reference model's run: `knn scaling unit k 25 · reference model`."""
    words = [f"{name} {value}" for name, value in reference["settings"].items()]
    place = f"{condition} · " if len(history.config.all_conditions) > 1 else ""
    return f"{place}{' '.join([reference['name'], *words])} · reference model"


def reference_tags(condition: str, reference: dict[str, Any], history: History) -> dict[str, str]:
    """Return the tags of the run of a reference model, but for its parent.

    Args:
        condition: its name.
        reference: the model as `summary.json` holds it.
        history: of its search.
    """
    tags = {
        "tune_noise.stage": "reference",
        "tune_noise.reference": f"{condition} {reference['name']}",
        "tune_noise.condition": condition,
        "tune_noise.method": reference["name"],
        "tune_noise.no_network_is_better": str(reference["no_network_is_better"]).lower(),
    }
    return _short(common_tags(history) | tags)


def reference_params(reference: dict[str, Any]) -> dict[str, str]:
    """Return the parameters of the run of a reference model: its name and settings."""
    settings = {f"reference.{name}": str(v) for name, v in reference["settings"].items()}
    return {"method": reference["name"], **settings}


def finalist_params(trial: TrialHistory, history: History) -> dict[str, str]:
    """Return the parameters of the run that holds a finalist's seeds: what they share."""
    params = trial_params(trial, history)
    varied = {*history.config.conditions, *history.config.search}
    return {k: v for k, v in params.items() if k not in SEED_FIELDS or k in varied}


def _of_configuration(trial: TrialHistory, history: History) -> dict[str, str]:
    return common_tags(history) | {
        "tune_noise.condition": trial.condition,
        "tune_noise.method": trial.config.method,
        "tune_noise.model": trial.config.model,
        "tune_noise.noise": trial.config.noise,
        "tune_noise.configuration": configuration(trial, history),
    }


def trial_params(trial: TrialHistory, history: History) -> dict[str, str]:
    """Return the parameters of a child run: method, network, noise, and what varies.

    Those of the seeds of a finalist, too; the trials of the search all have the same seeds.
    """
    seeds = SEED_FIELDS if trial.stage == "confirm" else ()
    names = dict.fromkeys((*PARAMS, *history.config.conditions, *history.config.search, *seeds))
    values = {name: getattr(trial.config, name) for name in names}
    return _short({name: str(value) for name, value in values.items() if value is not None})


def _short(values: dict[str, str]) -> dict[str, str]:
    """Return the values that say something, cut to what MLflow accepts."""
    return {name: value[:MAX_VALUE_CHARACTERS] for name, value in values.items() if value}


def epoch_points(trial: TrialHistory, *, start: int, stop: int) -> list[Point]:
    """Return the metrics of epochs start + 1 to stop."""
    points = []
    names = dict.fromkeys((trial.config.objective, *METRICS))
    for epoch in trial.epochs[start:stop]:
        time = milliseconds(trial.asked_seconds + epoch.get("seconds", 0.0))
        step = int(epoch["epoch"])
        points += [Point(name, epoch[name], time, step) for name in names if name in epoch]
    return points


def summary_points(trial: TrialHistory) -> list[Point]:
    """Return the realised noise rate; of a trial that ended also its length and epochs."""
    points = []
    if trial.ended_seconds is not None:
        time = milliseconds(trial.ended_seconds)
        # The comparison page begins with the metric that came first.
        points += _selected_points(trial, time)
        points.append(Point("trained_epochs", trial.num_epochs, time, 0))
        accuracy = trial.last_mean("test_accuracy_clean")
        if accuracy is not None:
            points.append(Point("test_accuracy_clean_last_mean", accuracy, time, 0))
    if trial.facts.get("realised_noise_rate") is not None:
        rate, time = trial.facts["realised_noise_rate"], milliseconds(trial.asked_seconds)
        points.append(Point("realised_noise_rate", rate, time, 0))
    return points


def _selected_points(trial: TrialHistory, time: int) -> list[Point]:
    if trial.selected is None:
        return []
    names = dict.fromkeys((trial.config.objective, *SELECTED))
    epoch, step = trial.selected, int(trial.selected["epoch"])
    return [Point(f"{n}_selected", epoch[n], time, step) for n in names if n in epoch]


def milliseconds(seconds: float) -> int:
    """Return a time as MLflow counts it, in milliseconds since 1970."""
    return int(seconds * 1000)
