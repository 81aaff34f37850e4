"""The model card: what a person must know about a model before trusting it."""

from typing import Any

from tune_noise.config.words import plain_value
from tune_noise.data import Dataset
from tune_noise.data.dataset import describe_inputs
from tune_noise.data.duplicates import duplicate_warnings
from tune_noise.history.replay import History, TrialHistory
from tune_noise.reporting import ConditionSummary, verdict_sentence
from tune_noise.reporting.checked_by_hand import audit_sentences
from tune_noise.reporting.findings.finalists import Finalist
from tune_noise.reporting.sentences import badge, objective_meaning
from tune_noise.reporting.statistics import Estimate
from tune_noise.reporting.wording import condition_in_words, objective_name, with_interval

_TEST = "test_accuracy_clean"
_BY_HAND = "checked by hand"
# Fields that other rows of the card tell.
_TOLD = {"dataset", "noise", "model", "method", "seed", "noise_seed", "objective", "oracle"}

# config.json holds the names of all classes.
_MOST_NAMES = 20
_FEW_COLUMNS = 5
_FEW_CLASSES = 5


def model_card(
    history: History,
    condition: ConditionSummary,
    leader: Finalist,
    dataset: Dataset,
    *,
    name: str,
    test_accuracy: float | None,
) -> str:
    """Return the card of a condition's leader, in Markdown.

    Args:
        history: of the search.
        condition: judged.
        leader: its leader, with at least one seed trained to its end.
        dataset: what was trained on.
        name: of the registered model.
        test_accuracy: of the saved networks; None where there is no test set.
    """
    trial = next(iter(leader.counted.values()))
    rows = {
        "verdict": _verdict(condition),
        **_confirmed(leader),
        **_checked(condition),
        **_classes(condition),
        "these weights": _weights(trial, condition, test_accuracy),
        "data": _data(dataset),
        **_encoder(dataset),
        "noise": _noise(condition),
        "method, network": _method(trial),
        "hyper-parameters": _hyper_parameters(trial, dataset),
        "search": _effort(history, condition),
        "known to the search": _known(condition, trial),
    }
    table = "\n".join(f"| {key} | {_cell(value)} |" for key, value in rows.items())
    return (
        f"# {name}\n\n{verdict_sentence(condition)}\n\n| | |\n| --- | --- |\n{table}\n\n"
        f"## Load it\n\n{_loading(name, condition, dataset)}\n"
        f"## Limits\n\n{_limits(condition, trial, dataset)}\n"
    )


def with_audit(card: str, condition: ConditionSummary) -> str:
    """Return a card with what labels checked by hand tell now; it needs no data."""
    lines = [line for line in card.splitlines() if not line.startswith(f"| {_BY_HAND} |")]
    heads = ("| verdict |", "| confirmed ")
    place = 1 + max(number for number, line in enumerate(lines) if line.startswith(heads))
    rows = [f"| {key} | {_cell(value)} |" for key, value in _checked(condition).items()]
    return "\n".join([*lines[:place], *rows, *lines[place:], ""])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _verdict(condition: ConditionSummary) -> str:
    word = badge(condition)
    if word == "tie":
        others = len(condition.tied)
        return f"tie: the leader of {1 + others} that are not told apart"
    return word


def _confirmed(leader: Finalist) -> dict[str, str]:
    """Return objective and test accuracy over the fresh seeds."""
    objective = leader.config.objective
    rows: dict[str, str] = {}
    for metric, heading in ((objective, objective_name(objective)), (_TEST, "test accuracy")):
        if metric in leader.metrics:
            rows[f"confirmed {heading}"] = _figure(leader.metrics[metric], metric)
    return rows


def _checked(condition: ConditionSummary) -> dict[str, str]:
    """Return the row about labels that people have checked, where they have."""
    words = " ".join(audit_sentences(condition))
    return {_BY_HAND: words} if words else {}


def _classes(condition: ConditionSummary) -> dict[str, str]:
    """Return the row about the classes with the lowest recall, where that is known."""
    for kind, recalls in condition.recalls.items():
        lowest = [
            f"{c.name} {100 * c.recall:.0f} % [{100 * c.low:.0f}, {100 * c.high:.0f}]"
            for c in recalls.classes[:_FEW_CLASSES]
        ]
        of_test = "recall on the test set" if kind == "true" else "agreement with noisy labels"
        return {f"classes of lowest {of_test}": ", ".join(lowest)}
    return {}


def _figure(estimate: Estimate, metric: str) -> str:
    note = "95 % interval, " if estimate.ci95 is not None else ""
    return f"{with_interval(estimate, metric)} ({note}n = {estimate.n} fresh seeds)"


def _weights(trial: TrialHistory, condition: ConditionSummary, test_accuracy: float | None) -> str:
    """Return which seed, and what it reached: not the best of the seeds, but the first."""
    chosen = "selected epoch" if condition.config.last_epochs is None else "last epoch"
    text = f"those of the first fresh seed ({trial.config.seed}), not of the luckiest; {chosen}"
    return text if test_accuracy is None else f"{text}, test accuracy {test_accuracy!r}"


