"""Several processes that share one device, each training one network after another."""

import time
from typing import Any

import torch.multiprocessing as mp
from made_up_data import configuration, images_needed, made_up, shape_of
from timed_trial import synchronise, training_pass

from tune_noise.training import Trial
from tune_noise.training.process import prepare_process

WAIT_SECONDS = 240.0


def samples_per_second(
    models: dict[str, int], *, processes: int, epochs: int, device: str, batch_size: int
) -> dict[str, float]:
    """What all processes train together, from a common start to the end of the last.

    Evaluation is left out.

    Args:
        models: network -> steps of an epoch; one after another.
        processes: how many train at once.
        epochs: timed, after one that is not.
        device: that they share.
        batch_size: of a step.

    Raises:
        torch.multiprocessing.ProcessRaisedException: a process failed; the others are ended.
    """
    context = mp.get_context("spawn")
    barrier, results = context.Barrier(processes), context.SimpleQueue()
    shared = (models, epochs, device, batch_size, barrier, results)
    mp.spawn(_work, args=shared, nprocs=processes, join=True)
    spans: dict[str, list[tuple[float, float]]] = {model: [] for model in models}
    for _ in range(processes * len(models)):
        model, started, ended = results.get()
        spans[model].append((started, ended))
    return {
        model: processes * epochs * steps * batch_size / _span(spans[model])
        for model, steps in models.items()
    }


def _span(spans: list[tuple[float, float]]) -> float:
    return max(ended for _, ended in spans) - min(started for started, _ in spans)


def _work(
    number: int,
    models: dict[str, int],
    epochs: int,
    device: str,
    batch_size: int,
    barrier: Any,
    results: Any,
) -> None:
    prepare_process(threads=1)
    for model, steps in models.items():
        dataset = made_up(shape_of(model), num_images=images_needed(steps, batch_size))
        config = configuration(model, steps=steps, batch_size=batch_size, seed=number)
        trial = Trial([config], dataset, device=device)
        training_pass(trial)
        synchronise(device)
        barrier.wait(WAIT_SECONDS)
        # The clock is the machine's: all processes read the same.
        started = time.perf_counter()
        for _ in range(epochs):
            training_pass(trial)
        synchronise(device)
        results.put((model, started, time.perf_counter()))
