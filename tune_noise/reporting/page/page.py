"""report.html: one self-contained page, the answer first."""

import platform
from collections.abc import Sequence
from typing import Any

from tune_noise.config.words import configuration
from tune_noise.history.replay import History
from tune_noise.reporting.before_repair import gain_sentences
from tune_noise.reporting.cells import (
    EMPTY,
    Cell,
    finalist_cell,
    judgement_cell,
    reference_judgement_cell,
)
from tune_noise.reporting.checked_by_hand import checked_section
from tune_noise.reporting.figures.draw import KINDS, Drawings
from tune_noise.reporting.findings.annotators import annotators_of
from tune_noise.reporting.findings.criteria import Choice, choices
from tune_noise.reporting.findings.effort import STATES, Effort, efforts
from tune_noise.reporting.findings.finalists import reported_metrics
from tune_noise.reporting.findings.knowledge import knowledge
from tune_noise.reporting.findings.summary import ConditionSummary, Summary
from tune_noise.reporting.page.classes import classes_section
from tune_noise.reporting.page.contact_sheet import Sheet
from tune_noise.reporting.page.importance import importance_section
from tune_noise.reporting.page.noise import noise_section
from tune_noise.reporting.page.templates import fill
from tune_noise.reporting.sentences import (
    RENAMED_MEANING,
    badge,
    objective_meaning,
    place,
    trial_objective,
    unlabelled_sentence,
    verdict_sentence,
)
from tune_noise.reporting.wording import NO_VALUE, objective_name, selection, unit

RUN_AGAIN = "python -m tune_noise.search --space search.yaml"
TEMPLATE = "report.html.j2"
SELECTED = "selected epoch"
# Nobody reads a longer table on a page; the CSV file has all of them.
MAX_ANNOTATORS = 30
_HEADINGS = {
    "test_accuracy_clean": "test accuracy, selected epoch",
    "test_accuracy_clean_last_mean": "test accuracy, mean of last epochs",
    "test_accuracy_clean_best": "test accuracy, best epoch on the test set (oracle)",
    "test_accuracy_clean_ensemble": "test accuracy of the average prediction, selected epoch",
    "test_balanced_accuracy_clean": "balanced test accuracy (mean recall), selected epoch",
    "train_label_precision": "label precision, selected epoch",
    "train_label_recall": "label recall, selected epoch",
}


def render_page(
    history: History, summary: Summary, drawings: Drawings, sheets: Sequence[Sheet]
) -> str:
    """Return the page as HTML; it holds its figures and asks the network for nothing.

    Args:
        history: the search.
        summary: its verdicts.
        drawings: its figures.
        sheets: the suspicious examples of its conditions.
    """
    spent, facts = efforts(history), knowledge(history)
    statuses = [s for s in STATES if any(effort.statuses.get(s) for effort in spent)]
    return fill(
        TEMPLATE,
        search=summary.search,
        config=summary.config,
        is_finished=history.finished,
        conditions=[_section(condition, drawings) for condition in summary.conditions],
        has_references=any(condition.judged_references for condition in summary.conditions),
        accuracy=drawings.get(("accuracy", "")),
        sheets=sheets,
        checked=list(filter(None, map(checked_section, summary.conditions))),
        annotators={c.name: part for c in summary.conditions if (part := _annotators(c))},
        unlabelled=unlabelled_sentence(summary),
        gains=gain_sentences(summary),
        effort_headings=[
            *("trials", *statuses, "epochs", "network-epochs"),
            *(("given",) if summary.config.budget == "network_epochs" else ()),
            *("share of its stage", "seconds"),
        ],
        efforts=[_effort(effort, statuses, history.config.budget) for effort in spent],
        knowledge=[
            {"what": fact.what, "cells": [Cell(fact.told), Cell(fact.measured)]} for fact in facts
        ],
        told_more=any(fact.is_unusual for fact in facts),
        objective_meaning=objective_meaning(summary.config.objective),
        renamed_meaning=RENAMED_MEANING,
        versions=summary.search["versions"] or {"python": platform.python_version()},
        command=f"{RUN_AGAIN} --name {summary.config.name}-again",
    )


