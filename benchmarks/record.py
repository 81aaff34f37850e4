"""What the durable record costs: to append, to hold, to read again, and of a search's time.

    python benchmarks/record.py [--repeats 500] [--json FILE]
    python benchmarks/record.py --postgres postgresql://USER@HOST/DATABASE

Appends to SQLite and to PostgreSQL, by turns with the least that could be done in their stead: a
line added to a plain file, a bare INSERT. Without --postgres a server of its own is started, where
PostgreSQL is installed. The events are those of a real trial on `digits`, trained here.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import torch

from tune_noise.config.trial import TrialConfig
from tune_noise.data import load_dataset
from tune_noise.history.replay import History
from tune_noise.record import Event, Record, RecordPlace
from tune_noise.training import Trial

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tests.support.postgres_server import programs, running_server

EPOCHS, RUNGS = 10, 2
TRIALS = (1_000, 10_000)
SIZES = (1, 10)


@dataclass(frozen=True)
class Sample:
    """Repeated measurements of one thing, in seconds."""

    seconds: list[float]

    @property
    def median(self) -> float:
        """Half took longer."""
        return statistics.median(self.seconds)

    def __str__(self) -> str:
        """In milliseconds, with the spread."""
        low, *_, high = statistics.quantiles(self.seconds, n=10, method="inclusive")
        return f"{1e3 * self.median:8.3f} ms  ({1e3 * low:.3f} to {1e3 * high:.3f})"


def main() -> None:
    options = parse()
    trial, trial_seconds = real_trial()
    per_trial = f"{len(trial)} events: ask, start, {EPOCHS} epochs, {RUNGS} rungs, end"
    print(f"A trial of {EPOCHS} epochs on digits: {trial_seconds:.2f} s, {per_trial}.\n")
    results: dict[str, Any] = {"trial_seconds": trial_seconds, "repeats": options.repeats}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=options.folder)))
        places = {"SQLite": RecordPlace.of_file(folder / "record.db")}
        if url := options.postgres or stack.enter_context(own_server()):
            places["PostgreSQL"] = RecordPlace.of_url(url, f"benchmark {os.getpid()}")
        for name, place in places.items():
            results[name] = measure(name, place, folder, trial, trial_seconds, options.repeats)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=500, help="appends of each kind")
    parser.add_argument("--postgres", help="URL of a database to write to")
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="on the disk to measure")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    return parser.parse_args()


@contextmanager
def own_server() -> Iterator[str | None]:
    binaries = programs()
    if binaries is None:
        print("PostgreSQL is not installed: left out.\n")
        yield None
        return
    with running_server(binaries) as server:
        yield server.url()


def real_trial() -> tuple[list[Event], float]:
    """The events of one trial as a search records them, and the seconds of its training."""
    # As a trial has by default: another core is another trial's.
    torch.set_num_threads(1)
    config = TrialConfig(method="co_teaching", epochs=EPOCHS)
    trial = Trial([config], load_dataset("digits"))
    started = time.perf_counter()
    epochs = [trial.train_epoch()[0] for _ in range(EPOCHS)]
    seconds = time.perf_counter() - started
    ask = {"stack_id": "s1", "stage": "search", "condition": "noise_rate=0.45"}
    events = [Event("ask", "t1", {**ask, "config": config.model_dump(mode="json")})]
    events += [Event("start", "t1", {"realised_noise_rate": 0.4512345678901234})]
    events += [
        Event("epoch", "t1", dict(epoch or {}, epoch=e)) for e, epoch in enumerate(epochs, 1)
    ]
    rung = {"score": 0.6931471805599453, "goes_on": True}
    events += [Event("rung", "t1", {"epoch": 2 + r, **rung}) for r in range(RUNGS)]
    return [*events, Event("end", "t1", {"status": "completed", "stop_reason": ""})], seconds


def measure(
    name: str,
    place: RecordPlace,
    folder: Path,
    trial: list[Event],
    trial_seconds: float,
    repeats: int,
) -> dict[str, Any]:
    print(f"{name}: one append, median of {repeats} (10 % to 90 %), and what it is compared with")
    costs, results = {}, {}
    epoch = next(event for event in trial if event.kind == "epoch")
    for durable in (False, True):
        for size in SIZES:
            ours, bare = compare(place, folder, [epoch] * size, durable=durable, repeats=repeats)
            what = f"{size} epoch{'s' * (size > 1)}{', durable' * durable}"
            print(f"  {what:<20}{ours}   bare {bare}   {ours.median / bare.median:.2f}x")
            results[what] = {"record": ours.seconds, "bare": bare.seconds}
            costs[durable, size] = ours.median
    durable_events = RUNGS + 1
    cost = (len(trial) - durable_events) * costs[False, 1] + durable_events * costs[True, 1]
    print(
        f"  a trial: {1e3 * cost:.1f} ms, {100 * cost / trial_seconds:.1f} % of the time of this "
        f"one, {100 * cost / 60:.3f} % of one of a minute"
    )
    results["share"] = cost / trial_seconds
    results["replay"] = {n: replay(place, n, trial) for n in TRIALS}
    print()
    return results


def compare(
    place: RecordPlace, folder: Path, events: list[Event], *, durable: bool, repeats: int
) -> tuple[Sample, Sample]:
    """Our append and the bare one, by turns."""
    text = json.dumps([event.data for event in events])
    with Record(place, writer=True) as record, bare(place, folder, durable=durable) as write:
        ours, theirs = [], []
        for repeat in range(repeats + 10):
            for action, seconds in (
                (lambda: record.append(*events, durable=durable), ours),
                (lambda: write(text), theirs),
            ):
                started = time.perf_counter()
                action()
                # The first ones find caches empty and statements not prepared.
                if repeat >= 10:
                    seconds.append(time.perf_counter() - started)
    return Sample(ours), Sample(theirs)


@contextmanager
def bare(place: RecordPlace, folder: Path, *, durable: bool) -> Iterator[Callable[[str], object]]:
    """The least that keeps a text: a line in a file, or a row in a table."""
    if place.path is not None:
        with (folder / "lines").open("a") as file:

            def write(text: str) -> None:
                file.write(text + "\n")
                file.flush()
                if durable:
                    os.fsync(file.fileno())

            yield write
        return
    engine = sa.create_engine(place.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS bare (data text)")
        connection.exec_driver_sql(f"SET synchronous_commit = {'on' if durable else 'off'}")
        yield lambda text: connection.exec_driver_sql("INSERT INTO bare VALUES (%s)", (text,))
        connection.exec_driver_sql("DROP TABLE bare")
    engine.dispose()


def replay(
    place: RecordPlace, num_trials: int, trial: list[Event], repeats: int = 5
) -> list[float]:
    """Seconds to rebuild the history of a search from its record, several times."""
    if place.path is not None:
        place = RecordPlace.of_file(place.path.with_name(f"{num_trials}.db"))
    else:
        place = RecordPlace(place.url, f"{place.search} {num_trials}")
    with Record(place, writer=True) as record:
        for number in range(num_trials):
            record.append(*(Event(e.kind, f"t{number}", e.data) for e in trial))
    seconds, reading, cpu = [], [], []
    for _ in range(repeats):
        started, cpu_before = time.perf_counter(), time.process_time()
        with Record(place) as record:
            events = list(record.events())
            reading.append(time.perf_counter() - started)
            started = time.perf_counter()
            history = History.replay(events)
            seconds.append(reading[-1] + time.perf_counter() - started)
            cpu.append(time.process_time() - cpu_before)
        assert len(history.trials) == num_trials
    started = time.perf_counter()
    Record(place, writer=True).close()
    opened = time.perf_counter() - started
    print(
        f"  {num_trials:6,} trials x {EPOCHS} epochs: {bytes_of(place) / len(events):.0f} bytes an "
        f"event; replayed in {statistics.median(seconds):.2f} s ({min(seconds):.2f} to "
        f"{max(seconds):.2f}, n = {repeats}), of which reading {statistics.median(reading):.2f} s; "
        f"{statistics.median(cpu):.2f} s of CPU; a writer opens it in {opened:.2f} s"
    )
    return seconds


def bytes_of(place: RecordPlace) -> int:
    """Return the bytes of the rows of one search, with their index."""
    if place.path is not None:
        return place.path.stat().st_size
    engine = sa.create_engine(place.url)
    with engine.connect() as connection:
        size = "SELECT pg_total_relation_size('events')::float / count(*) FROM events"
        per_row = connection.exec_driver_sql(size).scalar_one()
        rows = "SELECT count(*) FROM events WHERE search = %s"
        size = int(per_row * connection.exec_driver_sql(rows, (place.search,)).scalar_one())
    engine.dispose()
    return size


if __name__ == "__main__":
    main()
