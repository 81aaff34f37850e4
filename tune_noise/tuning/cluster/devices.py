"""Return the device that Ray assigned to a process, and what is said where torch cannot use it."""

import socket

import ray
import torch

from tune_noise.training.process import prepare_process


def set_threads(cpus: float) -> None:
    """Have torch take no more cores than a trial has; by default it takes all."""
    prepare_process(threads=max(1, int(cpus)))


def choose_device(gpus: float) -> str:
    """Return the device that Ray assigned to this process, with its share of the memory.

    Ray leaves CUDA_VISIBLE_DEVICES alone for a trial without a GPU, so `cuda.is_available()` alone
    would let a CPU trial take any GPU of the host. A GPU that Ray counts and torch cannot use
    falls back to the CPU: see `fallback`.
    """
    if gpus <= 0 or not ray.get_gpu_ids() or not torch.cuda.is_available():
        return "cpu"
    # Ray shows the process its own GPUs only, so the first of them is number 0.
    torch.cuda.set_per_process_memory_fraction(min(1.0, gpus), 0)
    return "cuda:0"


def fallback(gpus: float, device: str) -> str | None:
    """Return a warning where trials are to have GPUs and train on the CPU; else None."""
    if gpus <= 0 or device != "cpu":
        return None
    why = "finds no usable one" if torch.version.cuda else "is built without CUDA"
    return (
        f"Ray counts GPUs on {ray.util.get_node_ip_address()} ({socket.gethostname()}), but torch "
        f"{torch.__version__} {why} there: trials on that node train on the CPU. Install a build "
        "of torch with CUDA, or start the node with `ray start --num-gpus 0`, or use "
        "--gpus-per-trial 0"
    )
