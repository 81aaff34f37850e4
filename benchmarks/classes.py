"""What a search costs by the number of classes: each step, in seconds and memory.

    python benchmarks/classes.py [--classes 10 100 1000] [--no-search] [--json FILE]

Random small pictures, 20 of each class, symmetric noise of 40 %, one thread. Each step is made in
one process; its memory is the largest resident set while it runs, less that at its start. Then the
whole command with few trials, and the steps of its report. Linux only.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from measured import measure
from paired import Figures, arguments
from report import steps_of

from tune_noise.config.search import SearchConfig
from tune_noise.data import Dataset, load_dataset
from tune_noise.metrics.evaluation import predict_logits, validation_metrics
from tune_noise.noise import LabelCounts
from tune_noise.reporting.findings.noise_estimate import pooled_observations
from tune_noise.reporting.statistics import share_interval
from tune_noise.service.plan import estimate_cost, make_plan
from tune_noise.service.resolution import least_differences
from tune_noise.training import Trial
from tune_noise.training.cross_fit import held_out_examples, make_folds
from tune_noise.training.known_noise import noisy_labels
from tune_noise.training.noise_findings import noise_findings
from tune_noise.training.process import prepare_process
from tune_noise.training.suspects import judge

IMAGES_PER_CLASS = 20
SPACE = """
title: few trials on many classes
noise: symmetric
conditions: {noise_rate: [0.4]}
search: {lr: {loguniform: [0.001, 0.01]}}
fixed: {model: mlp1, val_fraction: 0.3, batch_size: 64}
trials: 2
epochs: 3
confirm: {seeds: 2}
suspects: {folds: 2}
"""


def main() -> int:
    options = parse()
    prepare_process(threads=1)
    figures = Figures("classes")
    for num_classes in options.classes:
        with tempfile.TemporaryDirectory() as made:
            file = Path(made) / "pictures.npz"
            write_pictures(file, num_classes)
            steps(num_classes, file, figures)
            if not options.no_search:
                whole(num_classes, file, figures)
    figures.write(options.json)
    return 0


def parse() -> argparse.Namespace:
    parser = arguments(__doc__, "classes", repeats=1)
    parser.add_argument("--classes", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--no-search", action="store_true", help="leave the whole command out")
    return parser.parse_args()


def write_pictures(file: Path, num_classes: int) -> None:
    """Each class has a picture of its own, and its images add noise to it."""
    random = np.random.default_rng(0)
    pictures = random.integers(256, size=(num_classes, 1, 8, 8))

    def drawn(each: int) -> tuple[np.ndarray, np.ndarray]:
        labels = random.permutation(np.repeat(np.arange(num_classes), each))
        images = pictures[labels] + random.normal(0, 60, size=(len(labels), 1, 8, 8))
        return np.clip(images, 0, 255).astype(np.uint8), labels

    (images, labels), (test_images, test_labels) = drawn(IMAGES_PER_CLASS), drawn(2)
    np.savez(file, images=images, labels=labels, test_images=test_images, test_labels=test_labels)


def steps(num_classes: int, file: Path, figures: Figures) -> None:
    """The steps that depend on the number of classes, one after the other."""

    def step(name: str, work: Callable[[], Any]) -> Any:
        before = forget_peak()
        started = time.perf_counter()
        result = work()
        seconds = time.perf_counter() - started
        title = f"{num_classes:,} classes: {name}"
        figures.add(title, [seconds], "s")
        figures.add(f"{title}, memory", [(resident("VmHWM") - before) / 1e3], "MB")
        return result

    dataset: Dataset = step("load", lambda: load_dataset(str(file)))
    search = space(file)
    [condition] = search.all_conditions
    config = search.trial_config(condition, {})
    step("plan", lambda: make_plan(search))
    step("resolution", lambda: least_differences(search, dataset))
    step("cost estimate", lambda: estimate_cost(search, dataset, concurrent=1))
    step("noisy labels", lambda: noisy_labels(dataset, config))
    trial: Trial = step("trial prepared", lambda: Trial([config], dataset))
    step("first epoch", trial.train_epoch)
    step("second epoch", trial.train_epoch)
    trial.train_epoch()
    logits = predict_logits(trial.network, trial.data.val_inputs)
    step(
        "metrics of an epoch",
        lambda: validation_metrics(
            logits, trial.data.val_noisy_labels[0], inverse=trial.data.inverses[0]
        ),
    )
    step(
        "metrics of an epoch, soft error",
        lambda: validation_metrics(
            logits, trial.data.val_noisy_labels[0], objective="val_information_soft_noisy"
        ),
    )
    found = step("noise findings", lambda: noise_findings(trial, 0, dataset))
    seen = [LabelCounts.from_plain(found["seen"])] * 5
    step(
        "matrix of five seeds",
        lambda: share_interval(seen[0].matrix, pooled_observations(seen, share_labels=False)),
    )
    folds = make_folds(config, dataset, count=4)
    random = np.random.default_rng(0)
    predicted = {
        fold: random.dirichlet(
            np.full(num_classes, 0.1), size=len(held_out_examples(fold, dataset))
        )
        for fold in folds
    }
    step("suspects", lambda: judge(predicted, dataset))


def space(file: Path) -> SearchConfig:
    from tune_noise.config.loader import read_search

    path = file.with_name("space.yaml")
    path.write_text(SPACE, "utf-8")
    return read_search(str(path), {"dataset": str(file)})


def whole(num_classes: int, file: Path, figures: Figures) -> None:
    """The command from its start to its end, MLflow included, and the report once more."""
    output, title = file.parent / "runs", f"{num_classes:,} classes: "
    command = [sys.executable, "-m", "tune_noise.search", "--space", file.with_name("space.yaml")]
    taken = measure([*command, "--dataset", file, "--output", output, "--max-concurrent", "1"])
    figures.add(f"{title}whole search", [taken.wall_seconds], "s")
    figures.add(f"{title}whole search, CPU of all processes", [taken.cpu_seconds], "s")
    figures.add(f"{title}whole search, memory of the driver", [taken.driver_bytes / 1e6], "MB")
    folder = output / "space"
    for name, (_, seconds) in steps_of(folder).items():
        figures.add(f"{title}report, {name}, CPU", [seconds], "s")
    for pattern in ("report.html", "transition.csv", "record.db", "**/*"):
        size = sum(path.stat().st_size for path in folder.glob(pattern) if path.is_file())
        figures.add(f"{title}size of {pattern}", [size / 1e6], "MB")


def forget_peak() -> int:
    """Set the process's largest resident set back to the present one, in kB, and return it."""
    Path("/proc/self/clear_refs").write_text("5")
    return resident("VmRSS")


def resident(name: str) -> int:
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    sys.exit(main())
