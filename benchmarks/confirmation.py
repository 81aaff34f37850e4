"""Wall time of a confirmation, as its seeds are dealt out to the free slots.

    python benchmarks/confirmation.py [--repeats 3] [--slots 4] [--networks mlp1 conv4] [--commands]

Real searches on `digits` by Ray, of few trials; what counts is the confirmation stage, from
the ask for its finalists to the end of their last seed, as the record has it. Each network in turn:
two finalists on five seeds in one stack each, as it was, and dealt out to the slots; one finalist
on five seeds, and the same five configurations trained one after another by one process on one
core. With --commands also by five runs of `python -m tune_noise.train`, which adds their starts.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from paired import Figures, arguments

from tune_noise.config.loader import build_search
from tune_noise.config.search import SearchConfig
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset, load_dataset
from tune_noise.history.replay import History
from tune_noise.record import Event, Record
from tune_noise.system.cores import usable_cores
from tune_noise.system.signals import Interrupt
from tune_noise.training import Trial
from tune_noise.training.noise_findings import noise_findings
from tune_noise.tuning.cluster.connect import cluster
from tune_noise.tuning.driver import run_session
from tune_noise.tuning.session.session import Session

SEEDS = 5
# So many that a training takes a second or two, as it does on larger data.
EPOCHS = {"perceptron": 300, "mlp1": 150, "mlp2": 150, "mlp4": 100}
OTHER_EPOCHS = 15


class Undivided(Session):
    """As it was: a finalist is one stack, however many slots are free."""

    slots = property(lambda self: lambda: 1, lambda self, value: None)


def main() -> None:
    parser = arguments(__doc__, "confirmation", repeats=3)
    parser.add_argument("--slots", type=int, default=usable_cores(), help="default: all cores")
    parser.add_argument("--networks", nargs="+", default=["mlp1", "conv4"])
    parser.add_argument("--commands", action="store_true", help="also five train commands")
    options = parser.parse_args()
    torch.set_num_threads(1)
    figures, data = Figures("confirmation"), load_dataset("digits")
    for network in options.networks:
        measure(network, data, options.slots, options.repeats, figures, options.commands)
    figures.write(options.json)


def measure(
    network: str, data: Dataset, slots: int, repeats: int, figures: Figures, with_commands: bool
) -> None:
    two, one = (search_of(network, finalists, slots) for finalists in (2, 1))
    configs: list[TrialConfig] = []
    runs: dict[str, Callable[[], float]] = {
        "2 finalists, a stack each": lambda: stage_of(two, data, Undivided, configs),
        "2 finalists, dealt out": lambda: stage_of(two, data, Session, configs),
        "1 finalist, one stack": lambda: stage_of(one, data, Undivided, configs),
        "1 finalist, dealt out": lambda: stage_of(one, data, Session, configs),
        "5 runs one after another": lambda: one_after_another(configs, data),
    }
    if with_commands:
        runs["5 train commands"] = lambda: commands(configs)
    found: dict[str, list[float]] = {name: [] for name in runs}
    with tempfile.TemporaryDirectory() as folder, cluster(two, address=None, folder=Path(folder)):
        for _ in range(repeats):
            for name, run in runs.items():
                found[name].append(run())
    for name, seconds in found.items():
        figures.add(f"{network}, {name}", seconds, "s")
    plain, dealt = (found[f"2 finalists, {how}"] for how in ("a stack each", "dealt out"))
    figures.ratio(f"{network}, 2 finalists: a stack each / dealt out", plain, dealt)
    dealt = found["1 finalist, dealt out"]
    for name in ("1 finalist, one stack", "5 runs one after another", "5 train commands"):
        if name in found:
            figures.ratio(f"{network}, {name} / dealt out", found[name], dealt)


def search_of(network: str, finalists: int, slots: int) -> SearchConfig:
    """Enough whole trials that every slot has an actor when the finalists are due."""
    space = {
        "name": f"{network}_{finalists}",
        "conditions": {"noise_rate": [0.4]},
        "search": {"lr": {"loguniform": [0.0005, 0.005]}},
        "fixed": {"model": network},
        "sampler": "random",
        "trials": 3 * slots,
        "epochs": EPOCHS.get(network, OTHER_EPOCHS),
        "confirm": {"finalists": finalists, "seeds": SEEDS},
        "suspects": {"folds": 0},
        "resources": {"max_concurrent": slots},
    }
    return build_search(space, source="the benchmark")


def stage_of(
    search: SearchConfig, data: Dataset, kind: type[Session], configs: list[TrialConfig]
) -> float:
    """Seconds of the confirmation stage; leaves the configurations of its first finalist."""
    with tempfile.TemporaryDirectory() as name, Record(Path(name) / "record.db") as record:
        config = search.to_plain()
        record.append(Event("search", data={"config": config}))
        run_session(
            kind(search, record),
            data,
            output=Path(name),
            resources=search.resources,
            interrupt=Interrupt(),
        )
        history = History.replay(record.events())
    confirmed = [trial for trial in history.trials.values() if trial.stage == "confirm"]
    assert len(confirmed) == search.confirm.finalists * SEEDS
    assert all(trial.status == "completed" for trial in confirmed)
    first = confirmed[0].finalist
    configs[:] = [trial.config for trial in confirmed if trial.finalist == first]
    ended = max(trial.ended_seconds or 0.0 for trial in confirmed)
    return ended - min(trial.asked_seconds for trial in confirmed)


def one_after_another(configs: list[TrialConfig], data: Dataset) -> float:
    """Seconds of the same trainings without a stack, a start or a record."""
    started = time.perf_counter()
    for config in configs:
        trial = Trial([config], data)
        while not trial.finished:
            trial.train_epoch()
        noise_findings(trial, 0, data)
    return time.perf_counter() - started


def commands(configs: list[TrialConfig]) -> float:
    started = time.perf_counter()
    for config in configs:
        given = config.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        settings = [part for k, v in given.items() for part in ("--set", f"{k}={v}")]
        command = [sys.executable, "-m", "tune_noise.train", *settings]
        subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
