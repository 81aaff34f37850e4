"""Idle actors, which Ray Tune would end where no trial waits for them just then.

At the end of a condition its last trials run alone, and their results decide what comes next: the
actors of all other slots but one were gone when its finalists were due, and a new one takes seconds
to start, often longer than it trains (Ray 2.60, `TuneController._actor_cache`).

None is kept beyond what the search may have under way: other searches and an autoscaler wait for
the places of the rest.
"""

from collections.abc import Callable, Generator
from typing import Any, ClassVar

from ray.tune.execution import tune_controller
from ray.tune.utils.object_cache import _ObjectCache


class IdleActors(_ObjectCache):  # type: ignore[misc]
    """Keeps idle actors while there is room for them, whether a trial waits for them or not.

    Attributes:
        room: how many may be idle now.
    """

    room: ClassVar[Callable[[], int]] = staticmethod(lambda: 0)

    def cache_object(self, key: Any, obj: Any) -> bool:
        """Take one, if there is room."""
        if self._num_cached_objects >= self._most:
            return False
        self._cached_objects[key].append(obj)
        self._num_cached_objects += 1
        return True

    def flush_cached_objects(self, force_all: bool = False) -> Generator[Any, None, None]:
        """Give up those that there is no room for any more, or all."""
        for idle in self._cached_objects.values():
            while idle and (force_all or self._num_cached_objects > self._most):
                self._num_cached_objects -= 1
                yield idle.pop(0)

    @property
    def _most(self) -> int:
        # Those that Ray has a trial for are about to be taken.
        return max(type(self).room(), self.total_max_objects)


def keep_idle_actors(room: Callable[[], int]) -> None:
    """From now on Ray Tune has idle actors go on with the next stack, whenever it comes.

    Args:
        room: says how many may be idle now.
    """
    IdleActors.room = staticmethod(room)
    tune_controller._ObjectCache = IdleActors
