"""The whole search against the stock recipe: what the documentation of the libraries leads to.

    python benchmarks/stock_recipe.py [--repeats 3] [--dataset digits|mnist|features]
                                      [--data-dir DATA] [--trials N] [--reuse-actors]
                                      [--confirmed] [--json FILE]

`stock/recipe.py` and `python -m tune_noise.search` run the same search: space, noise, network,
optimizer, epochs, ASHA, trials, MLflow on SQLite, one core per trial and as many trials at once as
there are cores. The recipe evaluates no test set, keeps no weights, and confirms nothing; so ours
confirms one configuration on one seed, the least there is. With --confirmed ours runs once more in
each turn, with its defaults: two finalists on 5 fresh seeds, and the search for wrong labels.
With --reuse-actors the recipe knows one more option of Ray Tune's.

200 trials on digits take the recipe some minutes; --trials 40 is a shorter look.
`features` are 10,000 made-up vectors of 256 values, 40 % of whose labels are wrong: 1,000 trials.
"""

import argparse
import csv
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.measured import Measured, measure
from benchmarks.paired import Figures, arguments, in_turn
from benchmarks.unpacked import unpacked_apart
from tune_noise.data.data_dir import default_data_dir

STOCK = Path(__file__).parent / "stock"
CONFIRMED = ("confirm.finalists=2", "confirm.seeds=5", "suspects.folds=4")


@dataclass(frozen=True)
class Outcome:
    """One whole search.

    Attributes:
        measured: what the command took.
        trials: that were trained.
        epochs: of all trials together.
        training_seconds: of all trials together: epochs and their evaluation.
        best: noisy validation accuracy of the best trial, a fraction.
    """

    measured: Measured
    trials: int
    epochs: int
    training_seconds: float
    best: float


@dataclass
class Searches:
    """Runs the searches, each in a folder of its own, and keeps what came of them."""

    options: argparse.Namespace
    folder: Path
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    _runs: int = 0

    def run(self, name: str) -> None:
        """Run one search to its end; every turn has a seed of its own, the same for all."""
        done = self.outcomes.setdefault(name, [])
        self._runs += 1
        output = self.folder / str(self._runs)
        ways: dict[str, Callable[[Path, int], Outcome]] = {
            "stock": self._stock,
            "ours": self._ours,
            "ours, confirmed": self._confirmed,
        }
        done.append(ways[name](output, len(done)))

    def _stock(self, output: Path, seed: int) -> Outcome:
        command = [sys.executable, STOCK / "recipe.py", *self._shared(output, seed)]
        command += ["--dataset", self.options.dataset]
        command += ["--reuse-actors"] if self.options.reuse_actors else []
        measured = measure(command)
        return Outcome(measured, **json.loads((output / "facts.json").read_text("utf-8")))

    def _ours(self, output: Path, seed: int) -> Outcome:
        return self._search(output, seed, [])

    def _confirmed(self, output: Path, seed: int) -> Outcome:
        return self._search(output, seed, list(CONFIRMED))

    def _search(self, output: Path, seed: int, assignments: list[str]) -> Outcome:
        space = STOCK / f"{self.options.dataset}.yaml"
        command = [sys.executable, "-m", "tune_noise.search", "--space", space, "--quiet"]
        command += self._shared(output, seed)
        if self.options.dataset == "features":
            command += ["--data", self.options.data_dir / "features.npz"]
        for assignment in assignments:
            command += ["--set", assignment]
        measured = measure(command)
        return Outcome(measured, **_facts(output / space.stem))

    def _shared(self, output: Path, seed: int) -> list[str | Path]:
        shared: list[str | Path] = ["--output", output, "--seed", str(seed)]
        if self.options.trials is not None:
            shared += ["--trials", str(self.options.trials)]
        return [*shared, "--data-dir", self.options.data_dir]


