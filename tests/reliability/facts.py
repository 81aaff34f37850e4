"""What is known of one killed search: the lives of its driver, and the record at each death."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tune_noise.record import Event, Record, RecordPlace
from tune_noise.record.reach import exists

# Kinds of events that belong to a trial.
OF_TRIALS = frozenset({"ask", "start", "epoch", "rung", "end"})


def read_events(folder: Path, url: str | None = None) -> list[Event]:
    """The record of the search in a folder; empty where there is none yet."""
    place = RecordPlace.of_folder(folder, url)
    if not exists(place):
        return []
    with Record(place) as record:
        return list(record.events())


@dataclass
class Life:
    """One process that drove the search, or the time up to a node's death.

    Attributes:
        started: Unix time at which the command was started.
        killed: Unix time of its death; None for the last one, which came to its end.
        victim: what was killed, in words.
        is_node: it was a node of the cluster; the driver lived on.
        known: the record when it began.
        events: the record after it.
        seconds_to_stop: from its death until nothing trained or tracked any more.
        seconds_to_vanish: until Ray's own helpers were gone, too.
    """

    started: float
    killed: float | None = None
    victim: str = ""
    is_node: bool = False
    known: list[Event] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    seconds_to_stop: float | None = None
    seconds_to_vanish: float | None = None

    @property
    def news(self) -> list[Event]:
        """What was recorded during this life."""
        return self.events[len(self.known) :]

    @property
    def phase(self) -> str:
        """How far the search was at its death."""
        kinds = {event.kind for event in self.events}
        if "finish" in kinds:
            return "outputs"
        if any(e.kind == "ask" and e.data["stage"] == "confirm" for e in self.events):
            return "confirmation"
        if "start" in kinds:
            return "search"
        return "before the first report" if "search" in kinds else "before the record"

    @property
    def seconds_to_resume(self) -> float | None:
        """From the command to the first news of a trial; None where nothing was left to do."""
        first = next((e.seconds for e in self.news if e.kind in OF_TRIALS), None)
        return None if first is None else first - self.started


PHASES = ("before the record", "before the first report", "search", "confirmation", "outputs")


@dataclass
class Findings:
    """What an audit found wrong, in sentences; all empty where nothing is.

    Attributes:
        lost: trials, epochs or events of the record that are gone, and trials without an end.
        duplicated: what happened twice though it must happen once.
        decisions: of rungs, finalists or ends that do not follow from the record.
        sampler: results that the sampler does not know.
        outputs: files that differ from those of an uninterrupted run.
        mlflow: runs that are missing, orphaned, duplicated or wrong.
        processes: what was left running.
        commands: that failed.
    """

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)
    sampler: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    mlflow: list[str] = field(default_factory=list)
    processes: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    def add(self, others: Iterable["Findings"]) -> None:
        """Take in what others found."""
        for other in others:
            for name, sentences in vars(other).items():
                getattr(self, name).extend(sentences)

    @property
    def all(self) -> list[str]:
        """Every sentence with its kind."""
        return [f"{name}: {text}" for name, texts in vars(self).items() for text in texts]
