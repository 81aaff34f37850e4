"""What the audits found, as Markdown tables, and which goals were missed."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import mean, median
from typing import Any

from .audit import Audit
from .facts import PHASES, Life
from .kills import PATIENCE_SECONDS, Reference
from .nodes import recovery
from .redone import INTERVAL_SECONDS, Redone
from .searches import SHARES, Search

RESUME_SECONDS = 10.0


@dataclass(frozen=True)
class Outcome:
    """The end of a benchmark.

    Attributes:
        text: its tables.
        missed: the goals that were missed, in sentences.
        details: everything, for JSON.
    """

    text: str
    missed: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)


def driver_table(
    searches: Sequence[Search],
    audits: Sequence[Audit],
    references: Sequence[Reference],
    starts: Sequence[tuple[float, float]],
) -> Outcome:
    """Kills of the driver."""
    deaths = [life for audit in audits for life in audit.lives if life.killed is not None]
    kinds = Counter(search.name for search in searches)
    used = [search for search in SHARES if kinds[search.name]]
    text = [
        f"{len(audits)} searches were killed, {len(deaths)} kills in all: "
        f"{_counted(Counter(life.victim for life in deaths))}.",
        "Searches: " + "; ".join(f"{kinds[s.name]} x {s.name} ({s.about})" for s in used) + ".",
        "",
        *_rows(["moment of the kill", "kills"], _phases(deaths)),
        "",
        *_rows(["found", "goal", "n", "result"], _findings(audits)),
        "",
        *_redone_table(audits),
        "",
        *_rows(["seconds", "n", "median", "max"], _driver_seconds(audits, deaths, starts)),
    ]
    missed = _missed(audits) + [
        f"an uninterrupted run: {sentence}" for r in references for sentence in r.problems
    ]
    return Outcome("\n".join(text), missed, _details(audits) | {"ray_starts": list(starts)})


def node_table(audits: Sequence[Audit], reference: Reference) -> Outcome:
    """Kills of nodes."""
    deaths = [audit.lives[0] for audit in audits if audit.lives[0].killed is not None]
    stop = [d.seconds_to_stop for d in deaths if d.seconds_to_stop is not None]
    recoveries = [r for audit in audits if (r := recovery(*audit.lives)) is not None]
    text = [
        f"{len(deaths)} nodes were killed: {_counted(Counter(d.victim for d in deaths))}.",
        "",
        *_rows(["moment of the kill", "kills"], _phases(deaths)),
        "",
        *_rows(["found", "goal", "n", "result"], _findings(audits)),
        "",
        *_redone_table(audits),
        "",
        *_rows(
            ["seconds", "n", "median", "max"],
            [
                _spread("from the death until the driver knows of it", [r[0] for r in recoveries]),
                _spread("from then until a lost trial trains again", [r[1] for r in recoveries]),
                _spread("from the death until the dead node trains nothing any more", stop),
            ],
        ),
    ]
    missed = _missed(audits) + [f"the uninterrupted run: {s}" for s in reference.problems]
    return Outcome("\n".join(text), missed, _details(audits))


def resume_table(found: dict[str, list[float]]) -> Outcome:
    """Resumes of a record of many trials."""
    trials, events = (int(number) for number in found["record"])
    news = [n - c for n, c in zip(found["news"], found["cluster"], strict=True)]
    report = [r - p for r, p in zip(found["report"], found["process"], strict=True)]
    rows = [
        _spread("bare start of Ray's cluster", found["cluster"]),
        _spread("bare start of Ray until a process of it can train", found["process"]),
        _spread("resume until the next trial is asked for", found["news"]),
        _spread("resume until the first report of a trial", found["report"]),
        _spread("until the next ask, beyond the bare cluster", news),
        _spread("until the first report, beyond the bare process", report),
    ]
    text = [
        f"A record of {trials} ended trials, {events} events.",
        "",
        *_rows(["seconds", "n", "median", "max"], rows),
    ]
    missed = [
        f"a resume took {seconds:.1f} s beyond Ray's own start"
        for seconds in (*news, *report)
        if seconds > RESUME_SECONDS
    ]
    return Outcome("\n".join(text), missed, dict(found))


def _phases(deaths: Sequence[Life]) -> list[list[str]]:
    counts = Counter(life.phase for life in deaths)
    return [[phase, str(counts[phase])] for phase in PHASES if counts[phase]]


_QUESTIONS: dict[str, str] = {
    "lost": "trials, epochs or decisions lost",
    "duplicated": "trials, epochs or decisions made twice",
    "decisions": "decisions that differ from the record",
    "sampler": "results that the sampler does not know",
    "mlflow": "MLflow runs orphaned, duplicated, RUNNING or unlike the record",
    "outputs": "outputs unlike those of an uninterrupted run",
    "processes": f"processes left after {PATIENCE_SECONDS:g} s",
    "commands": "commands that failed",
}


def _findings(audits: Sequence[Audit]) -> list[list[str]]:
    trials = sum(audit.num_trials for audit in audits)
    decisions = sum(audit.num_decisions for audit in audits)
    searches = f"{len(audits)} searches"
    n = dict.fromkeys(_QUESTIONS, searches) | {
        "lost": f"{trials} trials",
        "duplicated": f"{trials} trials",
        "decisions": f"{decisions} rung decisions",
        "sampler": f"{trials} trials",
        "mlflow": f"{trials + len(audits)} runs",
    }
    rows = []
    for name, question in _QUESTIONS.items():
        count = sum(len(getattr(audit.findings, name)) for audit in audits)
        rows.append([question, "0", n[name], str(count)])
    return rows


def _redone_table(audits: Sequence[Audit]) -> list[str]:
    found = [one for audit in audits for one in audit.redone]
    groups: dict[str, Callable[[Redone], bool]] = {
        "all": lambda one: True,
        f"epochs up to {INTERVAL_SECONDS:g} s": lambda one: one.epoch_seconds <= INTERVAL_SECONDS,
        f"epochs above {INTERVAL_SECONDS:g} s": lambda one: one.epoch_seconds > INTERVAL_SECONDS,
        "went on from a checkpoint": lambda one: one.went_on,
    }
    rows = []
    for name, belongs in groups.items():
        own = [one for one in found if belongs(one)]
        if not own:
            continue
        seconds, epochs = [o.seconds for o in own], [o.epochs for o in own]
        cells = [f"{mean(seconds):.2f}", f"{max(seconds):.2f}", f"{mean(epochs):.1f}"]
        cells += [str(max(epochs)), f"{max(o.intervals for o in own):.2f}"]
        rows.append([name, str(len(own)), *cells])
    header = ["training redone, at most", "n", "mean (s)", "max (s)", "mean (epochs)"]
    return _rows([*header, "max (epochs)", "max (intervals)"], rows)


def _driver_seconds(
    audits: Sequence[Audit], deaths: Sequence[Life], starts: Sequence[tuple[float, float]]
) -> list[list[str]]:
    resumes = [
        life.seconds_to_resume
        for audit in audits
        for life in audit.lives[1:]
        if life.seconds_to_resume is not None
    ]
    stop = [d.seconds_to_stop for d in deaths if d.seconds_to_stop is not None]
    gone = [d.seconds_to_vanish for d in deaths if d.seconds_to_vanish is not None]
    return [
        _spread("from the resuming command to the first news of a trial", resumes),
        _spread("bare start of Ray's cluster, side by side", [s[0] for s in starts]),
        _spread("bare start until a process of it can train, side by side", [s[1] for s in starts]),
        _spread("from the kill until nothing trains or writes any more", stop),
        _spread("from the kill until Ray's helpers are gone, too", gone),
    ]


def _missed(audits: Sequence[Audit]) -> list[str]:
    missed = [
        f"search {number}: {sentence}"
        for number, audit in enumerate(audits, 1)
        for sentence in audit.findings.all
    ]
    missed += [
        f"search {number}: {one.stack_id} trained {one.seconds:.2f} s again, "
        f"{one.intervals:.2f} intervals"
        for number, audit in enumerate(audits, 1)
        for one in audit.redone
        if one.intervals > 1.0
    ]
    missed += [
        f"search {number} was done before it could be killed"
        for number, audit in enumerate(audits, 1)
        if all(life.killed is None for life in audit.lives)
    ]
    return missed


def _details(audits: Sequence[Audit]) -> dict[str, Any]:
    return {
        "searches": [
            {
                "findings": audit.findings.all,
                "redone": [asdict(one) | {"intervals": one.intervals} for one in audit.redone],
                "trials": audit.num_trials,
                "lives": [
                    {
                        "phase": life.phase if life.killed else None,
                        "victim": life.victim,
                        "seconds_lived": life.killed - life.started if life.killed else None,
                        "seconds_to_resume": life.seconds_to_resume,
                        "seconds_to_stop": life.seconds_to_stop,
                        "seconds_to_vanish": life.seconds_to_vanish,
                        "events": len(life.events),
                    }
                    for life in audit.lives
                ],
            }
            for audit in audits
        ]
    }


def _spread(name: str, seconds: Sequence[float]) -> list[str]:
    if not seconds:
        return [name, "0", "-", "-"]
    return [name, str(len(seconds)), f"{median(seconds):.1f}", f"{max(seconds):.1f}"]


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} x {name}" for name, count in counts.most_common())


def _rows(header: list[str], rows: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows)]
