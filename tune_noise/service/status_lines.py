"""How a search stands, as plain values for a script and as lines for a person."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tune_noise.config.words import configuration
from tune_noise.history.replay import TrialHistory
from tune_noise.history.status import ConditionState, SearchState
from tune_noise.history.time_left import clock, left_in_words, utc
from tune_noise.record.folder import REPORT_FILE
from tune_noise.service.closing import resume_command

# The last ones: the first are long known to whoever looks twice.
SHOWN_WARNINGS = 5


def state_to_json(state: SearchState) -> dict[str, Any]:
    """Return what `tune-noise status --json` prints; docs/commands.md lists the fields."""
    config = state.config
    return {
        "name": config.name,
        "title": config.title,
        "folder": str(state.folder.resolve()),
        "status": state.status,
        "dataset": config.dataset,
        "noise": config.noise,
        "objective": config.objective,
        "oracle": config.oracle,
        "started": utc(state.started),
        "last_event": utc(state.last_event),
        "seconds_worked": round(state.seconds, 3),
        "seconds_left": None if state.seconds_left is None else round(state.seconds_left, 3),
        "runs": state.runs,
        "host": state.host,
        "pid": state.pid,
        **totals(state),
        "conditions": [_condition_to_json(condition) for condition in state.conditions],
        "warnings": state.warnings,
        "failures": state.failures,
        "continue": _resume(state),
    }


def totals(state: SearchState) -> dict[str, dict[str, int]]:
    """Return trials, confirmations and reference models of all conditions together."""
    counts = [condition.counts for condition in state.conditions]
    statuses: Counter[str] = Counter()
    for each in counts:
        statuses.update(each.statuses)
    return {
        "trials": {
            "planned": sum(each.planned for each in counts),
            "ended": sum(each.ended for each in counts),
            **statuses,
        },
        "confirmations": {
            "planned": sum(each.confirmations_planned for each in counts),
            "ended": sum(each.confirmations_done for each in counts),
        },
        "references": {
            "planned": sum(each.references_planned for each in counts),
            "ended": sum(each.references_done for each in counts),
        },
    }


def _condition_to_json(state: ConditionState) -> dict[str, Any]:
    counts = state.counts
    return {
        "name": state.condition.name,
        "condition": state.condition.factors,
        "trials": {"planned": counts.planned, "ended": counts.ended, **counts.statuses},
        "best": None if counts.best is None else _best_to_json(counts.best),
        "finalists": [vars(finalist) for finalist in counts.finalists],
        "confirmations": {
            "planned": counts.confirmations_planned,
            "ended": counts.confirmations_done,
        },
        "references": {"planned": counts.references_planned, "ended": counts.references_done},
        "suspect_folds": {"planned": state.suspect_folds, "ended": state.suspect_folds_done},
    }


def _best_to_json(trial: TrialHistory) -> dict[str, Any]:
    objective, selected = trial.config.objective, trial.selected or {}
    return {
        "trial_id": trial.trial_id,
        "status": trial.state,
        "objective": selected.get(objective),
        "standard_error": selected.get(f"{objective}_se"),
        "epoch": selected.get("epoch"),
        "config": trial.config.to_plain(),
    }


def lines(state: SearchState) -> Iterator[str]:
    """Return what a search does, each condition, what went wrong, and how to continue."""
    yield f"{state.config.name}: {_headline(state)}"
    yield f"began {_local(state.started)}, {clock(state.seconds)} of work{_in_runs(state)}"
    yield f"{_steered(state)}; {_left(state)}"
    for condition in state.conditions:
        yield ""
        yield condition.condition.name
        for name, text in _facts(condition, state):
            yield f"  {name:<10} {text}"
    troubles = [*(f"failure: {text}" for text in state.failures), *_warnings(state)]
    if troubles:
        yield ""
        yield from troubles
    yield ""
    yield from _next_command(state)


def _headline(state: SearchState) -> str:
    driver = "" if state.host is None else f" on {state.host}, process {state.pid}"
    if state.status == "running":
        return f"running{driver}"
    if state.status == "finished":
        return f"finished {_local(state.last_event)}{driver}"
    return f"interrupted, last heard of {_local(state.last_event)}{driver}"


def _in_runs(state: SearchState) -> str:
    return f" in {state.runs} runs" if state.runs > 1 else ""


def _steered(state: SearchState) -> str:
    oracle = " (oracle: steered by clean labels)" if state.config.oracle else ""
    return (
        f"data {state.config.dataset}, {state.config.noise} noise, {state.config.objective}{oracle}"
    )


def _left(state: SearchState) -> str:
    if state.status == "finished":
        return "nothing left"
    is_trained = all(condition.counts.is_trained for condition in state.conditions)
    return left_in_words(state.seconds_left, is_trained=is_trained)


def _facts(condition: ConditionState, state: SearchState) -> Iterator[tuple[str, str]]:
    counts = condition.counts
    statuses = [
        f"{number} {_word(status, state)}" for status, number in counts.statuses.items() if number
    ]
    ended = f"{counts.ended} of {counts.planned} ended"
    yield "trials", f"{ended}: {', '.join(statuses)}" if statuses else ended
    if counts.best is not None:
        yield "best", _best(counts.best, state)
    done, planned = counts.confirmations_done, counts.confirmations_planned
    by = ", ".join(f"{f.trial_id} {f.seeds_done}/{f.seeds_asked}" for f in counts.finalists)
    yield "confirmed", f"{done} of {planned} fresh seeds{f': {by}' if by else ''}"
    if counts.references_planned:
        yield "references", f"{counts.references_done} of {counts.references_planned} models"
    if condition.suspect_folds:
        done, planned = condition.suspect_folds_done, condition.suspect_folds
        yield "suspects", f"{done} of {planned} folds"


def _word(status: str, state: SearchState) -> str:
    """Return the word for a trial; one without an end runs only where somebody trains it."""
    return "begun" if status == "running" and state.status != "running" else status


def _best(trial: TrialHistory, state: SearchState) -> str:
    selected, objective = trial.selected or {}, trial.config.objective
    error = selected.get(f"{objective}_se")
    spread = "" if error is None else f" ± {error:.3f}"
    score = f"{selected[objective]:.3f}{spread}"
    return f"{score}, {configuration(trial.config, state.config)}, trial {trial.trial_id}"


def _warnings(state: SearchState) -> Iterator[str]:
    hidden = len(state.warnings) - SHOWN_WARNINGS
    if hidden > 0:
        yield f"{hidden} earlier warnings: --json shows all"
    yield from (f"warning: {text}" for text in state.warnings[-SHOWN_WARNINGS:])


def _next_command(state: SearchState) -> Iterator[str]:
    if state.status == "interrupted":
        yield f"continue  {_resume(state)}"
    page = state.folder / REPORT_FILE
    if page.exists():
        yield f"report    {page}"


def _resume(state: SearchState) -> str | None:
    """Return the command that continues an interrupted search."""
    return resume_command(state.folder.resolve(), {}) if state.status == "interrupted" else None


def _local(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")
