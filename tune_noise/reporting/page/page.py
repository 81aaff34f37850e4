"""report.html: one self-contained page, the answer first."""

import base64
import platform
from collections.abc import Sequence
from typing import Any

from tune_noise.history.replay import History
from tune_noise.reporting.figures.draw import Drawing, Drawings
from tune_noise.reporting.findings.criteria import Choice, choices
from tune_noise.reporting.findings.effort import STATUSES, efforts
from tune_noise.reporting.findings.knowledge import knowledge
from tune_noise.reporting.findings.summary import ConditionSummary, Summary
from tune_noise.reporting.page.contact_sheet import Sheet
from tune_noise.reporting.page.finalist_rows import finalist_rows
from tune_noise.reporting.page.importance import importance_section
from tune_noise.reporting.page.noise import noise_section
from tune_noise.reporting.page.templates import fill
from tune_noise.reporting.sentences import (
    RENAMED_MEANING,
    badge,
    objective_meaning,
    place,
    trial_objective,
    verdict_sentence,
)
from tune_noise.reporting.wording import NO_VALUE, configuration

RUN_AGAIN = "python -m tune_noise.search --space search.yaml"
TEMPLATE = "report.html.j2"


def render_page(
    history: History, summary: Summary, drawings: Drawings, sheets: Sequence[Sheet]
) -> str:
    """The page as HTML; it holds its figures and asks the network for nothing.

    Args:
        history: the search.
        summary: its verdicts.
        drawings: its figures.
        sheets: the suspicious images of its conditions.
    """
    spent, known = efforts(history), knowledge(history)
    return fill(
        TEMPLATE,
        search=summary.search,
        config=summary.config,
        is_finished=history.finished,
        conditions=[_section(each, drawings) for each in summary.conditions],
        accuracy=_image(drawings.accuracy),
        sheets=sheets,
        efforts=spent,
        knowledge=known,
        told_more=any(fact.is_unusual for fact in known),
        statuses=[s for s in STATUSES if any(each.statuses.get(s) for each in spent)],
        objective_meaning=objective_meaning(summary.config.objective),
        renamed_meaning=RENAMED_MEANING,
        versions=summary.search["versions"] or {"python": platform.python_version()},
        command=f"{RUN_AGAIN} --name {summary.config.name}-again",
    )


def _section(condition: ConditionSummary, drawings: Drawings) -> dict[str, Any]:
    """What the template shows of one condition."""
    # Shown only where nothing is confirmed, and of thousands of trials it takes its time.
    best = None if condition.finalists else condition.best_search_trial
    rate = condition.realised_noise_rate
    return {
        "name": condition.name,
        "place": place(condition),
        "badge": badge(condition),
        "sentence": verdict_sentence(condition),
        "rows": finalist_rows(condition),
        "curves": _image(drawings.curves.get(condition.name)),
        "memorisation": _image(drawings.memorisations.get(condition.name)),
        "history": _image(drawings.histories.get(condition.name)),
        "parallel": _image(drawings.parallels.get(condition.name)),
        "importance": importance_section(condition),
        "noise": noise_section(condition),
        "transition": _image(drawings.transitions.get(condition.name)),
        "num_search_trials": len(condition.search_trials),
        "choices": [_choice(choice, condition) for choice in choices(condition.search_trials)],
        "noise_rate": None if rate is None else f"{100 * rate:.1f} %",
        "best": None
        if best is None
        else f"{configuration(best.config, condition.config)}, {trial_objective(best)}",
    }


def _choice(choice: Choice, condition: ConditionSummary) -> dict[str, str]:
    """A row of the table of criteria."""
    tested = choice.test_accuracy
    name = "test accuracy itself (oracle)" if choice.is_oracle else choice.criterion
    return {
        "criterion": name,
        "configuration": configuration(choice.trial.config, condition.config),
        "epoch": f"{choice.epoch['epoch']:.0f} of {choice.trial.num_epochs}",
        "accuracy": NO_VALUE if tested is None else f"{100 * tested:.1f} %",
    }


def _image(drawing: Drawing | None) -> dict[str, str] | None:
    """The drawing as a data URL, with its texts."""
    if drawing is None:
        return None
    data = base64.b64encode(drawing.svg).decode()
    url = f"data:image/svg+xml;base64,{data}"
    texts = {"url": url, "alt": drawing.alt, "caption": drawing.caption}
    return texts | {"width": str(drawing.width), "height": str(drawing.height)}
