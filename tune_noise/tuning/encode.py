"""Encode blocks of raw inputs as tasks of Ray, on as much of the cluster as there is."""

from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
import ray
from ray.exceptions import RayError

from tune_noise.config.search import Resources
from tune_noise.data.encoders.protocol import Encoder
from tune_noise.tuning.cluster.devices import set_threads
from tune_noise.tuning.cluster.placement import max_concurrent

# Blocks that wait beside each one that is encoded, so that no process waits for the driver.
_WAITING = 1


def encode_on_cluster(
    encoder: Encoder, blocks: Iterator[Any], resources: Resources
) -> Iterator[np.ndarray]:
    """Encode blocks side by side on the connected cluster, and yield them in their order.

    A block that fails there, e.g. as its files are on this machine alone, is encoded in this
    process, where its fault is said in full.

    Args:
        encoder: put once into Ray's object store.
        blocks: of raw inputs.
        resources: of one process.
    """
    task = ray.remote(
        num_cpus=resources.cpus_per_trial, num_gpus=resources.gpus_per_trial, max_retries=3
    )(_encode)
    shared = ray.put(encoder)
    running: deque[tuple[ray.ObjectRef, Any]] = deque()
    while True:
        room = (1 + _WAITING) * max_concurrent(ray.nodes(), resources) - len(running)
        for _ in range(room):
            if (block := next(blocks, None)) is None:
                break
            running.append((task.remote(shared, block, resources.cpus_per_trial), block))
        if not running:
            return
        reference, block = running.popleft()
        try:
            encoded = ray.get(reference)
        except RayError:
            encoded = encoder.encode(block)
        yield encoded


def _encode(encoder: Encoder, block: Any, cpus: float) -> np.ndarray:
    """Encode with as many threads as a trial has, as others encode beside this process."""
    set_threads(cpus)
    return encoder.encode(block)
