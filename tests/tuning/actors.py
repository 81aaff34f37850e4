"""Actors called as Ray calls them, without a cluster; what they are given and what they say."""

import json
from pathlib import Path
from typing import Any

from tune_noise.data import Dataset
from tune_noise.tuning.session.stacks import Stack
from tune_noise.tuning.trainable import EVERY, REPORT, STACK, StackTrainable

from .fake_trainer import make_search


def actor(
    stack: Stack, data: Dataset, output: Path, rungs: list[int], **others: Any
) -> StackTrainable:
    """An actor as Ray would make it; Ray's own constructor wants a cluster."""
    made = StackTrainable.__new__(StackTrainable)
    config = {STACK: stack.to_json(), EVERY: 1e9}
    made.setup(config, data, str(output), rungs, cpus=1.0, gpus=0.0, **others)
    return made


def stack_of(*trial_ids: str, stage: Any = "search", epochs: int = 5, **fixed: Any) -> Stack:
    search = make_search(
        conditions=None,
        early_stopping=None,
        epochs=epochs,
        fixed={"model": "perceptron", "ramp_epochs": 1, **fixed},
    )
    [condition] = search.all_conditions
    configs = tuple(
        search.trial_config(condition, {"method": "standard"}, seed=seed, noise_seed=seed)
        for seed in range(len(trial_ids))
    )
    return Stack(trial_ids[0], stage, condition.name, trial_ids, configs)


def news_of(result: dict[str, Any], trial_id: str = "t") -> dict[str, Any]:
    news: dict[str, Any] = json.loads(result[REPORT])[trial_id]
    return news


def epochs_of(result: dict[str, Any], trial_id: str = "t") -> list[int]:
    return [epoch["epoch"] for epoch in news_of(result, trial_id)["epochs"]]


def has_ended(result: dict[str, Any]) -> bool:
    """Whether all trials of a stack have come to their ends."""
    return all(news["status"] is not None for news in json.loads(result[REPORT]).values())


def untimed(epochs: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{k: v for k, v in epoch.items() if k != "seconds"} for epoch in epochs]