def _data(dataset: Dataset) -> str:
    tested = 0 if dataset.test_labels is None else len(dataset.test_labels)
    given, unlabelled = dataset.num_validation, dataset.unlabelled_inputs
    missing = "" if unlabelled is None else f"; {len(unlabelled):,} more have no label"
    validation = "" if given is None else f", {given:,} validation"
    numbered = [f"{number} {name}" for number, name in enumerate(dataset.class_names or ())]
    more = ", ..." if len(numbered) > _MOST_NAMES else ""
    names = f": {', '.join(numbered[:_MOST_NAMES])}{more}" if numbered else ""
    return (
        f"{dataset.name}, fingerprint {dataset.fingerprint}: "
        f"{len(dataset.train_labels) - (given or 0):,} training{validation} and {tested:,} test "
        f"{describe_inputs(dataset.input_shape)}, {dataset.num_classes} classes{names}{missing}"
    )


def _encoder(dataset: Dataset) -> dict[str, str]:
    """Return the row about what makes inputs of raw ones, where anything does."""
    if dataset.encoder is None:
        return {}
    name, takes, fields, version = (
        dataset.encoder[key] for key in ("name", "takes", "fields", "version")
    )
    values = ", ".join(f"{key} {value}" for key, value in [*fields.items(), *version.items()])
    return {"encoder": f"{name} ({values}) makes inputs of {takes}; it travels with the model"}


def _noise(condition: ConditionSummary) -> str:
    words = condition_in_words(condition.factors, condition.config)
    rate = condition.realised_noise_rate
    return words if rate is None else f"{words}; {100.0 * rate:.1f} % of training labels are wrong"


def _method(trial: TrialHistory) -> str:
    number = trial.config.num_members
    networks = "" if number == 1 else f", {number} networks whose predictions are averaged"
    return f"{trial.config.method}, {trial.config.model}{networks}"


def _hyper_parameters(trial: TrialHistory, dataset: Dataset) -> str:
    # With a validation split of the data's own there is nothing to choose.
    told = _TOLD if dataset.num_validation is None else {*_TOLD, "val_fraction"}
    values = trial.config.to_plain()
    return ", ".join(f"{k} {plain_value(v)}" for k, v in values.items() if k not in told)


def _effort(history: History, condition: ConditionSummary) -> str:
    confirming = [trial for finalist in condition.finalists for trial in finalist.trials]
    trials = [*condition.search_trials, *confirming]
    epochs = sum(trial.num_epochs for trial in trials)
    passes = sum(round(t.num_epochs * t.config.epoch_cost) for t in trials)
    commit = history.search.get("commit")
    version = (history.search.get("versions") or {}).get("tune-noise", "")
    return (
        f"{condition.config.name}: {len(condition.search_trials)} trials and {len(confirming)} "
        f"confirmations, {epochs:,} epochs, {passes:,} network-epochs; tune-noise {version}"
        + (f", commit {commit}" if commit else "")
    )


def _known(condition: ConditionSummary, trial: TrialHistory) -> str:
    """Say which labels and which truths the search used, and which it did not."""
    config = trial.config
    if config.oracle:
        judged = f"clean validation labels (oracle: {config.objective}), an upper bound"
    else:
        judged = f"noisy validation labels alone ({config.objective}); no clean label"
    parts = [f"chosen by {judged}"]
    if config.is_told_matrix:
        parts.append("the method was told the true transition matrix (oracle)")
    if config.example_order != "shuffled":
        parts.append(f"examples ordered {config.example_order}, by the truth (oracle)")
    parts.append("the test set chose nothing")
    return "; ".join(parts)


def _loading(name: str, condition: ConditionSummary, dataset: Dataset) -> str:
    form = dataset.form
    if form is not None and (form.columns or form.kind == "photos"):
        columns = form.columns or ("image",)
        more = f" and {len(columns) - _FEW_COLUMNS} more" if columns[_FEW_COLUMNS:] else ""
        call = (
            f"# columns {', '.join(columns[:_FEW_COLUMNS])}{more}\n"
            "table = model.predict(frame)  # DataFrame -> columns predicted_label, probability\n"
        )
        file = "photos/" if form.kind == "photos" else "new.csv"
    else:
        shape = ", ".join(map(str, dataset.input_shape))
        is_picture = dataset.kind == "pictures"
        inputs, dtype = ("images", "uint8") if is_picture else ("features", "float32")
        call = f"labels = model.predict({inputs})  # {dtype} [N, {shape}] -> int64 [N]\n"
        file = f"{inputs}.npz"
    return (
        "```python\n"
        "import mlflow\n"
        f'model = mlflow.pyfunc.load_model("models:/{name}@champion")\n'
        f"{call}"
        "```\n\n"
        "From the search's folder: `tune-noise predict --model runs/"
        f"{condition.config.name}/winners/{condition.name} {file}`. tune_noise must be "
        "installed; no code in the model is run.\n"
    )


def _limits(condition: ConditionSummary, trial: TrialHistory, dataset: Dataset) -> str:
    lines: list[Any] = [
        "For inputs of this shape that are like those trained on. Probabilities are not "
        "calibrated: labels were noisy, and so were those that chose the epoch.",
        objective_meaning(trial.config.objective),
        *(f"{sentence}." for sentence in duplicate_warnings(dataset)),
    ]
    if condition.verdict == "tie":
        lines.append("A tie: another of its finalists may be as good or better.")
    return "\n".join(f"- {line}" for line in lines)
