"""Idle actors, which Ray Tune would end where no trial waits for them just then.

At the end of a condition its last trials run alone, and their results decide what comes next: the
actors of all other slots but one were gone when its finalists were due, and a new one takes seconds
to start, often longer than it trains (Ray 2.60, `TuneController._actor_cache`).
"""

from collections.abc import Generator
from typing import Any

from ray.tune.execution import tune_controller
from ray.tune.utils.object_cache import _ObjectCache


class IdleActors(_ObjectCache):  # type: ignore[misc]
    """Keeps every idle actor, until Ray Tune itself ends them with the search."""

    def cache_object(self, key: Any, obj: Any) -> bool:
        """Take one, however many there are."""
        self._cached_objects[key].append(obj)
        self._num_cached_objects += 1
        return True

    def flush_cached_objects(self, force_all: bool = False) -> Generator[Any, None, None]:
        """Give up all of them, or none."""
        if force_all:
            yield from super().flush_cached_objects(force_all=True)


def keep_idle_actors() -> None:
    """From now on Ray Tune has them trained on by the next stack, whenever it comes."""
    tune_controller._ObjectCache = IdleActors
