"""What a node costs the driver: a local cluster of many nodes of one CPU, and trivial trials.

    python benchmarks/nodes.py [--nodes 2 8] [--trials 150] [--megabytes 100] [--json FILE]
    python benchmarks/nodes.py --nodes 2 10 30      some 10 GB of memory

Every node is a real one, with processes of its own, on this machine: so the time of a trial says
nothing, and what is told is what the driver and the cluster spend on nodes. For each size:

    memory of a node  of its Ray processes, shared pages counted once, before anything runs
    check             of all nodes before the search: folder, code, modules; cold, then again
    fetch             until every node has a copy of an array of --megabytes, all at once
    until all train   from the first ask to the first report of as many trials as there are nodes
    driver's CPU      per trial; and per report of a trial that goes on, each of a few epochs: where
                      many trials are under way it is reports that the driver is busy with
"""

import argparse
import json
import signal
import sys
from pathlib import Path

from paired import Figures, arguments
from scaling.trivial import NAME, SPACE, Pace, pace_of
from scaling.watched import watch

from tests.reliability.command import PART_MARK, clean_up, marked, remove, workplace
from tests.reliability.nodes import Cluster, running_cluster
from tune_noise.record import Record

# Epochs of some hundredths of a second, so that a report holds a few; for half a minute or so.
LONG = SPACE | {
    "fixed": {"model": "perceptron", "batch_size": 4, "ramp_epochs": 1},
    "epochs": 200,
    "early_stopping": None,
}
ASK = Path(__file__).parent / "scaling" / "ask_nodes.py"


def main() -> int:
    options = parse()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(1))
    figures = Figures("nodes")
    try:
        for count in options.nodes:
            measure(count, options, figures)
    finally:
        clean_up()
    figures.write(options.json)
    return 0


def parse() -> argparse.Namespace:
    parser = arguments(__doc__, "nodes", repeats=1)
    parser.add_argument("--nodes", type=int, nargs="+", default=[2, 8], help="default 2 8")
    parser.add_argument("--trials", type=int, default=150, help="default 150")
    parser.add_argument("--megabytes", type=int, default=100, help="default 100")
    return parser.parse_args()


def measure(count: int, options: argparse.Namespace, figures: Figures) -> None:
    """One size of cluster."""
    found: dict[str, list[float]] = {}
    for _ in range(options.repeats):
        place = workplace()
        with running_cluster(place, workers=count, head_cpus=0) as cluster:
            one = {"MB of memory, of a node": memory_of_a_node(cluster)}
            one |= asked(cluster, place, options.megabytes)
            one |= searched(cluster, count, options.trials, place)
            one |= reported(cluster, count, place)
        remove(place)
        for name, value in one.items():
            found.setdefault(name, []).append(value)
    for name, values in found.items():
        unit, _, what = name.partition(" ")
        figures.add(f"{what.removeprefix('of ')}, {count} nodes", values, unit)


def memory_of_a_node(cluster: Cluster) -> float:
    """Megabytes; a page that n processes share counts a n-th for each."""
    total = 0
    for node in cluster.workers:
        for pid in marked(PART_MARK, node.part):
            try:
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                continue  # it has just ended
            [kilobytes] = [x.split()[1] for x in rollup.splitlines() if x.startswith("Pss:")]
            total += int(kilobytes)
    return total / 1000 / len(cluster.workers)


def asked(cluster: Cluster, place: Path, megabytes: int) -> dict[str, float]:
    """What `ask_nodes.py` prints."""
    command = [sys.executable, str(ASK), cluster.address, str(megabytes)]
    found: dict[str, float] = json.loads(watch(command, place).text.splitlines()[-1])
    return found


def searched(cluster: Cluster, count: int, trials: int, place: Path) -> dict[str, float]:
    """A search on all nodes."""
    (place / "space.yaml").write_text(json.dumps(SPACE | {"trials": trials}), "utf-8")
    command = [sys.executable, "-m", "tune_noise.search", "--space", "space.yaml"]
    command += ["--name", NAME, "--address", cluster.address]
    pace: Pace = pace_of(place, watch(command, place))
    with Record(place / "runs" / NAME / "record.db") as record:
        first_ask = min(row[1] for row in record.pick("ask", "stage"))
        starts = sorted(row[1] for row in record.pick("start"))
    return {
        "s until all train": starts[count - 1] - first_ask,
        "ms of driver's CPU per trial": 1000 * pace.cpu(),
        "ms of wall time per trial": 1000 * pace.wall(),
    }


def reported(cluster: Cluster, count: int, place: Path) -> dict[str, float]:
    """A search of longer trials, one on each node."""
    (place / "long.yaml").write_text(json.dumps(LONG | {"trials": count}), "utf-8")
    command = [sys.executable, "-m", "tune_noise.search", "--space", "long.yaml", "--name", "long"]
    command += ["--address", cluster.address]
    watched = watch(command, place)
    with Record(place / "runs" / "long" / "record.db") as record:
        last_start = sorted(row[1] for row in record.pick("start"))[count - 1]
        end = min(row[1] for row in record.pick("end"))
        # The epochs of one report are recorded at one time.
        reports = {(row[2], row[1]) for row in record.pick("epoch") if last_start < row[1] < end}
    looks = [look for look in watched.looks if last_start < look.seconds < end]
    cpu = looks[-1].cpu - looks[0].cpu
    return {"ms of driver's CPU per report": 1000 * cpu / len(reports)}


if __name__ == "__main__":
    sys.exit(main())
