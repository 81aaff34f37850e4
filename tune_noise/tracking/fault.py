"""A fault of MLflow as a value, and what can be wrong with an experiment wherever it is stored."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import url2pathname

from tune_noise.tracking.uri import SERVER_SCHEMES, VARIABLE, scheme_of

# What disks, databases and servers say that no second attempt changes.
_LASTING = re.compile(r"read-?only|permission denied|no module named", re.IGNORECASE)


class Fault(NamedTuple):
    """What is wrong with MLflow, and what to do about it.

    Attributes:
        reason: what is wrong.
        way_out: what a person can do.
        may_pass: whether it may end by itself, so that trying again makes sense.
    """

    reason: str
    way_out: str
    may_pass: bool = False

    def __str__(self) -> str:
        """Return both in one sentence."""
        return f"{self.reason}; {self.way_out}"


def says_lasting(text: str) -> bool:
    """Return whether an error says that trying again makes no sense."""
    return _LASTING.search(text) is not None


def find_experiment_fault(experiment: Mapping[str, Any], uri: str) -> Fault | None:
    """Return why an experiment that exists can take no runs.

    Args:
        experiment: its `experiment_id`, `name`, `lifecycle_stage` and `artifact_location`.
        uri: of the MLflow that holds it.
    """
    name, number = experiment.get("name"), experiment.get("experiment_id")
    if experiment.get("lifecycle_stage") == "deleted":
        return Fault(
            f"its experiment {name!r} was deleted",
            f"restore it with `{VARIABLE}={quote(uri)} mlflow experiments restore -x {number}`, or "
            "choose another --name",
        )
    location = experiment.get("artifact_location") or ""
    scheme = urlsplit(location).scheme
    if scheme == "mlflow-artifacts" and scheme_of(uri) not in SERVER_SCHEMES:
        return Fault(
            f"the files of its experiment {name!r} are kept by an MLflow server ({location})",
            "give the address of that server, http://HOST:PORT, or choose another --name",
        )
    folder = Path(url2pathname(urlsplit(location).path))
    if location and scheme in ("", "file") and (parent := find_unwritable(folder)) is not None:
        return Fault(
            f"the files of its experiment {name!r} go to {folder}, and we may not write in "
            f"{parent}",
            "make it writable, or choose another --name",
        )
    return None


def find_unwritable(folder: Path) -> Path | None:
    """Return the folder that keeps a folder from being made or written; None if it can be."""
    # `Path.exists` raises where a folder on the way may not be entered.
    parents = (folder, *folder.absolute().parents)
    parent = next(path for path in parents if os.path.exists(path))
    return None if parent.is_dir() and os.access(parent, os.W_OK | os.X_OK) else parent
