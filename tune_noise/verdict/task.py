"""Which task a condition sets: two scores may be compared exactly if they are of one task."""

import hashlib
from collections.abc import Iterable
from typing import Any

from tune_noise.config.declared import noise_fields
from tune_noise.config.search import SearchConfig
from tune_noise.config.trial import TrialConfig

# What decides which labels are learnt and how a trial is scored; the rest is how it is learnt.
_DATA_FIELDS = ("val_fraction", "val_folds", "train_size")
_SCORE_FIELDS = ("objective", "oracle", "last_epochs")
TASK_FIELDS = ("noise", *noise_fields(), *_DATA_FIELDS, *_SCORE_FIELDS)
SEARCHED = "searched"
# Field -> value, or SEARCHED.
Task = dict[str, Any]


def task_of(
    search: SearchConfig,
    config: TrialConfig,
    fingerprint: str | None,
    *,
    factors: Iterable[str] = (),
) -> Task:
    """Return the task that a condition sets.

    A field has the same value whether it is a condition or fixed. One that is left to the sampler
    is `SEARCHED`: a search that may choose a value does not ask the same as one that sets it.

    Args:
        search: the search of the condition.
        config: the configuration of any of its trials.
        fingerprint: of the data, which are the same by their content, whatever they are called.
        factors: further fields that must agree, as the searches at hand set them apart.
    """
    fields = dict.fromkeys([*TASK_FIELDS, *sorted(factors)])
    task = {
        "fingerprint": fingerprint,
        **{name: SEARCHED if name in search.search else getattr(config, name) for name in fields},
    }
    # Labels are drawn again for each fresh seed, unless the space says which they are.
    if task["val_folds"] is None:
        del task["val_folds"]  # as the tasks of searches before there were folds
    is_fixed = "noise_seed" in {*search.fixed, *search.conditions}
    return task | {"noise_seed": config.noise_seed if is_fixed else "fresh"}


def task_key(task: Task) -> str:
    """Return 16 hexadecimal digits that two tasks share exactly if they are the same."""
    text = repr(sorted(task.items()))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
