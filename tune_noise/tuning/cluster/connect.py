"""Connect to a Ray cluster, or start one here, and check that it can run the search."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tune_noise.config.search import SearchConfig
from tune_noise.system.cores import usable_cores
from tune_noise.system.signals import kept_handlers
from tune_noise.tuning.cluster.address import (
    ClusterAddress,
    check_joinable,
    find_address,
    refusal,
)
from tune_noise.tuning.cluster.start_fault import check_settings, start_fault

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

    from tune_noise.tuning.ray_internals import keep_signals_from_ray, silence_lost_processes

    silence_lost_processes()
    keep_signals_from_ray()
    logging.getLogger("ray").setLevel(logging.ERROR)
    place = find_address(address)
    try:
        if place is None:
            _start()
        else:
            _join(place)
        _check(search, folder, is_joined=place is not None)
        yield ray.nodes()
    finally:
        with kept_handlers():
            ray.shutdown()


def _start() -> None:
    check_settings()
    try:
        # Ray itself would count all cores of the machine.
        _init("local", num_cpus=usable_cores(), include_dashboard=False)
    except Exception as error:  # of any kind: a start that takes too long raises a bare one
        raise start_fault(error) from error


def _join(place: ClusterAddress) -> None:
    check_joinable(place)
    try:
        _init(str(place))
    except Exception as error:
        reason = str(error).partition("\n")[0].split(". ")[0]
        raise refusal(place, reason, "check `ray status`") from None


def _init(address: str, **options: Any) -> None:
    import ray

    from tune_noise.tuning.ray_internals import DriverPaths

    with kept_handlers():
        ray.init(
            address=address,
            logging_level=logging.ERROR,
            log_to_driver=False,
            configure_logging=True,
            job_config=DriverPaths(),
            **options,
        )


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
