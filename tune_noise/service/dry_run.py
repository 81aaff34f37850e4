"""`--dry-run`: what a search would do, on one screen."""

import math
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from tune_noise.config.configurations import budgets, num_finalists, num_trials
from tune_noise.config.domains import levels_in_words
from tune_noise.config.reference_models import REFERENCES
from tune_noise.config.search import SearchConfig
from tune_noise.data import Dataset
from tune_noise.data.dataset import describe_inputs
from tune_noise.data.duplicates import data_warnings
from tune_noise.history.time_left import clock
from tune_noise.reporting.wording import rate_note
from tune_noise.service.begin import dataset_facts
from tune_noise.service.checked_data import label_warnings
from tune_noise.service.plan import (
    Plan,
    estimate_cost,
    examples_of_epochs,
    make_plan,
    repetitions_left_out,
)
from tune_noise.service.resolution import least_differences
from tune_noise.service.start import asked_first
from tune_noise.system.cores import usable_cores
from tune_noise.training.reference_models import missing_needs
from tune_noise.tuning.cluster.placement import max_concurrent
from tune_noise.verdict import looks_of

ORACLE_NOTE = " (oracle: steered by clean labels)"


def show_plan(search: SearchConfig, dataset: Dataset, console: Console) -> None:
    """Print conditions, trials, rungs, resources and a cost estimate; Ray is not started."""
    plan, concurrent = make_plan(search), _concurrent(search)
    cost = estimate_cost(search, dataset, concurrent=concurrent)
    table = Table(
        title=f"{search.name}: {search.title}", show_header=False, box=None, title_justify="left"
    )
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in _rows(search, dataset, plan):
        table.add_row(name, text)
    table.add_row(
        "cost",
        f"about {clock(cost.least)} to {clock(cost.most)} on this machine with {concurrent} trials "
        "at once (all rungs stop all they may; no trial is stopped); on another cluster by its "
        "CPUs; start-up included",
    )
    speeds = sorted(cost.probes.items(), key=lambda item: item[1])
    probed = ", ".join(f"{m}/{method} {1000 * s:.1f} ms" for (m, method), s in speeds)
    table.add_row("", f"probed, per 1,000 examples: {probed}")
    for sentence in least_differences(search, dataset):
        table.add_row("resolution", f"{sentence} (on one seed; 80 % power at 5 %)")
    for sentence in _warnings(search, dataset):
        table.add_row("warning", sentence)
    console.print(table, highlight=False)


def plan_to_json(search: SearchConfig, dataset: Dataset) -> dict[str, Any]:
    """Return the same as `--dry-run --json` prints it; the fields stand in docs/commands.md."""
    concurrent = _concurrent(search)
    cost = estimate_cost(search, dataset, concurrent=concurrent)
    probes = [
        {"model": model, "method": method, "seconds_per_1000_examples": seconds}
        for (model, method), seconds in cost.probes.items()
    ]
    return {
        "name": search.name,
        "config": search.to_plain(),
        "dataset": dataset_facts(dataset),
        "plan": vars(make_plan(search)),
        "references": _planned_references(search, dataset),
        "cost": {
            "least_seconds": cost.least,
            "most_seconds": cost.most,
            "concurrent": concurrent,
            "probes": probes,
        },
        "resolution": least_differences(search, dataset),
        "warnings": _warnings(search, dataset),
    }


def _warnings(search: SearchConfig, dataset: Dataset) -> list[str]:
    return [
        *repetitions_left_out(search),
        *asked_first(search, dataset)[1],
        *label_warnings(search, dataset),
        *data_warnings(dataset),
    ]


def _concurrent(search: SearchConfig) -> int:
    """Return how many trials this machine trains at once by its cores; GPUs are not counted."""
    machine = {"Alive": True, "Resources": {"CPU": usable_cores()}}
    return max_concurrent([machine], search.resources.model_copy(update={"gpus_per_trial": 0}))


def _rows(search: SearchConfig, dataset: Dataset, plan: Plan) -> list[tuple[str, str]]:
    per = search.resources
    gpus = f", {per.gpus_per_trial:g} GPU" if per.gpus_per_trial else ""
    levels = levels_in_words(search.levels)
    compared = f", dealt out evenly over {search.compare} {levels}" if search.compare else ""
    least = "at least " if search.budget == "network_epochs" else ""
    stopping = search.early_stopping
    rungs = f"epochs {plan.rungs}" if plan.rungs else "none: every trial trains all its epochs"
    factor = f", the best 1/{stopping.reduction_factor} go on" if stopping and plan.rungs else ""
    conditions = search.all_conditions
    trials = _span([sum(num_trials(search, c).values()) for c in conditions])
    finalists = _span([num_finalists(search, condition) for condition in conditions])
    return [
        ("data", f"{dataset.name}: {_size(dataset)}"),
        *([("", dataset.reading)] if dataset.reading is not None else ()),
        ("noise", _noise(search)),
        ("conditions", f"{len(plan.conditions)}: {'; '.join(plan.conditions)}"),
        *((f"search {field}", _domain(search, field)) for field in search.search),
        ("fixed", ", ".join(f"{k} {v}" for k, v in search.fixed.items()) or "nothing"),
        (
            "trials",
            f"{least}{plan.trials}, {trials} per condition ({search.sampler}){compared}",
        ),
        *_budget(search),
        ("", f"{_span(plan.configurations)} different configurations per condition"),
        *_asked_first(search, dataset),
        ("rungs", rungs + factor),
        (
            "final",
            f"{plan.finalists} configurations, {finalists} per condition, on "
            f"{search.confirm.seeds} fresh seeds: {plan.confirm_trials} trials in "
            f"{plan.finalists} stacks{_further(search, plan)}",
        ),
        ("references", _references(search, dataset)),
        ("suspects", _suspects(search)),
        ("epochs", _epochs(plan)),
        ("objective", _objective(search)),
        ("resources", f"{per.cpus_per_trial:g} CPU{gpus} per trial"),
    ]


