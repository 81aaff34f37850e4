"""Describe a winner to people and to MLflow's registry: model card and entry."""

import hashlib
import json
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tune_noise.config.declared import noise_fields
from tune_noise.config.search import SearchConfig, folder_word
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.data.encoders.declarations import ENCODERS
from tune_noise.history.replay import History, TrialHistory
from tune_noise.record.folder import winner_dir
from tune_noise.reporting import ConditionSummary, Summary
from tune_noise.reporting.findings.finalists import Finalist
from tune_noise.reporting.wording import default_of, with_interval
from tune_noise.system.files import replace_file
from tune_noise.tracking.entry import CARD_FILE, ENTRY_FILE, Entry, Evidence, entry_bytes
from tune_noise.training.saved_model import CONFIG_FILE, WEIGHTS_FILE
from tune_noise.verdict import mean_without_groups
from tune_noise.verdict.task import task_key, task_of
from tune_noise.winners.export import metrics_of_weights, own_code
from tune_noise.winners.model_card import model_card, with_audit

# Beside data and noise, the parts of the task that a name tells where they are unusual. That a
# task is an oracle's is told by its objective.
_TOLD_FIELDS = ("val_fraction", "val_folds", "train_size", "objective", "last_epochs")
_MAX_NAME = 200
# Examples that tell whether a feature is a whole number.
_LOOKED_AT = 1000
_PACKAGES = ("tune-noise", "torch", "numpy", "safetensors", "mlflow")


def describe_models(
    history: History, summary: Summary, dataset: Dataset, folder: Path, *, register: bool
) -> None:
    """Write each winner's model card and, where it is to be registered, its entry.

    Args:
        history: of the search.
        summary: names the leaders.
        dataset: what was trained on.
        folder: of the search.
        register: whether MLflow is to register the models.

    Raises:
        OSError: the folder cannot be written.
    """
    for condition in summary.conditions:
        leader, target = condition.leader, winner_dir(folder, condition.name)
        if leader is None:
            continue
        trial = next(iter(leader.counted.values()))
        if not _holds(target, trial):
            continue  # the search has said why
        name = registered_name(condition.config, leader.config, condition.factors)
        accuracy = metrics_of_weights(trial).get("test_accuracy_clean")
        card = model_card(history, condition, leader, dataset, name=name, test_accuracy=accuracy)
        replace_file(target / CARD_FILE, card.encode())
        # An unfinished search may still change its mind.
        if register and history.finished:
            entry = _entry(history, condition, leader, dataset, name=name)
            # Last: where this file is the others are whole.
            replace_file(target / ENTRY_FILE, entry_bytes(entry))
        else:
            (target / ENTRY_FILE).unlink(missing_ok=True)


def add_audit(condition: ConditionSummary, folder: Path) -> None:
    """Write what labels checked by hand tell into the model card of a winner, where it has one.

    Raises:
        OSError: the folder cannot be written.
    """
    path = winner_dir(folder, condition.name) / CARD_FILE
    if path.exists():
        card = with_audit(path.read_text(encoding="utf-8"), condition)
        replace_file(path, card.encode())


def _holds(target: Path, trial: TrialHistory) -> bool:
    """Return whether a winner's folder holds the networks of this trial, not of an earlier one."""
    try:
        about = json.loads((target / CONFIG_FILE).read_bytes())
        return bool(about["trial_id"] == trial.trial_id) and (target / WEIGHTS_FILE).exists()
    except (FileNotFoundError, ValueError, LookupError, TypeError):
        return False


def registered_name(search: SearchConfig, config: TrialConfig, factors: dict[str, Any]) -> str:
    """Return the name of the registered model: data set, noise, then what else makes the task.

    Args:
        search: of the condition.
        config: of its leader.
        factors: of the condition.

    Example:
        >>> search = SearchConfig(name="x", conditions={"noise_rate": [0.45]})
        >>> [condition] = search.all_conditions
        >>> config = search.trial_config(condition, {})
        >>> registered_name(search, config, condition.factors)
        'digits-symmetric-noise_rate=0.45'
    """
    named = _noise_of(config) | _unusual(search, config)
    # A condition of one level is the same as a fixed field.
    several = {
        field: value for field, value in factors.items() if len(search.conditions[field]) > 1
    }
    named |= {field: value for field, value in several.items() if field not in named}
    words = [f"{field}={folder_word(value)}" for field, value in named.items() if field != "noise"]
    path = Path(config.dataset).name.removesuffix(".npz")
    dataset = folder_word(path if search.data is None else search.data.word)
    name = re.sub(r"[^\w.,=+-]", "_", "-".join([dataset, config.noise, *words]))
    if len(name) <= _MAX_NAME:
        return name
    return f"{name[:_MAX_NAME]}-{_digest(name)[:8]}"


