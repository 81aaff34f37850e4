"""Side-by-side timings: the runs go in turn, so that a busy machine slows all of them alike.

What a benchmark prints is the median and spread of each run, and of the ratios taken pair by pair:
run k of one against run k of the other. The figures go into benchmarks/results/NAME.json, and what
stood there before is compared with them.
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

RESULTS = Path(__file__).parent / "results"
Clock = Callable[[], float]
Name = TypeVar("Name")
PACKAGES = ("torch", "ray", "optuna", "mlflow", "numpy")


@dataclass(frozen=True)
class Figure:
    """What was measured n times.

    Attributes:
        name: what it is; unique in its benchmark.
        unit: of the values; `x` for a ratio.
        values: in the order in which they were measured.
    """

    name: str
    unit: str
    values: Sequence[float]

    @property
    def median(self) -> float:
        """The value to quote."""
        return statistics.median(self.values)

    def __str__(self) -> str:
        """Name, median, spread and n in one line."""
        low, high = min(self.values), max(self.values)
        unit = self.unit if self.unit == "x" else f" {self.unit}"
        spread = f"({low:.3g} to {high:.3g})" if len(self.values) > 1 else ""
        return f"{self.name:<52} {self.median:.4g}{unit} {spread} n = {len(self.values)}"


@dataclass
class Figures:
    """All figures of one benchmark, printed as they come.

    Attributes:
        benchmark: name of the benchmark, and of its file.
        rows: what was measured.
    """

    benchmark: str
    rows: list[Figure] = field(default_factory=list)

    def add(self, name: str, values: Sequence[float], unit: str) -> Figure:
        """Take a figure and print it."""
        figure = Figure(name, unit, list(values))
        self.rows.append(figure)
        print(figure, flush=True)
        return figure

    def ratio(self, name: str, above: Sequence[float], below: Sequence[float]) -> Figure:
        """The ratio of two figures, pair by pair."""
        pairs = zip(above, below, strict=True)
        return self.add(name, [a / b for a, b in pairs], "x")

    def write(self, path: Path) -> None:
        """Compare with the figures that stand at `path`, then put these in their place."""
        if path.exists():
            self._compare(json.loads(path.read_text("utf-8")))
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self._to_json(), indent=1)
        path.write_text(f"{text}\n", "utf-8")
        print(f"written to {path}")

    def _to_json(self) -> dict[str, Any]:
        rows = [{**asdict(row), "n": len(row.values), "median": row.median} for row in self.rows]
        return {"benchmark": self.benchmark, "machine": machine(), "figures": rows}

    def _compare(self, before: dict[str, Any]) -> None:
        """Ratios compare across machines and days; times only on a machine as busy as then."""
        then = {row["name"]: row["median"] for row in before["figures"]}
        print(f"\nBefore -> now (before: {before['machine']['date']})")
        for row in self.rows:
            if row.name in then:
                change = row.median / then[row.name] if then[row.name] else float("nan")
                print(f"{row.name:<52} {then[row.name]:.4g} -> {row.median:.4g} ({change:.2f}x)")


def machine() -> dict[str, Any]:
    """What a reader of the figures wants to know of where they come from."""
    model = platform.processor() or platform.machine()
    if (info := Path("/proc/cpuinfo")).exists():
        lines = info.read_text("utf-8").splitlines()
        model = next((x.partition(":")[2].strip() for x in lines if "model name" in x), model)
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except ImportError:
        return None


def in_turn(
    runs: Mapping[Name, Callable[[], Any]],
    *,
    repeats: int,
    warm_up: int = 1,
    clock: Clock = time.perf_counter,
) -> dict[Name, list[float]]:
    """Seconds of each run, measured in turn: A B C, A B C, ...

    Args:
        runs: name -> what to time.
        repeats: how often each counts.
        warm_up: rounds before that, which do not count.
        clock: of wall seconds; or `time.process_time`, of the CPU seconds of this process.

    Returns:
        Name -> seconds, `repeats` of them; the k-th of all runs were measured next to each other.
    """
    seconds: dict[Name, list[float]] = {name: [] for name in runs}
    for turn in range(warm_up + repeats):
        for name, run in runs.items():
            started = clock()
            run()
            if turn >= warm_up:
                seconds[name].append(clock() - started)
    return seconds


def arguments(description: str, name: str, *, repeats: int) -> argparse.ArgumentParser:
    """A parser with what every benchmark takes: --repeats and --json; the rest is told last."""
    first, _, rest = description.partition("\n")
    parser = argparse.ArgumentParser(
        description=first, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=repeats, help=f"default {repeats}")
    default = RESULTS / f"{name}.json"
    parser.add_argument("--json", type=Path, default=default, help=f"default {default.name}")
    return parser


def clock_option(parser: argparse.ArgumentParser) -> None:
    """Add --cpu-time, which makes `options.clock` the clock of this process's CPU time."""
    parser.add_argument(
        "--cpu-time",
        dest="clock",
        action="store_const",
        const=time.process_time,
        default=time.perf_counter,
        help="of one thread in this process, where the machine is busy; default: wall time",
    )
