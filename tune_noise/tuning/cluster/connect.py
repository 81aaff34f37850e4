"""Connect to a Ray cluster, or start one here, and check that it can run the search."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from tune_noise.config.search import SearchConfig
from tune_noise.errors import TuneNoiseError, UserError
from tune_noise.system.signals import kept_handlers
from tune_noise.tuning.cluster.held_stderr import held_stderr

# Ray reads these when it is imported. No loggers, no snapshots: the record is ours; Ctrl-C is ours.
_ENVIRONMENT = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000000",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_DEDUP_LOGS": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}
CONNECT_SECONDS = 15


@contextmanager
def cluster(
    search: SearchConfig, *, address: str | None, folder: Path
) -> Iterator[list[dict[str, Any]]]:
    """Connect to Ray; a cluster that was started here is stopped at the end.

    Args:
        search: what is to run on it.
        address: of a running cluster; None starts one on this machine, unless RAY_ADDRESS says
            otherwise.
        folder: of the search, which all nodes of a running cluster must share.

    Yields:
        The cluster's nodes, as Ray describes them.

    Raises:
        UserError: no cluster answers, none of its nodes can hold a trial, or one that can does not
            have the same folder, code or modules as this process.
    """
    os.environ.update({k: v for k, v in _ENVIRONMENT.items() if k not in os.environ})
    import ray

    from tune_noise.tuning.ray_internals import (
        DriverPaths,
        keep_signals_from_ray,
        silence_lost_processes,
    )

    silence_lost_processes()
    keep_signals_from_ray()
    address = address or os.environ.get("RAY_ADDRESS")
    if address:
        _check_reachable(address)
    try:
        # Where a token is wrong Ray says so on stderr with each of 20 attempts; we say it once.
        with kept_handlers(), held_stderr() if address else nullcontext():
            ray.init(
                address=address or "local",
                logging_level=logging.ERROR,
                log_to_driver=False,
                include_dashboard=None if address else False,
                configure_logging=True,
                job_config=DriverPaths(),
            )
    except KeyboardInterrupt:
        ray.shutdown()
        raise
    except Exception as error:  # of any kind: a start that takes too long raises a bare one
        reason = str(error).partition("\n")[0]
        if not address:
            raise TuneNoiseError(
                f"Ray cannot be started on this machine: {reason}; try again, or join a cluster "
                "with --address"
            ) from error
        if any("InvalidAuthToken" in note for note in getattr(error, "__notes__", ())):
            reason = "the token is missing or not the cluster's"
        raise UserError(
            f"--address {address}: no Ray cluster can be joined there ({reason.split('. ')[0]}); "
            f"check `ray status`, {_token_hint()}, or leave --address out to use this machine"
        ) from None
    try:
        _check(search, folder, is_joined=bool(address))
        yield ray.nodes()
    finally:
        with kept_handlers():
            ray.shutdown()


def _token_hint() -> str:
    """Return what to do about the token, which Ray's own message does not always mention."""
    if os.environ.get("RAY_AUTH_MODE") != "token":
        return "set RAY_AUTH_MODE=token here too if the cluster wants a token"
    return (
        "give the cluster's own token (RAY_AUTH_TOKEN_PATH names its file; else it is "
        "~/.ray/auth_token)"
    )


def _check_reachable(address: str) -> None:
    """Fail within seconds where nothing listens; Ray itself would try for a minute."""
    import socket

    if address in {"auto", "local"}:
        return
    if address.startswith("ray://"):
        raise UserError(
            f"--address {address}: must be HOST:PORT of a running cluster, or auto: a search does "
            "not run through Ray Client; start it on a node of the cluster, or by `ray job submit`"
        )
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise UserError(f"--address {address}: must be HOST:PORT of a running cluster, or auto")
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        raise UserError(
            f"--address {address}: no Ray cluster answers there ({error.strerror or error}); start "
            "one with `ray start --head`, or leave --address out to use this machine"
        ) from None


def _check(search: SearchConfig, folder: Path, *, is_joined: bool) -> None:
    import ray

    from tune_noise.tuning.cluster.capacity import has_autoscaler
    from tune_noise.tuning.cluster.node_check import check_nodes
    from tune_noise.tuning.cluster.placement import check_placement

    if not is_joined:
        check_placement(ray.nodes(), search.resources)
        return
    # An autoscaler may start nodes of a kind that there is none of yet.
    if not has_autoscaler():
        check_placement(ray.nodes(), search.resources)
    check_nodes(search, folder)
