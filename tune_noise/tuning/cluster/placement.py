"""The number of trials that the nodes of a cluster hold at once: a trial never spans nodes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tune_noise.config.search import Resources
from tune_noise.errors import UserError

# As `ray.nodes()` gives it.
Node = Mapping[str, Any]


def fitting_nodes(nodes: Iterable[Node], resources: Resources) -> list[Node]:
    """Return the living nodes that hold at least one trial; a node without CPUs does not."""
    return [node for node in nodes if node["Alive"] and held(node["Resources"], resources)]


def held(total: Mapping[str, float], resources: Resources) -> int:
    """Return how many trials one node holds at once.

    Args:
        total: of the node, e.g. {"CPU": 8.0, "GPU": 1.0}.
        resources: of one trial.

    Example:
        >>> held({"CPU": 8.0, "GPU": 1.0}, Resources(gpus_per_trial=0.25))
        4
        >>> held({"CPU": 3.0}, Resources(cpus_per_trial=2))
        1
    """
    # 1e-9: 0.3 / 0.1 is 2.9999999999999996, and its floor would lose a trial.
    fits = int(total.get("CPU", 0) / resources.cpus_per_trial + 1e-9)
    share = resources.gpus_per_trial
    if 0 < share < 1:
        # A share is of one GPU: what is left over of two does not add up to a third share.
        fits = min(fits, int(total.get("GPU", 0)) * int(1 / share + 1e-9))
    elif share >= 1:
        fits = min(fits, int(total.get("GPU", 0) / share + 1e-9))
    return fits


def max_concurrent(nodes: Iterable[Node], resources: Resources) -> int:
    """Return how many trials run at once: what the nodes hold, or fewer where the user said so.

    At least 1: where no node holds a trial, one that waits is what an autoscaler goes by.
    """
    fits = sum(held(node["Resources"], resources) for node in nodes if node["Alive"])
    return max(1, min(fits, resources.max_concurrent or fits))


def check_placement(nodes: Sequence[Node], resources: Resources) -> None:
    """Check that some node holds one trial.

    Raises:
        UserError: none does.
    """
    totals = [node["Resources"] for node in nodes if node["Alive"]]
    most_gpus = max((float(total.get("GPU", 0)) for total in totals), default=0.0)
    most_cpus = max((float(total.get("CPU", 0)) for total in totals), default=0.0)
    cpus, gpus = resources.cpus_per_trial, resources.gpus_per_trial
    if gpus > most_gpus:
        have = f"the largest node has {most_gpus:g}" if most_gpus else "this cluster has no GPU"
        raise UserError(
            f"--gpus-per-trial {gpus:g}: {have}; use 0 to train on CPUs, or join a cluster with "
            "GPUs by --address"
        )
    if cpus > most_cpus:
        way_out = f"use at most {most_cpus:g}" if most_cpus else "add a node that has CPUs"
        raise UserError(
            f"--cpus-per-trial {cpus:g}: the largest node has {most_cpus:g} CPUs; {way_out}"
        )
    if not fitting_nodes(nodes, resources):
        most = max(float(total.get("CPU", 0)) for total in totals if total.get("GPU", 0) >= gpus)
        raise UserError(
            f"--cpus-per-trial {cpus:g} --gpus-per-trial {gpus:g}: no single node has both; use "
            f"at most {most:g} CPUs per trial, as many as a node with GPUs has"
        )
