"""Kill real searches at random moments, resume them, and audit what is left.

    python -m tests.reliability --kills 100 --jobs 2
    python -m tests.reliability --kills 20 --kill node
    python -m tests.reliability --resume-of 1000

Each killed search is a real command on `digits` in a folder of its own. It is killed by SIGKILL at
a random moment (half of them anywhere in the command, half inside its search; in a quarter of cases
the resume is killed as well), resumed by the same command, and audited by its record, MLflow, its
outputs and the processes that it left. Prints tables for docs/reliability.md; exit code 1 where a
goal is missed.
"""

import argparse
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread
from types import FrameType

from .audit import Audit
from .command import clean_up, remove, workplace
from .facts import Findings
from .kills import killed, uninterrupted
from .nodes import node_killed, uninterrupted_on_nodes
from .resume import ray_start, resumes_of
from .searches import SHARES, SPREAD, Search, deal
from .tables import Outcome, driver_table, node_table, resume_table

REPEATS = 7
# A search may be done before its moment: then it is not killed, and another one takes its place.
ATTEMPTS = 4
# A bare start of Ray is timed beside every so many killed searches.
RAY_STARTS_EVERY = 8


def main() -> int:
    options = parse()
    started = time.monotonic()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    place = workplace()
    try:
        if options.resume_of:
            outcome = resume_table(resumes_of(options.resume_of, REPEATS, place))
        elif options.kill == "node":
            outcome = kill_nodes(options, place)
        else:
            outcome = kill_drivers(options, place)
    finally:
        clean_up()
    print(outcome.text)
    print(f"\n{(time.monotonic() - started) / 60:.1f} minutes.")
    for sentence in outcome.missed:
        print(f"missed: {sentence}")
    if options.json:
        options.json.write_text(json.dumps(outcome.details, indent=1, default=str) + "\n", "utf-8")
    return 1 if outcome.missed else 0


def stop(number: int, frame: FrameType | None) -> None:
    """Leave nothing behind; threads that wait for commands would go on with the next ones."""
    clean_up()
    os._exit(128 + number)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.reliability",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--kills", type=int, default=100, help="searches that are killed")
    parser.add_argument("--kill", choices=("driver", "node"), default="driver")
    names = [search.name for search in SHARES]
    parser.add_argument("--only", choices=names, help="one kind of search, not all in proportion")
    parser.add_argument("--resume-of", type=int, metavar="TRIALS", help="time resumes instead")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--jobs", type=int, default=1, help="searches side by side")
    parser.add_argument("--record", metavar="URL", help="PostgreSQL for the records")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every detail")
    return parser.parse_args()


def kill_drivers(options: argparse.Namespace, place: Path) -> Outcome:
    chosen = [search for search in SHARES if search.name == options.only]
    searches = chosen * options.kills or deal(options.kills)
    references = {}
    for search in SHARES:
        if search in searches:
            (place / search.name).mkdir()
            references[search] = uninterrupted(search, place / search.name)
            say(f"{search.name}: uninterrupted in {references[search].seconds:.1f} s")
    starts: list[tuple[float, float]] = []

    def one(number: int) -> Audit:
        search = searches[number]
        if number % RAY_STARTS_EVERY == 0:
            own = workplace()
            starts.append(ray_start(own))
            remove(own)

        def attempt(draw: random.Random, own: Path) -> Audit:
            return killed(search, references[search], draw, own, record=options.record)

        return until_killed(attempt, number, search, options.seed)

    audits = side_by_side(one, options)
    return driver_table(searches, audits, list(references.values()), starts)


def kill_nodes(options: argparse.Namespace, place: Path) -> Outcome:
    reference = uninterrupted_on_nodes(place)
    say(f"{SPREAD.name}: uninterrupted in {reference.seconds:.1f} s")

    def one(number: int) -> Audit:
        def attempt(draw: random.Random, own: Path) -> Audit:
            return node_killed(reference, draw, own)

        return until_killed(attempt, number, SPREAD, options.seed)

    return node_table(side_by_side(one, options), reference)


def until_killed(
    attempt: Callable[[random.Random, Path], Audit], number: int, search: Search, seed: int
) -> Audit:
    """Draw again where a search was done before its moment."""
    for trial in range(ATTEMPTS):
        place = workplace()
        try:
            found = attempt(random.Random(f"{seed}/{number}/{trial}"), place)
        except Exception as error:  # the other searches go on
            found = Audit(Findings(commands=[f"{type(error).__name__}: {error}"]))
        found.watchers.append(tidy(found.watchers.copy(), place))
        deaths = [f"{life.phase} ({life.victim})" for life in found.lives if life.killed]
        problems = found.findings.all
        what = ", ".join(deaths) or "done before"
        say(f"{number + 1} {search.name}: {what}; {problems or 'sound'}")
        if deaths or problems:
            break
    return found


def tidy(watchers: list[Thread], place: Path) -> Thread:
    """Remove a search's folder once its last process is gone, without waiting for it."""

    def wait_and_remove() -> None:
        for watcher in watchers:
            watcher.join()
        remove(place)

    thread = Thread(target=wait_and_remove)
    thread.start()
    return thread


def side_by_side(one: Callable[[int], Audit], options: argparse.Namespace) -> list[Audit]:
    with ThreadPoolExecutor(options.jobs) as pool:
        audits = list(pool.map(one, range(options.kills)))
    for audit in audits:
        audit.settle()
    return audits


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
