"""The settings that a process makes once, before its first trial."""

import ctypes
import platform

import torch

from tune_noise.errors import UserError

# Constants of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
# Larger tensors are given back at once: with them arithmetic outweighs the faults, and a process
# should not keep its peak for ever. Then the largest value that mallopt takes.
_LARGEST_KEPT_BYTES, _MOST_KEPT_BYTES = 192 * 2**20, 2**31 - 1


def prepare_process(*, threads: int, device: str = "cpu") -> None:
    """Set torch's CPU threads, and let the C library keep the memory that tensors give back.

    By default glibc returns a large tensor's memory to the system when it is freed, and each step
    then touches fresh pages: 14,000 page faults and 30 % of the time of a step of conv4 on a CPU.
    Where there is no glibc, nothing else is set.

    Args:
        threads: number of CPU threads.
        device: the device that the process is to use.

    Raises:
        UserError: the device is a GPU, and torch finds none.
    """
    if device != "cpu" and not torch.cuda.is_available():
        raise UserError(f"--device {device}: torch finds no GPU on this machine: use cpu")
    torch.set_num_threads(threads)
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, _MOST_KEPT_BYTES)
