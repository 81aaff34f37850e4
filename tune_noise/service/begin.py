"""Begin a search: its first event in the record, and the file that lets it run again."""

import hashlib
import os
import platform
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from tune_noise.config.configurations import Values
from tune_noise.config.search import SearchConfig
from tune_noise.config.words import class_name
from tune_noise.data import Dataset
from tune_noise.data.duplicates import count_duplicates, data_warnings
from tune_noise.history.replay import History
from tune_noise.record import Event, Record
from tune_noise.record.folder import SEARCH_FILE
from tune_noise.system.files import replace_file

_PACKAGES = ("tune-noise", "torch", "ray", "optuna", "mlflow", "numpy")


def begin(
    record: Record,
    search: SearchConfig,
    dataset: Dataset,
    folder: Path,
    *,
    resolution: Sequence[str] = (),
    start: Mapping[str, Sequence[Values]] | None = None,
    space: str | None = None,
    lineage: Mapping[str, Any] | None = None,
) -> History:
    """Write down what is searched, or that it has grown, unless the record says so already.

    Args:
        record: of the search.
        search: what is searched now.
        dataset: what it is trained on.
        folder: of the search.
        resolution: what its validation set can and cannot tell apart, a sentence each.
        start: name of a condition -> the configurations that are asked first, as
            `config.start.starting_points` returns them, whatever they come from.
        space: name of the space that was asked for, if any.
        lineage: how its labels came from an earlier version, see `earlier.lineage_facts`.

    Returns:
        What the record says now.
    """
    history = History.replay(record.events())
    if not history.search:
        payload = _payload(search, dataset, resolution) | {"space": space}
        payload |= {"start": start} if start else {}
        payload |= {"lineage": lineage} if lineage else {}
        _append(record, history, Event("search", data=payload))
    elif search.trials > history.config.trials:
        _append(record, history, Event("extend", data={"trials": search.trials}))
    # Also where nothing was appended: a driver may have been killed before it wrote the file.
    write_search_file(folder / SEARCH_FILE, history.search)
    return history


def _append(record: Record, history: History, event: Event) -> None:
    record.append(event, durable=True)
    history.apply(event)


def _payload(search: SearchConfig, dataset: Dataset, resolution: Sequence[str]) -> dict[str, Any]:
    return {
        "search_id": uuid.uuid4().hex,
        "config": search.to_plain(),
        "versions": versions(),
        "commit": source_commit(),
        "dataset": dataset_facts(dataset),
        "own": search.own_versions(),
        "resolution": list(resolution),
        "machine": {"system": platform.platform(), "cpus": os.cpu_count()},
    }


def versions() -> dict[str, str]:
    """Return the versions of this package and of those that take part in a search."""
    return {name: version(name) for name in _PACKAGES} | {"python": platform.python_version()}


def dataset_facts(dataset: Dataset) -> dict[str, Any]:
    """Return what a report says of the data.

    The examples of a given validation split are counted apart, and those that are to be split off
    are among the training examples. `train_images` and the like are the earlier names.
    """
    unlabelled = dataset.unlabelled_inputs
    counts = {
        "train": len(dataset.train_labels) - (dataset.num_validation or 0),
        "validation": dataset.num_validation,
        "test": 0 if dataset.test_labels is None else len(dataset.test_labels),
    }
    return {
        "name": dataset.name,
        "reading": dataset.reading,
        "fingerprint": dataset.fingerprint,
        "test_digest": digest_of_test_set(dataset),
        **{f"{split}_images": count for split, count in counts.items()},
        **{f"{split}_examples": count for split, count in counts.items()},
        "unlabelled_examples": 0 if unlabelled is None else len(unlabelled),
        "kind": dataset.kind,
        "image_shape": list(dataset.input_shape),
        "input_shape": list(dataset.input_shape),
        "encoder": dataset.encoder,
        "classes": dataset.num_classes,
        "class_names": dataset.class_names and list(dataset.class_names),
        "true_labels_known": dataset.true_labels is not None,
        **count_duplicates(dataset),
        "warnings": data_warnings(dataset),
    }


def digest_of_test_set(dataset: Dataset) -> str | None:
    """Return what stands for the test set, whatever the training labels are; None without one.

    Encoded inputs depend on what the encoder was fitted on, so the labels stand for them.
    """
    if dataset.test_inputs is None or dataset.test_labels is None:
        return None
    words = [class_name(label, dataset.class_names) for label in dataset.test_labels.tolist()]
    digest = hashlib.sha256("\n".join(words).encode("utf-8", "surrogatepass"))
    if dataset.encoder is None:
        digest.update(np.ascontiguousarray(dataset.test_inputs).data)
    return digest.hexdigest()[:16]


def write_search_file(path: Path, payload: dict[str, Any]) -> None:
    """Write the resolved search as a space file with versions and commit in its header."""
    versions = ", ".join(f"{name} {number}" for name, number in payload["versions"].items())
    data = payload["dataset"]
    header = [
        "# The resolved search: `tune-noise search --space FILE --name NEW` runs it again.",
        f"# Versions:  {versions}",
        f"# Commit:    {payload['commit'] or 'not a git checkout'}",
        f"# Data:      {data['name']}, fingerprint {data['fingerprint']}",
    ]
    body = yaml.safe_dump(payload["config"], sort_keys=False, allow_unicode=True)
    content = ("\n".join(header) + "\n" + body).encode()
    if not path.exists() or path.read_bytes() != content:
        replace_file(path, content)


def source_commit() -> str | None:
    """Return the git commit of this package's checkout, with + where files differ; or None."""
    here = Path(__file__).resolve().parent

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(here), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        if not git("ls-files", Path(__file__).name):
            return None
        return git("rev-parse", "--short=12", "HEAD") + (
            "+" if git("status", "--porcelain") else ""
        )
    except (OSError, subprocess.CalledProcessError):
        return None