def _noise_of(config: TrialConfig) -> dict[str, Any]:
    """Return the fields of the noise that say something: field -> value."""
    values = {f: getattr(config, f) for f in noise_fields()}
    return {
        field: value
        for field, value in values.items()
        if value is not None and (noise_fields()[field].always_named or value != default_of(field))
    }


def _unusual(search: SearchConfig, config: TrialConfig) -> dict[str, Any]:
    values = {f: getattr(config, f) for f in _TOLD_FIELDS}
    unusual = {f: value for f, value in values.items() if value not in (None, default_of(f))}
    if "noise_seed" in {*search.conditions, *search.fixed}:
        unusual["noise_seed"] = config.noise_seed
    return unusual


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _entry(
    history: History, condition: ConditionSummary, leader: Finalist, dataset: Dataset, *, name: str
) -> Entry:
    trial, search = next(iter(leader.counted.values())), condition.config
    config = trial.config
    return Entry(
        name=name,
        task=task_key(task_of(search, config, dataset.fingerprint)),
        search_id=history.search["search_id"],
        condition=condition.name,
        trial_id=trial.trial_id,
        evidence=_evidence(condition, leader),
        tags=_tags(condition, leader, dataset),
        params=_params(config),
        requirements=_requirements(dataset),
        input_shape=dataset.input_shape,
        example=_example(dataset),
        columns=_columns(dataset),
        own_network=own_code(config, dataset),
    )


def _evidence(condition: ConditionSummary, leader: Finalist) -> Evidence:
    return Evidence(
        level=condition.challenge_level,
        scores=[
            (trial.config.seed, trial.config.noise_seed, trial.score)
            for trial in leader.counted.values()
            if trial.score is not None
        ],
        is_renamed=leader.num_renamed > 0,
        without=mean_without_groups(list(leader.counted.values())),
    )


def _tags(condition: ConditionSummary, leader: Finalist, dataset: Dataset) -> dict[str, str]:
    """Return what a person looks at or filters by in the list of versions."""
    config, metrics = leader.config, leader.metrics
    tags = {
        "search": condition.config.name,
        "dataset": dataset.name,
        "method": config.method,
        "network": config.model,
        "encoder": dataset.encoder["name"] if dataset.encoder else "",
        "verdict": condition.verdict or "",
        "oracle": "true" if config.oracle else "",
    }
    for metric in (config.objective, "test_accuracy_clean"):
        if metric in metrics:
            tags[metric] = f"{with_interval(metrics[metric], metric)}, n = {metrics[metric].n}"
    return {f"tune_noise.{tag}": value for tag, value in tags.items() if value}


def _requirements(dataset: Dataset) -> list[str]:
    """Return what pip must install for the model; the library of an encoder is an extra of ours."""
    encoder = ENCODERS.get(dataset.encoder["name"]) if dataset.encoder else None
    extra = f"[{encoder.extra}]" if encoder is not None and encoder.extra else ""
    packages = [*_PACKAGES, *([encoder.package] if encoder is not None and encoder.package else [])]
    pinned = [f"{package}=={version(package).partition('+')[0]}" for package in packages]
    return [one.replace("tune-noise==", f"tune-noise{extra}==") for one in pinned]


def _params(config: TrialConfig) -> dict[str, str]:
    values = config.to_plain()
    return {name: str(value)[:500] for name, value in values.items()}


def _example(dataset: Dataset) -> list[Any]:
    """Return one input: of the test set, where there is one."""
    if dataset.form is not None and dataset.form.example:
        return dataset.form.example
    inputs = dataset.train_inputs if dataset.test_inputs is None else dataset.test_inputs
    example: list[Any] = inputs[0].tolist()
    return example


def _columns(dataset: Dataset) -> dict[str, str]:
    """Return MLflow's type of each column of raw inputs; empty where they are arrays.

    MLflow refuses whole numbers for a `double`, so a column that may hold them is of `any` type.
    """
    form = dataset.form
    if form is None or form.kind == "pixels":
        return {}
    if form.kind in ("photos", "texts"):
        return dict.fromkeys(form.columns or ("image",), "string")
    if form.kind == "table":
        return {name: "string" if name in form.words else "any" for name in form.columns}
    is_whole = (dataset.train_inputs[:_LOOKED_AT] % 1 == 0).all(axis=0)
    return {
        name: "any" if whole else "double"
        for name, whole in zip(form.columns, is_whole, strict=bool(form.columns))
    }
