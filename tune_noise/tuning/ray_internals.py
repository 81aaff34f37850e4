"""All of Ray's private names; every other module keeps to Ray's public interface.

Checked with Ray 2.60. `tests/tuning/test_ray_internals.py` tests each function against the real
library, so that a release which moves a name fails there and not in a search.
"""

import os
import subprocess
import sys
from functools import partial
from typing import Any

import ray
from ray._common.utils import get_ray_address_file
from ray._private import services
from ray._private.authentication.authentication_token_setup import (
    ensure_token_if_auth_enabled,
    maybe_enable_token_auth_if_token_available,
)
from ray._raylet import InnerGcsClient  # type: ignore[attr-defined] # its stubs leave it out
from ray.exceptions import RayActorError, RayError, RayTaskError
from ray.experimental.internal_kv import internal_kv_get_gcs_client
from ray.job_config import JobConfig

# Ray Tune takes a second to import, and joining a cluster needs none of it: the functions that
# need it import it themselves.

_NAMESPACE = b"tune_noise"
# Where the autoscalers of Ray leave their state: version 1, and version 2 with its namespace.
_V1_STATUS = b"__autoscaling_status"
_V2_ENABLED, _V2_NAMESPACE = b"__autoscaler_v2_enabled", b"__autoscaler"


def silence_lost_processes() -> None:
    """Keep Ray from printing several lines for each lost process, of which the record has one.

    Ray prints them whatever `log_to_driver` says, and has no option against it.
    """
    ray._private.worker.print_to_stdstream = _do_nothing


def _do_nothing(*arguments: Any, **options: Any) -> None:
    pass


class DriverPaths(JobConfig):  # type: ignore[misc]
    """A job whose processes look for modules only in folders where the driver looks for them.

    Ray puts the current folder before all others. A file there with the name of a module that a
    process imports, such as `numpy.py`, would be run in its place.
    """

    _py_driver_sys_path: list[str]

    def _get_proto_job_config(self) -> Any:
        searched = {os.path.abspath(folder) for folder in sys.path}
        self._py_driver_sys_path = [p for p in self._py_driver_sys_path if p in searched]
        return super()._get_proto_job_config()


def keep_signals_from_ray() -> None:
    """Have signals reach this process alone: it decides when the Ray that it starts is stopped.

    Ray takes SIGTERM for itself, and a signal to the whole process group, e.g. by `timeout`, would
    end the processes of Ray before what they train is checkpointed.
    """
    ray._private.utils.set_sigterm_handler = _do_nothing
    # Elsewhere a process of Ray's ends the others by their common group.
    if ray._private.utils.detect_fate_sharing_support():
        ray._private.services.ConsolePopen = partial(subprocess.Popen, start_new_session=True)


def current_cluster() -> tuple[str, str]:
    """Return the address that Ray takes `auto` for, and where it comes from.

    `ray.init` does not say where: what is wrong with the address could not be put right.

    Raises:
        ConnectionError: no Ray runs on this machine, and none has left its address.
        OSError: the file of addresses cannot be read.
    """
    services.find_gcs_addresses.cache_clear()
    address: str = services.get_ray_address_from_environment("auto", None)
    is_running = address in services.find_gcs_addresses()
    # As `ray.init` does for `auto` alone.
    maybe_enable_token_auth_if_token_available(warn_if_disabled=False)
    return address, "a Ray process" if is_running else str(get_ray_address_file(None))


def check_node_here(address: str, *, seconds: float) -> None:
    """Check that the head of a cluster answers and knows a node on this machine.

    `ray.init` asks 20 times whether a head answers, up to 40 seconds each, and waits a minute for
    a node; none of that is public.

    Args:
        address: of the head.
        seconds: to wait for an answer, and again for a node.

    Raises:
        AuthenticationError: the token is missing or not the cluster's.
        RpcError: what answers is not the head of a cluster.
        RuntimeError: no node of it is on this machine.
    """
    # As in `ray.init`: the client would end the whole process.
    ensure_token_if_auth_enabled(create_token_if_missing=False)
    head = services.canonicalize_bootstrap_address(address)
    client = InnerGcsClient.standalone(head, None, int(1000 * seconds))
    services.get_node_to_connect_for_driver(client, timeout_seconds=seconds)


