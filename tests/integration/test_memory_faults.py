"""Trials that run out of memory, by each of the ways in which a system says so."""

import os
import re
import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.search_audit import HANDED_ON, audit, failures, notes
from tests.support.shell import STEADY, Shell, events, recorded

pytestmark = pytest.mark.long

# Of this size every batch is a mapping of its own, which the system grants or refuses: 65 images
# are trained on, and with 1000 copies of their labels they are one batch of 50 GB.
SHAPE = (72, 512, 512, 3)
TOO_MUCH = 48e9
HUNGRY = {
    "dataset": "big.npz",
    "noise": "dilution",
    "conditions": {},
    "search": {"alpha": {"choice": [0, 1000]}},
    "sampler": "grid",
    "fixed": {"model": "perceptron", "batch_size": 65536},
    "trials": 2,
    "epochs": 12,
}


@pytest.fixture
def big_images(shell: Shell) -> None:
    labels = np.arange(SHAPE[0]) % 2
    images = np.full(SHAPE, 50, np.uint8) * (1 + labels[:, None, None, None]).astype(np.uint8)
    images[:, 0, 0, 0] = np.arange(SHAPE[0])  # no two are equal
    np.savez(shell.folder / "big.npz", images=images, labels=labels)


@pytest.mark.slow
@pytest.mark.usefixtures("big_images")
def test_a_trial_that_gets_no_memory_goes_on_or_fails_alone(shell: Shell) -> None:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if memory > TOO_MUCH:
        pytest.skip("this machine might really give a trial the 50 GB that it asks for")
    space, folder = shell.space(**{**STEADY, **HUNGRY}), shell.folder / "runs" / "tiny"
    driver = shell.start("tune_noise.search", "--space", space, "--max-concurrent", "1")

    def is_limited() -> bool:
        """Whether the modest trial got no more memory, once, while it trained."""
        alphas = {i: data["config"]["alpha"] for i, data in recorded(folder, "ask")}
        if not [i for i in events(folder, "epoch") if alphas[i] == 0]:
            return False
        [pid] = shell.actors()
        resource.prlimit(pid, resource.RLIMIT_AS, (1 << 30, 1 << 30))
        return True

    shell.wait_for(driver, is_limited, "limit on the memory of the trial")
    out, _ = shell.ending_of(driver, code=0)
    asked = dict(recorded(folder, "ask"))
    [hungry] = [i for i, data in asked.items() if data["config"]["alpha"] == 1000]
    audit(folder, failed=[hungry])
    [(_, reason)] = failures(folder)
    assert "memory" in reason
    assert reason in out
    assert {event.trial_id for event in notes(folder, HANDED_ON)} > {hungry}


@pytest.fixture
def small_group() -> Iterator[Path]:
    """A control group of 100 MB, in which the system kills whoever takes more."""
    groups = re.findall(r":memory:/(.*)", Path("/proc/self/cgroup").read_text("ascii"))
    group = Path("/sys/fs/cgroup/memory", *groups, f"tune_noise_test_{os.getpid()}")
    if not groups or os.geteuid() != 0 or not group.parent.is_dir():
        pytest.skip("only root, and under control groups of version 1, can limit a process")
    group.mkdir()
    (group / "memory.limit_in_bytes").write_text(str(100 << 20))
    yield group
    group.rmdir()


@pytest.mark.usefixtures("big_images")
def test_a_trial_that_the_system_kills_for_its_memory_goes_on(
    shell: Shell, small_group: Path
) -> None:
    changes = {"search": {"alpha": {"choice": [0]}}, "trials": 1}
    space, folder = shell.space(**{**STEADY, **HUNGRY, **changes}), shell.folder / "runs" / "tiny"
    driver = shell.start("tune_noise.search", "--space", space, "--max-concurrent", "1")
    shell.wait_for(driver, lambda: events(folder, "epoch"), "epoch")
    [pid] = shell.actors()
    (small_group / "cgroup.procs").write_text(str(pid))
    shell.wait_for(driver, lambda: pid not in shell.processes(), "kill")
    assert "oom_kill 1" in (small_group / "memory.oom_control").read_text("ascii")
    shell.ending_of(driver, code=0)
    audit(folder)
    assert len(notes(folder, HANDED_ON)) == 1


@pytest.mark.slow  # whether it can be told apart depends on what else this machine does
@pytest.mark.usefixtures("big_images")
def test_a_trial_that_ray_kills_for_its_memory_fails_alone(shell: Shell) -> None:
    rows = re.findall(r"(\w+): +(\d+) kB", Path("/proc/meminfo").read_text("ascii"))
    memory = {name: int(kilobytes) * 1000 for name, kilobytes in rows}
    if memory["MemAvailable"] < 10e9:
        pytest.skip("less than 10 GB of memory are free")
    # Batches of 4 GB are too much where 2.5 GB more than now are allowed.
    used = memory["MemTotal"] - memory["MemAvailable"] + 2.5e9
    shell.environment["RAY_memory_usage_threshold"] = str(used / memory["MemTotal"])
    shell.environment["RAY_memory_monitor_refresh_ms"] = "100"
    changes = {"search": {"alpha": {"choice": [0, 20]}}}
    space, folder = shell.space(**{**STEADY, **HUNGRY, **changes}), shell.folder / "runs" / "tiny"
    out = shell.search("--space", space, "--max-concurrent", "1")
    [(hungry, reason)] = failures(folder)
    assert "memory" in reason
    assert reason in out
    audit(folder, failed=[hungry])
