"""Connect to a Ray cluster, or start one here, and check that it can run the search."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from tune_noise.config.search import Resources
from tune_noise.errors import TuneNoiseError, UserError
from tune_noise.tuning.held_stderr import held_stderr

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
def cluster(resources: Resources, *, address: str | None) -> Iterator[dict[str, float]]:
    """A connection to Ray; a cluster that was started here is stopped at the end.

    Args:
        resources: what one trial takes.
        address: of a running cluster; None starts one on this machine, unless RAY_ADDRESS says
            otherwise.

    Yields:
        The cluster's resources, e.g. {"CPU": 4.0}.

    Raises:
        UserError: no cluster answers, or none of its nodes can hold a trial.
    """
    os.environ.update({k: v for k, v in _ENVIRONMENT.items() if k not in os.environ})
    import ray

    # Ray prints several lines of each lost process, wherever output goes; the record has one.
    ray._private.worker.print_to_stdstream = lambda *arguments, **options: None
    address = address or os.environ.get("RAY_ADDRESS")
    if address:
        _check_reachable(address)
    try:
        # Where a token is wrong Ray says so on stderr with each of 20 attempts; we say it once.
        with held_stderr() if address else nullcontext():
            ray.init(
                address=address or "local",
                logging_level=logging.ERROR,
                log_to_driver=False,
                include_dashboard=None if address else False,
                configure_logging=True,
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
        _check_resources(ray.nodes(), resources)
        yield ray.cluster_resources()
    finally:
        ray.shutdown()


def _token_hint() -> str:
    """What to do about the token, which Ray's own message does not always mention."""
    if os.environ.get("RAY_AUTH_MODE") != "token":
        return "set RAY_AUTH_MODE=token here too if the cluster wants a token"
    return (
        "give the cluster's own token (RAY_AUTH_TOKEN_PATH names its file; else it is "
        "~/.ray/auth_token)"
    )


def _check_reachable(address: str) -> None:
    """Fail within seconds where nothing listens; Ray itself would try for a minute."""
    import socket

    host, _, port = address.removeprefix("ray://").rpartition(":")
    if address in {"auto", "local"}:
        return
    if not host or not port.isdigit():
        raise UserError(f"--address {address}: must be HOST:PORT of a running cluster, or auto")
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        raise UserError(
            f"--address {address}: no Ray cluster answers there ({error.strerror or error}); start "
            "one with `ray start --head`, or leave --address out to use this machine"
        ) from None


def _check_resources(nodes: list[dict[str, object]], resources: Resources) -> None:
    """Some node must hold one trial: a trial never spans nodes."""
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    totals = [dict(r) for r in alive if isinstance(r, dict)]
    most_gpus = max((float(total.get("GPU", 0)) for total in totals), default=0.0)
    most_cpus = max((float(total.get("CPU", 0)) for total in totals), default=0.0)
    if resources.gpus_per_trial > most_gpus:
        have = f"the largest node has {most_gpus:g}" if most_gpus else "this cluster has no GPU"
        raise UserError(
            f"--gpus-per-trial {resources.gpus_per_trial:g}: {have}; use 0 to train on CPUs, or "
            "join a cluster with GPUs by --address"
        )
    if resources.cpus_per_trial > most_cpus:
        raise UserError(
            f"--cpus-per-trial {resources.cpus_per_trial:g}: the largest node has {most_cpus:g} "
            f"CPUs; use at most {most_cpus:g}"
        )
    if not any(_fits(total, resources) for total in totals):
        raise UserError(
            f"--cpus-per-trial {resources.cpus_per_trial:g} --gpus-per-trial "
            f"{resources.gpus_per_trial:g}: no single node has both; use fewer CPUs per trial"
        )


def _fits(total: dict[str, float], resources: Resources) -> bool:
    cpus, gpus = float(total.get("CPU", 0)), float(total.get("GPU", 0))
    return resources.cpus_per_trial <= cpus and resources.gpus_per_trial <= gpus


def max_concurrent(total: dict[str, float], resources: Resources) -> int:
    """How many trials run at once: what the cluster fits, or fewer where the user said so."""
    fits = int(total.get("CPU", 1) / resources.cpus_per_trial + 1e-9)
    if resources.gpus_per_trial > 0:
        fits = min(fits, int(total.get("GPU", 0) / resources.gpus_per_trial + 1e-9))
    return max(1, min(fits, resources.max_concurrent or fits))
