"""Count the cores that this process may use, which may be fewer than the machine has."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


def usable_cores() -> int:
    """Return how many cores this process may use, at least 1.

    `taskset`, Slurm and the CPU sets of containers restrict a process to certain cores. Quotas of
    control groups (`docker run --cpus`, limits of Kubernetes, systemd's `CPUQuota`) restrict its
    time, and count rounded down: a trial that does not get a whole core would slow all others.
    """
    # macOS has no affinity.
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, int(min([affinity or 1, *_quotas()])))


def _quotas() -> Iterator[float]:
    """Yield the quota in cores of each control group that this process is in and that has one."""
    with suppress(OSError):  # a system without control groups
        for line in _MEMBERSHIP.read_text().splitlines():
            _, controllers, group = line.split(":", 2)
            if not controllers:  # version 2, which has one hierarchy
                top, files = _GROUPS, ["cpu.max"]
            elif "cpu" in controllers.split(","):
                top, files = _GROUPS / "cpu", ["cpu.cfs_quota_us", "cpu.cfs_period_us"]
            else:
                continue
            # A container may see itself as the top, whatever the group is called outside.
            folder = top / group.lstrip("/")
            for place in (folder, *folder.parents):
                with suppress(OSError):
                    quota, period = " ".join((place / file).read_text() for file in files).split()
                    if quota not in {"max", "-1"}:
                        yield int(quota) / int(period)
                if place == top:
                    break