def _budget(search: SearchConfig) -> list[tuple[str, str]]:
    if search.budget == "trials":
        return []
    shares = [min(budgets(search, condition).values()) for condition in search.all_conditions]
    each = f"each level of {search.compare}" if search.compare else "each condition"
    return [("budget", f"{_span([int(share) for share in shares])} network-epochs for {each}")]


def _asked_first(search: SearchConfig, dataset: Dataset) -> list[tuple[str, str]]:
    points, _ = asked_first(search, dataset)
    if not points:
        return []
    number = _span([len(of_condition) for of_condition in points.values()])
    return [
        ("", f"{number} configurations that were good on such data are asked first per condition")
    ]


def _size(dataset: Dataset) -> str:
    """Return what the examples are, and how many there are of each split."""
    given, test, unlabelled = dataset.num_validation, dataset.test_labels, dataset.unlabelled_inputs
    train = len(dataset.train_labels) - (given or 0)
    parts = [f"{train:,} training examples ({describe_inputs(dataset.input_shape)})"]
    parts += [f"{dataset.num_classes} classes"]
    parts += [] if given is None else [f"{given:,} examples of a given validation split"]
    parts += ["no test set" if test is None else f"{len(test):,} test examples"]
    parts += [] if unlabelled is None else [f"{len(unlabelled):,} examples without a label"]
    return ", ".join(parts)


def _span(numbers: Sequence[int | None]) -> str:
    """Return `4`, or `2 to 6` where conditions differ; None is any number."""
    finite = [number for number in numbers if number is not None]
    ends = [f"{number:,}" for number in sorted({min(finite), max(finite)})] if finite else []
    if len(finite) < len(numbers):
        ends[1:] = ["any number of"]
    return " to ".join(ends)


def _planned_references(search: SearchConfig, dataset: Dataset) -> list[dict[str, Any]]:
    """Return of each reference model how many examples it learns, or why it is left out."""
    available = int(max(examples_of_epochs(search, dataset)))
    width = math.prod(dataset.input_shape)
    return [
        {
            "name": name,
            "examples": REFERENCES[name].num_learned(available, width),
            "available_examples": available,
            "problem": missing_needs(REFERENCES[name], dataset) or None,
        }
        for name in search.references
    ]


def _references(search: SearchConfig, dataset: Dataset) -> str:
    planned = _planned_references(search, dataset)
    trained, left_out = [], []
    for one in planned:
        if one["problem"]:
            left_out.append(f"; {one['name']} is left out: {one['problem']}")
        elif one["examples"] < one["available_examples"]:
            trained.append(f"{one['name']} (on {one['examples']:,} examples)")
        else:
            trained.append(one["name"])
    return (", ".join(trained) or "none") + "".join(left_out)


def _suspects(search: SearchConfig) -> str:
    if not search.looks_for_suspects:
        return "not looked for"
    folds = max(search.suspect_folds(condition) for condition in search.all_conditions)
    by = f"trained {folds} times on all but 1/{folds} of the examples"
    if folds == 0:
        by = "as it predicts them while it is confirmed, without a further training"
    return f"wrong labels, by the winner of each condition {by} (suspects.folds=0: not looked for)"


def _epochs(plan: Plan) -> str:
    after = f", and {plan.suspect_epochs} to find suspects" if plan.suspect_epochs else ""
    return f"{plan.min_epochs} to {plan.max_epochs}, and {_confirming(plan)} to confirm{after}"


def _further(search: SearchConfig, plan: Plan) -> str:
    """Return when finalists are looked at again; empty where once is all."""
    sizes = [look.num_seeds for look in looks_of(search.confirm.seeds, search.confirm.max_seeds)]
    if len(sizes) == 1:
        return ""
    more = " and ".join(str(size) for size in sizes[1:])
    return f"; the undecided on {more} seeds, at most {plan.max_confirm_trials} trials"


def _confirming(plan: Plan) -> str:
    if plan.max_confirm_epochs == plan.confirm_epochs:
        return str(plan.confirm_epochs)
    return f"{plan.confirm_epochs} to {plan.max_confirm_epochs}"


def _noise(search: SearchConfig) -> str:
    """Return the kind and what its rate counts: `symmetric; noise_rate (true class excluded)`."""
    note = rate_note(search.noise)
    return f"{search.noise}; noise_rate{note}" if note else search.noise


def _objective(search: SearchConfig) -> str:
    oracle = ORACLE_NOTE if search.oracle else ""
    last = f", mean of the last {search.last_epochs} epochs" if search.last_epochs else ""
    return f"{search.objective}{last}{oracle}"


def _domain(search: SearchConfig, field: str) -> str:
    domain = search.search[field]
    when = ", ".join(f"{name} is {value}" for name, value in domain.when.items())
    return f"{domain}{f' when {when}' if when else ''}"
