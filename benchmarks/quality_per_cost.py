"""Test accuracy of the chosen configuration against CPU time, by sampler and early stopping.

    python benchmarks/quality_per_cost.py [--repeats 20] [--spaces pair_flip symmetric]
        [--ways random random+asha tpe tpe+asha] [--trials 40] [--processes N] [--cache DIR]
        [--json FILE]

Each repeat searches each space (benchmarks/quality/*.yaml, digits) in every way, with the same seed
and so the same noisy labels. Session, sampler and rungs are the real ones; Ray is not there:
4 slots are simulated, see quality/simulation.py. What is chosen at any moment is what noisy
validation would choose; the test set only judges it. CPU time is that of training and evaluation,
measured epoch by epoch; a configuration that two ways propose is trained once.

The budget of a repeat is what `--trials` random trials without early stopping cost. The other ways
go on until they have spent it, too. Differences are paired by seed, with a 95 % t interval.

With --cache what was trained is kept, so that an interrupted run goes on; it must be another folder
once the training code has changed. 20 repeats take about 15 minutes on 4 cores.
"""

import json
import multiprocessing
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.paired import Figures, arguments
from benchmarks.quality.simulation import Step, simulate
from benchmarks.quality.trained import TrainedTrials
from tune_noise.config.loader import build_search, read_space
from tune_noise.config.search import SearchConfig
from tune_noise.data import load_dataset
from tune_noise.reporting.statistics import estimate
from tune_noise.system.cores import usable_cores

SPACES = Path(__file__).parent / "quality"
# Way -> sampler, whether trials are stopped early.
WAYS = {
    "random": ("random", False),
    "random+asha": ("random", True),
    "tpe": ("tpe", False),
    "tpe+asha": ("tpe", True),
}
BASE = "random"
SLOTS = 4
SHARES = (0.125, 0.25, 0.5, 1.0)
# Ways that stop early begin more trials for the same CPU time: never fewer than it pays for.
MORE_TRIALS = 10


def search_of(space: str, way: str, *, seed: int, trials: int) -> SearchConfig:
    """Return the search of one way and seed."""
    search = build_search({"name": space, **read_space(SPACES / f"{space}.yaml")}, source=space)
    sampler, stops = WAYS[way]
    changed = {"sampler": sampler, "seed": seed, "trials": trials}
    return search.model_copy(update=changed | ({} if stops else {"early_stopping": None}))


def searched(
    space: str, seed: int, ways: list[str], trials: int, cache: Path
) -> dict[str, list[Step]]:
    """Return way -> its steps in one repeat; the base comes first, its cost is the budget."""
    import torch

    torch.set_num_threads(1)
    trained = TrainedTrials(load_dataset("digits"), cache)
    base = search_of(space, BASE, seed=seed, trials=trials)
    steps_of = {BASE: list(simulate(base, trained, slots=SLOTS))}
    budget = steps_of[BASE][-1].cpu_seconds
    for way in ways:
        if way != BASE:
            search = search_of(space, way, seed=seed, trials=MORE_TRIALS * trials)
            steps = simulate(search, trained, slots=SLOTS)
            steps_of[way] = list(_until_spent(steps, budget=budget, trials=trials))
    return steps_of


def _until_spent(steps: Iterator[Step], *, budget: float, trials: int) -> Iterator[Step]:
    for step in steps:
        yield step
        if step.cpu_seconds >= budget and step.first_ended >= trials:
            return


def at_cost(steps: list[Step], cpu_seconds: float) -> Step:
    """Return the last step that the CPU time pays for."""
    return max((s for s in steps if s.cpu_seconds <= cpu_seconds), key=lambda s: s.cpu_seconds)


def at_trials(steps: list[Step], trials: int) -> Step:
    """Return the step at which the first so many trials have ended."""
    return next(step for step in steps if step.first_ended >= trials)


def report(
    figures: Figures, space: str, repeats: list[dict[str, list[Step]]], *, trials: int
) -> None:
    """Print what each way chose at each budget, and how much better than the base it is."""
    moments: dict[str, Callable[[dict[str, list[Step]], str], Step]] = {
        f"{share:g} of the CPU time": lambda repeat, way, share=share: at_cost(
            repeat[way], share * repeat[BASE][-1].cpu_seconds
        )
        for share in SHARES
    }
    moments[f"{trials} trials"] = lambda repeat, way: at_trials(repeat[way], trials)
    for moment, of in moments.items():
        print(f"\n{space}, {moment}")
        for way in repeats[0]:
            steps = [of(repeat, way) for repeat in repeats]
            base = [of(repeat, BASE) for repeat in repeats]
            name = f"{space}, {moment}, {way}"
            figures.add(f"{name}: test", [100 * s.test_accuracy for s in steps], "%")
            if way == BASE:
                continue
            pairs = list(zip(steps, base, strict=True))
            points = [100 * (a.test_accuracy - b.test_accuracy) for a, b in pairs]
            _difference(figures, f"{name}: test", points)
            _difference(figures, f"{name}: nats", [a.score - b.score for a, b in pairs])
            if moment.endswith("trials"):
                figures.ratio(
                    f"{name}: CPU time, {BASE} / {way}",
                    [b.cpu_seconds for _, b in pairs],
                    [a.cpu_seconds for a, _ in pairs],
                )


def _difference(figures: Figures, name: str, differences: list[float]) -> None:
    mean = estimate(differences)
    figures.add(f"{name}, minus {BASE}", differences, "")
    if mean.ci95 is not None:
        low, high = mean.ci95
        print(f"{'':<8}mean {mean.mean:+.3f} [{low:+.3f}, {high:+.3f}] (95 %, n = {mean.n})")


def main() -> None:
    parser = arguments(__doc__, "quality_per_cost", repeats=20)
    spaces = sorted(path.stem for path in SPACES.glob("*.yaml"))
    parser.add_argument("--spaces", nargs="+", choices=spaces, default=spaces)
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--processes", type=int, default=usable_cores())
    parser.add_argument("--cache", type=Path, help="keep what was trained here")
    parser.add_argument("--steps", type=Path, help="write all steps, as JSON lines")
    options = parser.parse_args()
    figures = Figures("quality_per_cost")
    with tempfile.TemporaryDirectory(prefix="quality-") as folder:
        cache = options.cache or Path(folder)
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(
            options.processes, mp_context=spawn, initializer=end_with, initargs=(os.getpid(),)
        ) as pool:
            tasks = {
                space: [
                    pool.submit(searched, space, seed, options.ways, options.trials, cache)
                    for seed in range(options.repeats)
                ]
                for space in options.spaces
            }
            for space, running in tasks.items():
                repeats = [task.result() for task in running]
                if options.steps is not None:
                    _write_steps(options.steps, space, repeats)
                report(figures, space, repeats, trials=options.trials)
    figures.write(options.json)


def end_with(parent: int) -> None:
    """Have this process end when its parent does, however that ends."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _write_steps(path: Path, space: str, repeats: list[dict[str, list[Step]]]) -> None:
    with path.open("a", encoding="utf-8") as file:
        for seed, repeat in enumerate(repeats):
            steps = {way: [asdict(step) for step in taken] for way, taken in repeat.items()}
            file.write(json.dumps({"space": space, "seed": seed, "steps": steps}) + "\n")


if __name__ == "__main__":
    main()
