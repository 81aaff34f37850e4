"""Audit of a finished record: nothing lost, nothing twice, every decision follows from it.

The rules are written here once more, plainly, from events alone: nothing of the code that made
the record takes part.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import product
from typing import Any

from tune_noise.record import Event

from .facts import Findings, Life


def audit_record(events: Sequence[Event], lives: Sequence[Life]) -> Findings:
    """Everything that can be said from the record alone.

    Args:
        events: of the finished search.
        lives: of its drivers, in order.
    """
    search = next((e.data["config"] for e in events if e.kind == "search"), None)
    if search is None:
        return Findings(lost=["the record does not say what is searched"])
    findings = Findings()
    findings.add([_kept(events, lives), _counts(events, search), _sequence(events)])
    findings.add([_rungs(events, search), _finalists(events, search)])
    return findings


def _kept(events: Sequence[Event], lives: Sequence[Life]) -> Findings:
    """What stood in the record at a death stands there still, unchanged and in its place."""
    findings = Findings()
    for number, life in enumerate(lives, 1):
        for before, after in zip(life.events, events, strict=False):
            if before != after:
                findings.lost.append(f"event {before.number} of life {number} was changed")
        if len(life.events) > len(events):
            findings.lost.append(f"{len(life.events) - len(events)} events of life {number}")
    return findings


def _counts(events: Sequence[Event], search: dict[str, Any]) -> Findings:
    """Every trial that the space promises was asked for once and ended once."""
    findings = Findings()
    stages = {e.trial_id: e.data["stage"] for e in events if e.kind == "ask"}
    conditions = len(list(product(*search["conditions"].values())))
    finalists = len(_chosen(events, search))
    promised = {
        "search": conditions * search["trials"],
        "confirm": finalists * search["confirm"]["seeds"],
    }
    if search.get("budget") == "network_epochs":
        # As many as early stops pay for: an uninterrupted search tells the number.
        promised["search"] = sum(stage == "search" for stage in stages.values())
    for stage, count in promised.items():
        found = sum(value == stage for value in stages.values())
        if found < count:
            findings.lost.append(f"{count - found} of {count} trials of stage {stage}")
        elif found > count:
            findings.duplicated.append(f"{found} trials of stage {stage}, not {count}")
    counts = Counter((e.kind, e.trial_id) for e in events if e.kind in ("ask", "start", "end"))
    counts.update((e.kind, None) for e in events if e.kind in ("search", "finish"))
    for trial_id in stages:
        findings.lost += [
            f"{trial_id} has no {kind}" for kind in ("start", "end") if not counts[kind, trial_id]
        ]
    if not counts["finish", None]:
        findings.lost.append("the search did not finish")
    findings.duplicated += [f"{n} x {kind} of {t}" for (kind, t), n in counts.items() if n > 1]
    return findings


def _sequence(events: Sequence[Event]) -> Findings:
    """Epochs come once each, in order, between the ask and the end of their trial."""
    findings = Findings()
    asked: dict[str, dict[str, Any]] = {}
    ended: set[str] = set()
    epochs: dict[str, int] = defaultdict(int)
    for number, event in enumerate(events, 1):
        if event.number != number:
            findings.lost.append(f"event {number}: the next one is {event.number}")
        trial_id = str(event.trial_id)
        if event.kind == "ask":
            asked[trial_id] = event.data["config"]
        elif event.kind in ("start", "epoch", "rung", "end"):
            if trial_id not in asked:
                findings.decisions.append(f"{event.kind} of {trial_id} before its ask")
            if trial_id in ended:
                findings.duplicated.append(f"{event.kind} of {trial_id} after its end")
        if event.kind == "epoch":
            expected = epochs[trial_id] + 1
            if event.data["epoch"] < expected:
                findings.duplicated.append(f"epoch {event.data['epoch']} of {trial_id}")
            elif event.data["epoch"] > expected:
                findings.lost.append(f"epoch {expected} of {trial_id}")
            epochs[trial_id] = event.data["epoch"]
        elif event.kind == "end":
            ended.add(trial_id)
            complete = event.data["status"] != "completed" or event.data["stop_reason"]
            if not complete and epochs[trial_id] != asked.get(trial_id, {}).get("epochs"):
                findings.lost.append(f"{trial_id} completed after {epochs[trial_id]} epochs")
            if event.data["status"] == "failed":
                findings.lost.append(f"{trial_id} failed: {event.data['stop_reason']}")
    return findings


def _group(event: Event, search: dict[str, Any]) -> tuple[str, Any]:
    """Trials compete inside one condition and one level of what is compared."""
    compare = search.get("compare")
    return event.data["condition"], event.data["config"].get(compare) if compare else None


def _levels(search: dict[str, Any]) -> list[int]:
    stopping = search.get("early_stopping")
    if not stopping:
        return []
    levels = [stopping["grace_epochs"]]
    while levels[-1] * stopping["reduction_factor"] < search["epochs"]:
        levels.append(levels[-1] * stopping["reduction_factor"])
    return levels


def _rungs(events: Sequence[Event], search: dict[str, Any]) -> Findings:
    """Each rung decision again: in the order of arrival, the best 1 / factor of a group go on."""
    findings = Findings()
    levels, stopping = _levels(search), search.get("early_stopping")
    groups: dict[str, tuple[str, Any]] = {}
    best: dict[str, float] = {}
    reached: dict[str, int] = defaultdict(int)
    arrived: dict[tuple[Any, int], list[float]] = defaultdict(list)
    decided: dict[tuple[str, int], bool] = {}
    ends: dict[str, dict[str, Any]] = {}
    for event in events:
        trial_id = str(event.trial_id)
        if event.kind == "ask" and event.data["stage"] == "search":
            groups[trial_id] = _group(event, search)
        elif event.kind == "epoch":
            value = event.data[search["objective"]]
            best[trial_id] = max(value, best.get(trial_id, value))
            reached[trial_id] = event.data["epoch"]
        elif event.kind == "end":
            ends[trial_id] = event.data
        elif event.kind == "rung":
            level = event.data["epoch"]
            if (trial_id, level) in decided:
                findings.duplicated.append(f"{trial_id} is judged twice at epoch {level}")
            rivals, score = arrived[groups.get(trial_id), level], best.get(trial_id, -math.inf)
            rivals.append(score)
            better = sum(rival > score for rival in rivals)
            goes_on = better < max(1, len(rivals) // stopping["reduction_factor"])
            decided[trial_id, level] = goes_on
            said = (event.data["score"], event.data["goes_on"], reached[trial_id])
            if said != (score, goes_on, level) or level not in levels:
                findings.decisions.append(
                    f"{trial_id} at epoch {reached[trial_id]}: score and verdict {said[:2]} at "
                    f"rung {level}, by the rule {(score, goes_on)}"
                )
    for trial_id in groups:
        findings.decisions += _obeyed(trial_id, levels, reached[trial_id], decided, ends)
    return findings


def _obeyed(
    trial_id: str,
    levels: list[int],
    reached: int,
    decided: dict[tuple[str, int], bool],
    ends: dict[str, dict[str, Any]],
) -> list[str]:
    """Whether a trial was judged at every rung that it reached, and did what was decided."""
    passed = [level for level in levels if level <= reached]
    wrong = [f"{trial_id} was not judged at {x}" for x in passed if (trial_id, x) not in decided]
    refused = [level for level in passed if not decided.get((trial_id, level), True)]
    if refused and refused[0] != reached:
        wrong.append(f"{trial_id} went on from {refused[0]} to {reached} though it was to stop")
    is_stopped = ends.get(trial_id, {}).get("status") == "stopped"
    if is_stopped != bool(refused):
        wrong.append(f"{trial_id} stopped: {is_stopped}, decided: {bool(refused)}")
    return wrong


def _chosen(events: Sequence[Event], search: dict[str, Any]) -> set[str]:
    """Who is to be confirmed: per condition the best of each level, then the next best ones."""
    groups = {
        str(e.trial_id): _group(e, search)
        for e in events
        if e.kind == "ask" and e.data["stage"] == "search"
    }
    best: dict[str, tuple[bool, float]] = {}
    sound = {str(e.trial_id) for e in events if e.kind == "end"}
    sound -= {
        str(e.trial_id)
        for e in events
        if e.kind == "end" and e.data["status"] in ("failed", "diverged")
    }
    for event in events:
        if event.kind == "epoch" and event.trial_id in groups:
            value = event.data[search["objective"]]
            if str(event.trial_id) not in best or value > best[str(event.trial_id)][1]:
                # Classes that look renamed put a trial behind all others.
                best[str(event.trial_id)] = (not event.data.get("val_renamed"), value)
    # Sorting is stable, so that of equals the trial that was asked for first leads.
    ranked = sorted(best.keys() & sound, key=str)
    ranked = sorted(ranked, key=lambda t: best[t], reverse=True)
    chosen: set[str] = set()
    levels = list(dict.fromkeys(groups[t] for t in ranked))
    per_condition = defaultdict(list)
    for condition, level in levels:
        per_condition[condition].append(level)
    for condition, own_levels in per_condition.items():
        mine = [t for t in ranked if groups[t][0] == condition]
        first = [next(t for t in mine if groups[t][1] == level) for level in own_levels]
        default = len(own_levels) if len(own_levels) > 1 else 2
        wanted = search["confirm"].get("finalists") or default
        others = [t for t in mine if t not in first]
        chosen |= {*first, *others[: max(0, wanted - len(first))]}
    return chosen


def _finalists(events: Sequence[Event], search: dict[str, Any]) -> Findings:
    """The finalists are those of the rule, each on the same complete set of seeds."""
    findings = Findings()
    seeds: dict[str, list[int]] = defaultdict(list)
    for event in events:
        if event.kind == "ask" and event.data["stage"] == "confirm":
            seeds[event.data["finalist"]].append(event.data["config"]["seed"])
    chosen = _chosen(events, search)
    findings.decisions += [
        f"{t} is a finalist, by the rule it is not" for t in seeds.keys() - chosen
    ]
    findings.lost += [f"the finalist {t} is not confirmed" for t in chosen - seeds.keys()]
    base = 1000 * search["seed"]
    wanted = [base + s for s in range(1, search["confirm"]["seeds"] + 1)]
    findings.lost += [
        f"seeds of {t}: {own}, not {wanted}" for t, own in seeds.items() if sorted(own) != wanted
    ]
    return findings