class HeadStore:
    """The key-value store of the cluster's head, in a namespace of this package.

    Ray's public ways to share a value between drivers are an actor, which costs a process, and
    the dashboard, which need not run.
    """

    def __init__(self) -> None:
        self._client = internal_kv_get_gcs_client()

    def put(self, key: bytes, value: bytes) -> None:
        """Write a value over the one before."""
        self._client.internal_kv_put(key, value, True, _NAMESPACE)

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a key; None where there is none."""
        value: bytes | None = self._client.internal_kv_get(key, _NAMESPACE)
        return value

    def keys(self, prefix: bytes) -> set[bytes]:
        """Return the keys that begin with a prefix."""
        return set(self._client.internal_kv_keys(prefix, _NAMESPACE))

    def delete(self, key: bytes) -> None:
        """Remove a key, if it is there."""
        self._client.internal_kv_del(key, False, _NAMESPACE)

    def living_jobs(self) -> set[str]:
        """Return the ids of the drivers that are connected now."""
        jobs = self._client.get_all_job_info(
            skip_submission_job_info_field=True, skip_is_running_tasks_field=True
        )
        return {job.job_id.hex() for job in jobs.values() if not job.is_dead}

    def autoscaler_status(self) -> bytes | None:
        """Return what version 1 of the autoscaler says of its nodes, as JSON."""
        status: bytes | None = self._client.internal_kv_get(_V1_STATUS)
        return status

    def has_autoscaler_v2(self) -> bool:
        """Return whether version 2 of the autoscaler is enabled."""
        return bool(self._client.internal_kv_get(_V2_ENABLED, _V2_NAMESPACE) == b"1")


def patch_lost_results() -> None:
    """Have the lost result of an actor cost its stack a failure, where Ray would end the search.

    Ray Tune's actor manager handles an actor that has died and a task that raised. Where Ray's
    memory monitor killed the process, or the node that held the result is gone, it raises
    RuntimeError and ends its loop.
    """
    from ray.air.execution._internal.actor_manager import RayActorManager

    handle = RayActorManager._actor_task_failed
    if hasattr(handle, "of_ray"):
        return

    # Ray names the arguments.
    def actor_task_failed(self: Any, tracked_actor_task: Any, exception: Exception) -> None:
        if isinstance(exception, RayError) and not isinstance(
            exception, RayActorError | RayTaskError
        ):
            exception = RayActorError(error_msg=f"{type(exception).__name__}: {exception}")
        handle(self, tracked_actor_task=tracked_actor_task, exception=exception)

    actor_task_failed.of_ray = handle  # type: ignore[attr-defined]
    RayActorManager._actor_task_failed = actor_task_failed


def release_idle_actors(controller: Any) -> None:
    """End the idle actor that Ray Tune keeps for its next trial: another search needs its place."""
    controller._cleanup_cached_actors(force_all=True)


def hand_over(trial: Any, *arguments: Any) -> None:
    """Call `take` of a trial's actor, ahead of the step that Ray Tune asks it for next.

    An actor serves its driver in order. Ray Tune itself can only replace the configuration of an
    actor by ending its trial, which costs a trial per stack.
    """
    trial.temporary_state.ray_actor.take.options(num_returns=0).remote(*arguments)


def forget_pickled_error(trial: Any) -> None:
    """Keep Ray Tune from unpickling a trial's error at the end: the disk may have damaged it."""
    trial.run_metadata.pickled_error_filename = None


def no_checkpoint() -> Any:
    """Return what `Trainable.save` returns where Ray Tune has no checkpoint to copy or restore."""
    from ray.train._internal.session import _TrainingResult

    return _TrainingResult(checkpoint=None, metrics={})
