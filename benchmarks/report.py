"""What a report costs: seconds to build it, memory, and the size of its page.

    python benchmarks/report.py [--trials 1000 10000] [--repeats 5] [--profile] [--keep FOLDER]

Writes the record of a synthetic search: two methods on two networks at four noise levels, rungs at
2 and 6 of 10 epochs, as many metrics as a real trial has, and finalists on five seeds that tell of
their noise. Then builds its report several times, each time in a fresh process: the whole command
`python -m tune_noise.report`, and inside one its steps. Memory is the largest resident set.
"""

import argparse
import json
import os
import pstats
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tune_noise.config.metric_names import METRICS
from tune_noise.config.search import Condition, SearchConfig
from tune_noise.record import Event, Record, RecordPlace
from tune_noise.tuning.session.rungs import RungLadder, rung_levels

EPOCHS, GRACE, FACTOR, SEEDS, CLASSES = 10, 2, 3, 5, 10
METHODS, NETWORKS = ("standard", "co_teaching"), ("mlp1", "conv4")
# Seconds by the clock, and of CPU: the first depends on what else the machine does.
Cost = tuple[float, float]
# Of one trial with one network; those of clean validation need an oracle.
MEASURED = [
    name
    for name in METRICS
    if "network" not in name and "ensemble" not in name and name.partition("_clean")[0] != "val"
]


