"""A process that trains keeps what it has freed."""

import platform
import subprocess
import sys

import pytest

COUNT_FAULTS = """
import resource, sys, torch
from tune_noise.training.process import prepare_process

prepare_process(threads=1) if sys.argv[1] == "prepared" else torch.set_num_threads(1)
assert torch.get_num_threads() == 1


def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def steps(count):
    for _ in range(count):
        several = [torch.ones(10_000_000 + i) for i in range(3)]
        del several


steps(2)
before = faults()
steps(5)
print(faults() - before)
"""


def faults(how: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", COUNT_FAULTS, how], check=True, capture_output=True, text=True
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_tensors_of_the_next_step_take_the_memory_of_the_last_ones() -> None:
    pages = 5 * 3 * 40_000_000 // 4096
    # One of the fifteen tensors may find no place among those that were freed.
    assert faults("prepared") < pages / 5
