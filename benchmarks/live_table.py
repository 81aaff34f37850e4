"""What the live table of a search takes of its driver: CPU time per refresh, two of them a second.

    python benchmarks/live_table.py [--trials 100 1000 10000] [--repeats 5]

The history is that of benchmarks/report.py, and as many of its trials run as end in half a second
at 40 ms per trial. Beside it, in turn: the same table counted anew from all trials each time.
"""

import io
import time
from collections.abc import Callable
from statistics import mean

from paired import Figures, arguments
from report import search_events, space
from rich.console import Console

from tune_noise.config.search import SearchConfig
from tune_noise.history.replay import History
from tune_noise.service.progress import SearchProgress

RUNNING, REFRESHES, REFRESHES_PER_SECOND = 12, 20, 2.0


def main() -> None:
    parser = arguments(__doc__, "live_table", repeats=5)
    parser.add_argument("--trials", type=int, nargs="+", default=[100, 1_000, 10_000])
    options = parser.parse_args()
    figures = Figures("live_table")
    for trials in options.trials:
        search = space(trials)
        history = History.replay(search_events(search, 0.0))
        measure(search, history, options.repeats, figures)
    figures.write(options.json)


def measure(search: SearchConfig, history: History, repeats: int, figures: Figures) -> None:
    for trial in list(history.trials.values())[-RUNNING:]:
        trial.status = None
    kept = display(search, history)
    show(kept)
    runs = {
        "ended trials counted once": lambda: show(kept),
        "counted anew": lambda: show(display(search, history)),
    }
    found: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            found[name].append(cpu_seconds(run))
    number = f"{len(history.trials):,} trials"
    for name, seconds in found.items():
        figures.add(f"{number}, {name}: a refresh", [1e3 * s for s in seconds], "ms")
    share = [100.0 * REFRESHES_PER_SECOND * s for s in found["ended trials counted once"]]
    figures.add(f"{number}: share of one core", share, "%")
    figures.ratio(
        f"{number}: counted anew / once", found["counted anew"], found["ended trials counted once"]
    )


def display(search: SearchConfig, history: History) -> SearchProgress:
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    return SearchProgress(search, history, console=console, concurrent=4, quiet=False)


def show(progress: SearchProgress) -> None:
    progress._console.print(progress.render())


def cpu_seconds(run: Callable[[], None]) -> float:
    """Of this process, the mean of several refreshes."""
    seconds = []
    for _ in range(REFRESHES):
        started = time.process_time()
        run()
        seconds.append(time.process_time() - started)
    return mean(seconds)


if __name__ == "__main__":
    main()