def main() -> None:
    options = parse()
    if options.steps:
        print(json.dumps(steps(options.steps)))
        return
    with tempfile.TemporaryDirectory() as made:
        for number in options.trials:
            folder = (options.keep or Path(made)) / f"report_{number}"
            folder.mkdir(parents=True, exist_ok=True)
            if not (folder / "record.db").exists():
                write_record(folder, number)
            measure(folder, number, options.repeats)
            if options.profile:
                profile(folder)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="say where the time goes")
    parser.add_argument("--keep", type=Path, help="leave the records and reports there")
    parser.add_argument("--steps", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def space(num_trials: int) -> SearchConfig:
    """A search of so many trials, confirmation included."""
    rates = [0.0, 0.2, 0.45, 0.6]
    confirming = len(rates) * len(METHODS) * SEEDS
    return SearchConfig.model_validate(
        {
            "name": f"report_{num_trials}",
            "title": "Which method survives?",
            "noise": "symmetric",
            "conditions": {"noise_rate": rates},
            "search": {
                "method": {"choice": list(METHODS)},
                "model": {"choice": list(NETWORKS)},
                "lr": {"loguniform": [1e-4, 1e-1]},
                "batch_size": {"choice": [32, 64, 128, 256]},
                "tau": {"uniform": [0.1, 0.8], "when": {"method": "co_teaching"}},
                "ramp_epochs": {"int": [1, 8], "when": {"method": "co_teaching"}},
            },
            "compare": "method",
            "trials": max(len(METHODS), (num_trials - confirming) // len(rates)),
            "epochs": EPOCHS,
            "early_stopping": {"grace_epochs": GRACE, "reduction_factor": FACTOR},
            "confirm": {"seeds": SEEDS},
        }
    )


def write_record(folder: Path, num_trials: int) -> None:
    config = space(num_trials)
    payload = {
        "config": config.model_dump(mode="json", by_alias=True),
        "search_id": "benchmark",
        "versions": {"python": sys.version.split()[0]},
        "commit": None,
        "resolution": [],
    }
    started = 1_700_000_000.0
    events = [Event("search", None, payload, started)]
    events += [Event("run", None, {"time_budget_seconds": None}, started)]
    events += search_events(config, started)
    events += [Event("finish", None, {}, events[-1].seconds + 1.0)]
    numbered = [Event(e.kind, e.trial_id, e.data, e.seconds, n) for n, e in enumerate(events, 1)]
    with Record(RecordPlace.of_folder(folder), writer=True) as record:
        record.restore(numbered)


def search_events(config: SearchConfig, started: float) -> Iterator[Event]:
    """Every trial of every condition, one after the other."""
    random = np.random.default_rng(0)
    ladder, levels = RungLadder(FACTOR), rung_levels(GRACE, EPOCHS, FACTOR)
    now, count = started, 0
    for condition in config.all_conditions:
        best: dict[str, tuple[float, str, dict[str, Any]]] = {}
        for number in range(config.trials):
            values, count = proposal(number, random), count + 1
            events, score = trial_events(
                config, condition, values, random, now, f"t{count:05d}", ladder, levels
            )
            now = events[-1].seconds
            yield from events
            if score > best.get(values["method"], (-1.0, "", {}))[0]:
                best[values["method"]] = (score, events[0].trial_id or "", values)
        for _, finalist, values in best.values():
            for seed in range(SEEDS):
                count += 1
                events, _ = trial_events(
                    config,
                    condition,
                    values,
                    random,
                    now,
                    f"t{count:05d}",
                    None,
                    [],
                    finalist,
                    seed,
                )
                now = events[-1].seconds
                yield from events


def proposal(number: int, random: np.random.Generator) -> dict[str, Any]:
    values: dict[str, Any] = {
        "method": METHODS[number % len(METHODS)],
        "model": str(random.choice(NETWORKS)),
        "lr": float(10 ** random.uniform(-4, -1)),
        "batch_size": int(random.choice([32, 64, 128, 256])),
    }
    if values["method"] == "co_teaching":
        values |= {
            "tau": float(random.uniform(0.1, 0.8)),
            "ramp_epochs": int(random.integers(1, 9)),
        }
    return values


def trial_events(
    config: SearchConfig,
    condition: Condition,
    values: dict[str, Any],
    random: np.random.Generator,
    now: float,
    trial_id: str,
    ladder: RungLadder | None,
    levels: list[int],
    finalist: str | None = None,
    seed: int = 0,
) -> tuple[list[Event], float]:
    """The events of one trial as a search records them, and its best objective."""
    rate = condition.factors["noise_rate"]
    distance = abs(np.log10(values["lr"]) + 2.5) / 2 + abs(values.get("tau", rate) - rate)
    quality = 1.9 * (1.0 - rate) * max(0.1, 1.0 - distance) + random.normal(0, 0.03)
    trial = config.trial_config(condition, values, seed=seed, noise_seed=seed)
    asked = {"stack_id": trial_id, "stage": "confirm" if finalist else "search"}
    asked |= {"condition": condition.name, "config": trial.model_dump(mode="json")}
    asked |= {"finalist": finalist} if finalist else {}
    events = [Event("ask", trial_id, asked, now)]
    events.append(Event("start", trial_id, {"realised_noise_rate": rate}, now))
    status, reason, best = "completed", "", -1.0
    for number in range(1, EPOCHS + 1):
        metrics = epoch_metrics(quality, rate, number, random)
        best = max(best, metrics["val_information_noisy"])
        data = {"epoch": number, "seconds": round(0.31 * number, 4), **metrics}
        events.append(Event("epoch", trial_id, data, now + 0.31 * number))
        if ladder is not None and number in levels:
            goes_on = ladder.arrive((condition.name, values["method"]), number, best)
            judged = {"epoch": number, "score": best, "goes_on": goes_on}
            events.append(Event("rung", trial_id, judged, now + 0.31 * number))
            if not goes_on:
                status, reason = "stopped", f"rung at epoch {number}"
                break
    ended: dict[str, Any] = {"status": status, "stop_reason": reason}
    if finalist:
        ended["noise"] = None
    events.append(Event("end", trial_id, ended, events[-1].seconds))
    return events, best


def epoch_metrics(
    quality: float, rate: float, number: int, random: np.random.Generator
) -> dict[str, float]:
    rise = 1.0 - np.exp(-0.5 * number)
    noise = random.normal(0, 0.01, len(MEASURED))
    metrics = dict(zip(MEASURED, np.clip(0.5 * rise + noise, 0.0, 1.0).tolist(), strict=True))
    metrics |= {
        "val_information_noisy": float(quality * rise + noise[0]),
        "val_loss_noisy": float(2.5 - quality * rise + noise[1]),
        "test_accuracy_clean": float(min(1.0, 0.5 * quality * rise + 0.1)),
        "val_renamed": 0.0,
    }
    if rate == 0.0:
        return {name: value for name, value in metrics.items() if "train_wrong" not in name}
    memorised = float(0.8 * rate * rise)
    wrong = "train_wrong_predicted"
    shares = {f"{wrong}_true": 0.9 * rise - memorised, f"{wrong}_label": memorised}
    return metrics | shares | {f"{wrong}_other": 1.0 - 0.9 * rise}


def measure(folder: Path, num_trials: int, repeats: int) -> None:
    command = [sys.executable, "-m", "tune_noise.report", str(folder)]
    whole: list[Cost] = []
    for _ in range(repeats):
        started, cpu = time.perf_counter(), cpu_of_children()
        subprocess.run(command, check=True, capture_output=True)
        whole.append((time.perf_counter() - started, cpu_of_children() - cpu))
    # Of the largest child so far.
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    steps = [steps_of(folder) for _ in range(repeats)]
    page = (folder / "report.html").stat().st_size
    files = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    machine = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    print(f"{num_trials:,} trials, n = {repeats}, median (least to most), {machine}")
    print(f"  page {page / 1e6:.2f} MB; all files with the record {files / 1e6:.1f} MB")
    print(f"  whole command  {spread(whole)}, memory {memory / 1024:.0f} MiB")
    for name in steps[0]:
        print(f"  {name:<16} {spread([step[name] for step in steps])}")
    print()


def cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def steps_of(folder: Path) -> dict[str, Cost]:
    command = [sys.executable, __file__, "--steps", str(folder)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    costs: dict[str, Cost] = json.loads(output.splitlines()[-1])
    return costs


def steps(folder: Path) -> dict[str, Cost]:
    """Seconds of each step of a report, in a process that has done nothing else."""
    costs: dict[str, Cost] = {}
    last = (time.perf_counter(), time.process_time())

    def note(name: str) -> None:
        nonlocal last
        now = (time.perf_counter(), time.process_time())
        costs[name], last = (now[0] - last[0], now[1] - last[1]), now

    from tune_noise.history.open import read_history
    from tune_noise.reporting import outputs
    from tune_noise.reporting.findings.summary import summarise
    from tune_noise.system.garbage import freeze_objects

    note("import")
    history = read_history(folder, None)
    note("read and replay")
    with freeze_objects():
        summary = summarise(history)
        note("verdicts")
        assert all(condition.importances is not None for condition in summary.conditions)
        note("importance")
        drawings = outputs.draw(history, summary)
        note("figures")
        outputs.render_page(history, summary, drawings, [])
        note("page")
        outputs.write_tables(history, summary, folder)
        note("tables as CSV")
    return costs


def spread(costs: list[Cost]) -> str:
    parts = []
    for seconds in zip(*costs, strict=True):
        parts.append(
            f"{statistics.median(seconds):6.2f} s ({min(seconds):.2f} to {max(seconds):.2f})"
        )
    return f"{parts[0]}, CPU {parts[1]}"


def profile(folder: Path) -> None:
    """Where the time of the whole command goes."""
    with tempfile.NamedTemporaryFile(suffix=".prof") as file:
        command = [sys.executable, "-m", "cProfile", "-o", file.name]
        command += ["-m", "tune_noise.report", str(folder)]
        subprocess.run(command, check=True, capture_output=True)
        pstats.Stats(file.name).sort_stats("cumulative").print_stats("tune_noise|matplotlib", 45)


if __name__ == "__main__":
    main()