def _facts(folder: Path) -> dict[str, float]:
    """What stock/recipe.py says of itself, from the files of a search; the search stage alone."""
    with (folder / "trials.csv").open(encoding="utf-8", newline="") as file:
        stage = {row["trial_id"]: row["stage"] for row in csv.DictReader(file)}
    seconds: dict[str, float] = {}
    epochs, best = 0, 0.0
    with (folder / "epochs.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if stage[row["trial_id"]] == "search":
                epochs += 1
                seconds[row["trial_id"]] = float(row["seconds"])
                best = max(best, float(row["val_accuracy_noisy"]))
    return {
        "trials": len(seconds),
        "epochs": epochs,
        "training_seconds": sum(seconds.values()),
        "best": best,
    }


def report(figures: Figures, outcomes: dict[str, list[Outcome]], *, slots: int) -> None:
    """Print and keep every figure of every run, then the ratios."""

    def of(name: str, value: Callable[[Outcome], float]) -> list[float]:
        return [value(outcome) for outcome in outcomes[name]]

    def beside_training(outcome: Outcome) -> float:
        seconds = outcome.measured.wall_seconds - outcome.training_seconds / slots
        return 1e3 * seconds / outcome.trials

    quantities: list[tuple[str, str, Callable[[Outcome], float]]] = [
        ("wall time", "s", lambda o: o.measured.wall_seconds),
        ("CPU time with children", "s", lambda o: o.measured.cpu_seconds),
        ("trials per minute", "1/min", lambda o: 60 * o.trials / o.measured.wall_seconds),
        ("wall beside training per trial", "ms", beside_training),
        (
            "driver's CPU per trial",
            "ms",
            lambda o: 1e3 * o.measured.driver_cpu_seconds / o.trials,
        ),
        ("driver's memory", "MB", lambda o: o.measured.driver_bytes / 1e6),
        ("epochs trained", "", lambda o: o.epochs),
        ("training time of all trials", "s", lambda o: o.training_seconds),
        ("best noisy validation accuracy", "", lambda o: o.best),
    ]
    for name in outcomes:
        for quantity, unit, value in quantities:
            figures.add(f"{name}: {quantity}", of(name, value), unit)
    for name in outcomes:
        if name != "stock":
            for quantity, _, value in quantities[:2]:
                figures.ratio(f"stock / {name}: {quantity}", of("stock", value), of(name, value))


def write_features(path: Path) -> None:
    """Write ten Gaussian classes that overlap, 40 % of whose labels are wrong."""
    random = np.random.default_rng(0)
    truth = np.arange(10_000) % 10
    features = random.normal(size=(10_000, 256)) + 0.25 * random.normal(size=(10, 256))[truth]
    wrong = random.random(10_000) < 0.4
    labels = np.where(wrong, (truth + random.integers(1, 10, 10_000)) % 10, truth)
    np.savez(path, features=features.astype(np.float32), labels=labels)


def cores() -> int:
    """How many trials run at once: Ray counts the cores that this process may use."""
    import ray._private.utils

    return int(ray._private.utils.get_num_cpus())


def main() -> None:
    parser = arguments(__doc__, "stock_recipe", repeats=3)
    parser.add_argument("--dataset", choices=("digits", "mnist", "features"), default="digits")
    parser.add_argument(
        "--data-dir", type=Path, default=default_data_dir(), help="where MNIST lies"
    )
    parser.add_argument("--trials", type=int, help="default: 200, 40 and 1,000")
    parser.add_argument("--reuse-actors", action="store_true", help="of the recipe")
    parser.add_argument("--confirmed", action="store_true", help="also ours with its defaults")
    options = parser.parse_args()
    names = ["stock", "ours", *(["ours, confirmed"] if options.confirmed else [])]
    with tempfile.TemporaryDirectory(prefix="stock-") as folder:
        if options.dataset == "mnist":
            options.data_dir = unpacked_apart(options.data_dir, Path(folder) / "data")
        if options.dataset == "features":
            options.data_dir = Path(folder)
            write_features(Path(folder) / "features.npz")
        searches = Searches(options, Path(folder))
        runs = {name: lambda name=name: searches.run(name) for name in names}
        in_turn(runs, repeats=options.repeats, warm_up=0)
    figures = Figures(f"stock_recipe, {options.dataset}")
    report(figures, searches.outcomes, slots=cores())
    figures.write(options.json)


if __name__ == "__main__":
    main()
