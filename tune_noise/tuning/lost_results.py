"""Lost results of actors, which Ray Tune would take for a failure of the whole search.

Its actor manager knows an actor that has died and a task that raised. What else can happen to a
result - Ray's own memory monitor killed the process, or the node that held the result is gone -
ends its loop with a RuntimeError (Ray 2.60, `RayActorManager._actor_task_failed`).
"""

from typing import Any

from ray.air.execution._internal.actor_manager import RayActorManager
from ray.exceptions import RayActorError, RayError, RayTaskError

_of_ray = RayActorManager._actor_task_failed


def _actor_task_failed(self: Any, tracked_actor_task: Any, exception: Exception) -> None:
    if isinstance(exception, RayError) and not isinstance(exception, RayActorError | RayTaskError):
        exception = RayActorError(error_msg=f"{type(exception).__name__}: {exception}")
    _of_ray(self, tracked_actor_task, exception)


def treat_lost_results_as_lost_actors() -> None:
    """From now on such a result costs its stack a failure, and the search goes on."""
    RayActorManager._actor_task_failed = _actor_task_failed
