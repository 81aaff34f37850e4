"""How long `tune-noise status` takes, beside replaying the whole record as a report does.

    python benchmarks/status.py [--trials 10000] [--repeats 5]

The record is synthetic: trials of ten epochs with the events of benchmarks/record.py. Each run is a
process of its own, imports included; CPU time says more than wall time on a busy machine.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tune_noise.config.loader import find_space, read_space
from tune_noise.config.search import SearchConfig
from tune_noise.record import Event, Record

EPOCHS, RUNGS = 10, 2
METRICS = (
    *("train_loss_noisy", "val_accuracy_noisy", "val_loss_noisy", "val_information_noisy"),
    *("val_information_noisy_se", "val_information_soft_noisy", "val_renamed", "forget_rate"),
    *("test_accuracy_clean", "train_label_precision", "train_label_recall"),
)
REPLAY = """
import sys
from pathlib import Path
from tune_noise.history.replay import History
from tune_noise.record import Record
with Record(Path(sys.argv[1]) / "record.db") as record:
    History.replay(record.events())
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "synthetic"
        folder.mkdir()
        write_record(folder, options.trials)
        size = (folder / "record.db").stat().st_size / 1e6
        print(f"{options.trials:,} trials of {EPOCHS} epochs, {size:.0f} MB")
        program = [sys.executable, "-m", "tune_noise.status", str(folder)]
        measure("tune-noise status", program, options.repeats)
        measure("replay of all events", [sys.executable, "-c", REPLAY, str(folder)], 3)


def write_record(folder: Path, num_trials: int) -> None:
    raw = {**read_space(find_space("uniform")), "name": folder.name}
    search = SearchConfig.model_validate(raw)
    conditions = search.all_conditions
    search = search.model_copy(update={"trials": -(-num_trials // len(conditions))})
    dice = random.Random(0)
    with Record(folder / "record.db", writer=True) as record:
        config = search.to_plain()
        record.append(Event("search", data={"config": config}))
        record.append(Event("run", data={"host": "here", "pid": 1, "time_budget_seconds": None}))
        for number in range(num_trials):
            condition = conditions[number % len(conditions)]
            values = {"method": "co_teaching", "lr": 10 ** dice.uniform(-4, -2), "tau": 0.3}
            trial = search.trial_config(condition, values, seed=0, noise_seed=0)
            ask = {"stack_id": f"t{number}", "stage": "search", "condition": condition.name}
            events = [Event("ask", f"t{number}", {**ask, "config": trial.model_dump(mode="json")})]
            events += [Event("start", f"t{number}", {"realised_noise_rate": 0.4512345678901234})]
            for epoch in range(1, EPOCHS + 1):
                metrics = {name: dice.random() for name in METRICS}
                data = {"epoch": epoch, "seconds": 0.3 * epoch, **metrics}
                events.append(Event("epoch", f"t{number}", data))
            rung = {"score": 0.6931471805599453, "goes_on": True}
            events += [Event("rung", f"t{number}", {"epoch": 2 + r, **rung}) for r in range(RUNGS)]
            end = {"status": "completed", "stop_reason": ""}
            record.append(*events, Event("end", f"t{number}", end))


def measure(name: str, command: list[str], repeats: int) -> None:
    wall, cpu = [], []
    for _ in range(repeats):
        started, before = time.perf_counter(), os.times()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = os.times()
        wall.append(time.perf_counter() - started)
        cpu.append(after.children_user + after.children_system)
        cpu[-1] -= before.children_user + before.children_system
    print(
        f"{name:<22} wall {statistics.median(wall):.2f} s ({min(wall):.2f} to {max(wall):.2f}), "
        f"CPU {statistics.median(cpu):.2f} s ({min(cpu):.2f} to {max(cpu):.2f}), n = {repeats}"
    )


if __name__ == "__main__":
    main()
