"""Kill the driver of a real search at a random moment, resume it to its end, audit it."""

import random
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from .audit import Audit, audit
from .command import PART_MARK, Command, kill_all, wait_for
from .facts import Findings, Life, read_events
from .searches import NAME, Search

# A killed driver's processes must be gone after this time.
PATIENCE_SECONDS = 90.0
# How often a driver is killed, another kill falls into its resume; and how often more dies.
AGAIN_SHARE, DESCENDANTS_SHARE = 0.25, 0.3


@dataclass(frozen=True)
class Reference:
    """An uninterrupted run of a search.

    Attributes:
        folder: of the search.
        seconds: of the command, from start to end.
        search_seconds: from the first report to the finish.
        problems: what its audit found.
    """

    folder: Path
    seconds: float
    search_seconds: float
    problems: list[str]


@dataclass(frozen=True)
class Moment:
    """When a driver is killed.

    Attributes:
        seconds: after the start of the command, or after the first report of a trial.
        after_first_report: which of the two.
    """

    seconds: float
    after_first_report: bool


def begin(search: Search, place: Path, extra: list[str]) -> Command:
    """Start a search, or resume it: the command is the same."""
    search.write(place)
    return Command(place, ["tune_noise.search", *search.arguments, *extra])


def uninterrupted(search: Search, place: Path) -> Reference:
    """Run a search without any kill, and audit it as the others."""
    command = begin(search, place, [])
    life = Life(command.started)
    problems = command.wait()
    seconds = time.time() - command.started
    folder = place / "runs" / NAME
    found = audit(folder, [life])
    first = next((e.seconds for e in life.events if e.kind == "start"), 0.0)
    last = next((e.seconds for e in life.events if e.kind == "finish"), 0.0)
    return Reference(folder, seconds, last - first, problems + found.findings.all)


def moments(draw: random.Random, reference: Reference) -> list[Moment]:
    """When a search's drivers are killed: at least one, and in a quarter of cases the next too.

    Half of the first kills fall anywhere in the command's time, the others into its search.
    """
    if draw.random() < 0.5:
        first = Moment(draw.uniform(0.0, reference.seconds), after_first_report=False)
    else:
        first = Moment(draw.uniform(0.0, reference.search_seconds), after_first_report=True)
    found = [first]
    while draw.random() < AGAIN_SHARE:
        found.append(Moment(draw.uniform(0.0, reference.seconds), after_first_report=False))
    return found


def wait_for_moment(command: Command, moment: Moment, folder: Path, record: str | None) -> bool:
    """Sleep until a moment; whether the command still lives then."""
    if moment.after_first_report:
        # Where a resumed search has reports already, the moment counts from its start.
        wait_for(
            lambda: (
                command.has_ended or any(e.kind == "start" for e in read_events(folder, record))
            ),
            seconds=PATIENCE_SECONDS,
            pause=0.1,
        )
        time.sleep(moment.seconds)
    else:
        time.sleep(max(0.0, command.started + moment.seconds - time.time()))
    return not command.has_ended


def killed(
    search: Search,
    reference: Reference,
    draw: random.Random,
    place: Path,
    *,
    extra: list[str] | None = None,
    record: str | None = None,
) -> Audit:
    """One search, killed at least once, resumed to its end and audited.

    Args:
        search: which one.
        reference: an uninterrupted run of it.
        draw: decides about moments and victims.
        place: an empty folder.
        extra: further arguments of the command.
        record: URL of the database of its record; None for its own file.
    """
    folder = place / "runs" / NAME
    options = [*(extra or []), *(["--record", record] if record else [])]
    lives: list[Life] = []
    watchers: list[Thread] = []
    seen = Findings()
    for moment in moments(draw, reference):
        command = begin(search, place, options)
        life = Life(command.started, known=lives[-1].events if lives else [])
        lives.append(life)
        if wait_for_moment(command, moment, folder, record):
            with_descendants = draw.random() < DESCENDANTS_SHARE
            life.victim = "all its processes" if with_descendants else "driver"
            life.killed = command.kill(with_descendants=with_descendants)
            watchers.append(watch(command, life, seen))
        else:
            # It was faster than the uninterrupted run; the resume of a finished search follows.
            seen.commands += command.wait()
        life.events = read_events(folder, record)
        if draw.random() < 0.5:
            # The other half of the resumes meet what the dead driver has left, as a quick restart
            # does.
            wait_for(lambda command=command: not command.is_active, seconds=PATIENCE_SECONDS)
    command = begin(search, place, options)
    lives.append(Life(command.started, known=lives[-1].events))
    seen.commands += command.wait()
    watchers.append(watch(command, lives[-1], seen))
    uninterrupted_folder = reference.folder if search.is_repeatable else None
    found = audit(folder, lives, reference=uninterrupted_folder, record=record)
    seen.add([found.findings])
    found.findings, found.watchers = seen, watchers
    return found


def watch(command: Command, life: Life, seen: Findings) -> Thread:
    """Measure, beside what follows, how long a dead command's processes live on."""

    def wait() -> None:
        died = time.time()
        if wait_for(lambda: not command.is_active, seconds=PATIENCE_SECONDS, pause=0.25):
            life.seconds_to_stop = time.time() - died
        if wait_for(lambda: not command.left, seconds=PATIENCE_SECONDS, pause=0.5):
            life.seconds_to_vanish = time.time() - died
            return
        left = sorted({text[:60] for text in command.left.values()})
        seen.processes.append(f"{len(command.left)} left after {PATIENCE_SECONDS:g} s: {left}")
        kill_all(PART_MARK, command.part)

    thread = Thread(target=wait)
    thread.start()
    return thread
