"""Detect nodes that join a running search and cannot take part, so that they are left out."""

import re
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import ray

from tune_noise.tuning.cluster.on_node import MARK_FILE, folder_problem, software, software_problem

_UNFIT = re.compile(r"node (?P<node_id>[0-9a-f]{56}) cannot take part: (?P<problem>.*)")


class UnfitNodeError(Exception):
    """An actor was started on a node that cannot take part."""


@dataclass(frozen=True)
class NodeGuard:
    """Check an actor's node before it trains.

    Attributes:
        folder: of the search.
        token: what the driver left in it.
        software: what the driver runs.
        driver_node: the node that the driver is on, which needs no check.
    """

    folder: str
    token: str
    software: dict[str, str]
    driver_node: str

    def check(self) -> None:
        """Check the node of this process.

        Raises:
            UnfitNodeError: it cannot take part.
        """
        node_id = ray.get_runtime_context().get_node_id()
        if node_id == self.driver_node:
            return
        # Not its source: who edits a file while a search runs does not lose the cluster for it.
        problem = software_problem(self.software, with_source=False)
        # Other problems of the folder are reported where it is used.
        with suppress(OSError):
            problem = problem or folder_problem(self.folder, self.token)
        if problem is not None:
            where = f"{ray.util.get_node_ip_address()} ({socket.gethostname()})"
            raise UnfitNodeError(f"node {node_id} cannot take part: {where} {problem}")


@contextmanager
def node_guard(folder: Path) -> Iterator[NodeGuard]:
    """Yield a guard for the actors of this driver.

    Raises:
        OSError: the folder cannot be written.
    """
    token = secrets.token_hex(16)
    (folder / MARK_FILE).write_text(token, "utf-8")
    try:
        here = ray.get_runtime_context().get_node_id()
        yield NodeGuard(str(folder), token, software(with_source=False), here)
    finally:
        with suppress(OSError):
            (folder / MARK_FILE).unlink()


def unfit_node(reason: str) -> tuple[str, str] | None:
    """Return the id of the node that an actor failed for, and why; None for other failures.

    Example:
        >>> unfit_node(f"UnfitNodeError: node {'a' * 56} cannot take part: n2 does not see /r")[1]
        'n2 does not see /r'
    """
    match = _UNFIT.search(reason)
    return (match["node_id"], match["problem"]) if match else None