def _section(condition: ConditionSummary, drawings: Drawings) -> dict[str, Any]:
    # Shown only where nothing is confirmed, and of thousands of trials it takes its time.
    best = None if condition.finalists else condition.best_search_trial
    rate = condition.realised_noise_rate
    return {
        "name": condition.name,
        "place": place(condition),
        "badge": badge(condition),
        "sentence": verdict_sentence(condition),
        "headings": _headings(condition),
        "rows": [*_finalists(condition), *_references(condition)],
        "left_out": [
            f"{reference.words} ({reference.history.problem})"
            for reference in condition.references
            if reference.history.problem
        ],
        "figures": {kind: drawings.get((kind, condition.name)) for kind in KINDS},
        "importance": importance_section(condition),
        "noise": noise_section(condition),
        "classes": classes_section(condition),
        "num_search_trials": len(condition.search_trials),
        "choices": [_choice(choice, condition) for choice in choices(condition.search_trials)],
        "noise_rate": None if rate is None else f"{100 * rate:.1f} %",
        "best": None
        if best is None
        else f"{configuration(best.config, condition.config)}, {trial_objective(best)}",
    }


def _headings(condition: ConditionSummary) -> list[str]:
    objective = condition.config.objective
    texts = {objective: f"{objective_name(objective)}, {SELECTED}"} | _HEADINGS
    first, *others = [
        f"{texts[metric]} ({unit(metric)})".replace(SELECTED, selection(condition.config))
        for metric in reported_metrics(condition.finalists)
    ] or [""]
    return ["finalist", first, f"leader minus this, paired ({unit(objective)})", *others, "seeds"]


def _finalists(condition: ConditionSummary) -> list[dict[str, Any]]:
    metrics = reported_metrics(condition.finalists)
    rows = []
    for rank, finalist in enumerate(condition.finalists, 1):
        cells = [finalist_cell(finalist, metric) for metric in metrics]
        cells.insert(1, judgement_cell(finalist, condition))
        cells.append(Cell(f"{len(finalist.counted)} of {len(finalist.trials)}"))
        rows.append(
            {
                "rank": "★" if condition.is_winner(finalist) else f"{rank}.",
                "name": configuration(finalist.config, condition.config),
                "about": f"trial {finalist.trial_id}",
                "is_renamed": finalist.num_renamed > 0,
                "cells": cells,
            }
        )
    return rows


def _references(condition: ConditionSummary) -> list[dict[str, Any]]:
    metrics = reported_metrics(condition.finalists)
    rows = []
    for reference in condition.references:
        if not reference.metrics:
            continue
        cells = [finalist_cell(reference, metric) for metric in metrics]
        cells.insert(1, reference_judgement_cell(reference))
        cells.append(Cell(str(len(reference.history.metrics))))
        about = [reference.settings, reference.learned and f"learned {reference.learned}"]
        rows.append(
            {
                "rank": "·",
                "name": reference.words.removeprefix("the "),
                "about": ", ".join(filter(None, ["reference model", *about])),
                "is_renamed": False,
                "cells": cells,
            }
        )
    return rows


def _choice(choice: Choice, condition: ConditionSummary) -> dict[str, Any]:
    accuracy = choice.test_accuracy
    values = (
        configuration(choice.trial.config, condition.config),
        f"{choice.epoch['epoch']:.0f} of {choice.trial.num_epochs}",
        NO_VALUE if accuracy is None else f"{100 * accuracy:.1f} %",
    )
    name = "test accuracy itself (oracle)" if choice.is_oracle else choice.criterion
    return {"criterion": name, "cells": [Cell(value) for value in values]}


def _annotators(condition: ConditionSummary) -> dict[str, Any] | None:
    annotators = annotators_of(condition)
    if not annotators:
        return None
    shown = f"{min(len(annotators), MAX_ANNOTATORS):,} of {len(annotators):,}"
    rows = [
        {
            "name": annotator.annotator,
            "cells": [
                Cell(f"{annotator.answers:,}"),
                EMPTY
                if annotator.agreement is None
                else Cell(f"{100 * annotator.agreement:.0f} %"),
                Cell(
                    f"{100 * annotator.accuracy:.0f} % "
                    f"({100 * annotator.low:.0f} to {100 * annotator.high:.0f})"
                ),
            ],
        }
        for annotator in annotators[:MAX_ANNOTATORS]
    ]
    return {"rows": rows, "caption": f"{place(condition)}: {shown}, those with most answers first"}


def _effort(effort: Effort, statuses: list[str], budget: str) -> dict[str, Any]:
    counts = [effort.num_trials, *(effort.statuses.get(status, 0) for status in statuses)]
    counts += [effort.epochs, effort.network_epochs]
    share = f"{100 * effort.share:.1f} %" if effort.share == effort.share else NO_VALUE
    given = [NO_VALUE if effort.budget is None else f"{effort.budget:,.0f}"]
    given = given if budget == "network_epochs" else []
    values = [*(f"{count:,}" for count in counts), *given, share, f"{effort.seconds:,.0f}"]
    return {"name": f"{effort.stage}, {effort.level}", "cells": [Cell(value) for value in values]}
