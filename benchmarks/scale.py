"""What a trial costs beside its training, from the first hundred to ten thousand.

    python benchmarks/scale.py [--trials 100 1000] [--repeats 1] [--json FILE]
    python benchmarks/scale.py --trials 100 1000 10000      a quarter of an hour

Real searches on `digits` by the real command, with sampler, early stopping, record and MLflow as
they are by default, of trials that train next to nothing; by turns with Ray Tune alone, whose
trials do nothing at all and are written nowhere. Figures per trial:

    wall              from end to end of trials, without the first ones, while actors start
    beside training   the same without the seconds of training, divided by the slots: the overhead
                      that the goal of 40 ms is about
    CPU, memory       of the driver's process alone; memory is a slope, not what Ray starts with
    last / first      wall time in the last tenth of a search against that of trials 100 to 400;
                      only of long searches, like memory and tenths

Then, with the largest of the searches: to resume it, to report on it, to look for its runs.
"""

import argparse
import signal
import sys
from pathlib import Path

from paired import Figures, arguments
from scaling import afterwards
from scaling.trivial import Pace, search, stock

from tests.reliability.command import clean_up, remove, workplace

# Ray Tune alone takes 87 ms a trial, and no less the more there are.
MAX_STOCK_TRIALS = 1000
# A slope or a tenth of fewer trials says nothing.
MIN_LONG = 1000


def main() -> int:
    options = parse()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(1))
    figures = Figures("scale")
    try:
        for num_trials in options.trials:
            places = compare(num_trials, options, figures)
        after(places[-1], options.trials[-1], figures)
    finally:
        clean_up()
    figures.write(options.json)
    return 0


def parse() -> argparse.Namespace:
    parser = arguments(__doc__, "scale", repeats=1)
    parser.add_argument("--trials", type=int, nargs="+", default=[100, 1000], help="100 1000")
    return parser.parse_args()


def compare(num_trials: int, options: argparse.Namespace, figures: Figures) -> list[Path]:
    """Searches of one size, each beside Ray Tune alone; their folders."""
    ours, theirs, places = [], [], []
    for _ in range(options.repeats):
        if num_trials <= MAX_STOCK_TRIALS:
            place = workplace()
            theirs.append(stock(num_trials, place))
            remove(place)
        for before in places:
            remove(before)
        places.append(workplace())
        ours.append(search(num_trials, places[-1]))
    describe(f"{num_trials:,} trials", ours, theirs, figures)
    return places


def describe(name: str, ours: list[Pace], theirs: list[Pace], figures: Figures) -> None:
    def add(what: str, values: list[float], unit: str) -> None:
        figures.add(f"{name}: {what}", values, unit)

    wall = [1e3 * pace.wall() for pace in ours]
    add("wall", wall, "ms")
    add("beside training", [1e3 * pace.beside_training() for pace in ours], "ms")
    add("driver CPU", [1e3 * pace.cpu() for pace in ours], "ms")
    add("record", [pace.record_bytes / len(pace.ends) / 1e3 for pace in ours], "kB")
    if len(ours[0].ends) >= MIN_LONG:
        add("wall, tenths 2 to 10", [1e3 * ms for pace in ours for ms in pace.tenths()], "ms")
        add("wall, last tenth / first hundreds", [pace.growth() for pace in ours], "x")
        add("driver memory", [pace.memory() / 1e3 for pace in ours], "kB")
    add("until all is written", [pace.watched.ended - pace.ends[-1] for pace in ours], "s")
    if theirs:
        alone = [1e3 * pace.wall() for pace in theirs]
        add("wall, Ray Tune alone", alone, "ms")
        if len(theirs[0].ends) >= MIN_LONG:
            add("driver CPU, Ray Tune alone", [1e3 * pace.cpu() for pace in theirs], "ms")
            add("driver memory, Ray Tune alone", [pace.memory() / 1e3 for pace in theirs], "kB")
        figures.ratio(f"{name}: wall, Ray Tune alone / ours", alone, wall)


def after(place: Path, num_trials: int, figures: Figures) -> None:
    """What follows a search; the resume comes last, as it makes the search grow."""
    name = f"{num_trials:,} trials"
    for what, seconds in afterwards.mlflow_search(place).items():
        figures.add(f"{name}: MLflow, {what}", [seconds], "s")
    figures.add(f"{name}: report", [afterwards.report(place)], "s")
    figures.add(f"{name}: resume", [afterwards.resume(place, num_trials)], "s")


if __name__ == "__main__":
    sys.exit(main())
