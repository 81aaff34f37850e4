"""The output folder of a search: who owns it, and the file that lets it run again."""

import fcntl
import os
import platform
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from tune_noise.config.search import SearchConfig
from tune_noise.data import Dataset
from tune_noise.errors import UserError
from tune_noise.history import History
from tune_noise.record import Event, Record

RECORD_FILE = "record.db"
SEARCH_FILE = "search.yaml"
_PACKAGES = ("tune-noise", "torch", "ray", "optuna", "mlflow", "numpy")


def plain(search: SearchConfig) -> dict[str, Any]:
    """A search as plain values that a space file can hold; what is null is left out."""
    return search.model_dump(mode="json", by_alias=True, exclude_none=True)


def check_folder(
    folder: Path, search: SearchConfig, dataset: Dataset, *, resume: bool
) -> History | None:
    """Check that a search may start, or go on, in a folder; nothing is written.

    Returns:
        What the folder's record says; None where there is no record yet.

    Raises:
        UserError: the folder cannot be written, holds a search already and `resume` is not set, or
            holds another search, one on other data or of another version.
    """
    parent = next(path for path in (folder, *folder.parents) if path.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        reason = "may not be written" if parent.is_dir() else "is not a folder"
        raise UserError(f"--output: {folder} cannot be made, {parent} {reason}: choose another one")
    path = folder / RECORD_FILE
    if not path.exists():
        return None
    if not resume:
        raise UserError(
            f"{folder} holds a search already: continue it with --resume, choose another --name "
            "or --output, or delete the folder"
        )
    with Record(path) as record:
        history = History.replay(record.events())
    if history.search:
        _check_same(history, search, dataset, folder)
    return history


@contextmanager
def own_folder(folder: Path) -> Iterator[None]:
    """Make the folder of a search and keep every other driver out of it.

    The lock is the operating system's, so it goes with the process, however that ends.

    Raises:
        UserError: the folder cannot be made, or another driver runs in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / ".lock", os.O_CREAT | os.O_RDWR, 0o644)
    except OSError as error:
        raise UserError(
            f"--output: {folder} cannot be made ({error.strerror}): choose another one"
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise UserError(
            f"{folder}: a search is running in it: wait for its end, or choose another --name"
        ) from None
    finally:
        os.close(descriptor)


def begin(record: Record, search: SearchConfig, dataset: Dataset, folder: Path) -> None:
    """Write down what is searched, unless the record says so already."""
    history = History.replay(record.events())
    if history.search:
        # The driver may have been killed between the record and this file.
        write_search_file(folder / SEARCH_FILE, history.search)
        return
    versions = {name: version(name) for name in _PACKAGES} | {"python": platform.python_version()}
    payload = {
        "search_id": uuid.uuid4().hex,
        "config": plain(search),
        "versions": versions,
        "commit": source_commit(),
        "dataset": dataset_facts(dataset),
        "machine": {"system": platform.platform(), "cpus": os.cpu_count()},
    }
    record.append(Event("search", data=payload), durable=True)
    write_search_file(folder / SEARCH_FILE, payload)


def dataset_facts(dataset: Dataset) -> dict[str, Any]:
    """What a report says of the data."""
    return {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "train_images": len(dataset.train_labels),
        "test_images": 0 if dataset.test_labels is None else len(dataset.test_labels),
        "image_shape": list(dataset.image_shape),
        "classes": dataset.num_classes,
        "true_labels_known": dataset.true_labels is not None,
    }


def write_search_file(path: Path, payload: dict[str, Any]) -> None:
    """The resolved search as a space file; versions and commit stand in its header."""
    versions = ", ".join(f"{name} {number}" for name, number in payload["versions"].items())
    data = payload["dataset"]
    header = [
        "# The resolved search: `tune-noise search --space FILE --name NEW` runs it again.",
        f"# Versions:  {versions}",
        f"# Commit:    {payload['commit'] or 'not a git checkout'}",
        f"# Data:      {data['name']}, fingerprint {data['fingerprint']}",
    ]
    body = yaml.safe_dump(payload["config"], sort_keys=False, allow_unicode=True)
    path.write_text("\n".join(header) + "\n" + body, encoding="utf-8")


def source_commit() -> str | None:
    """The git commit of this package's checkout, with + where files differ from it; or None."""
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


def _check_same(history: History, search: SearchConfig, dataset: Dataset, folder: Path) -> None:
    old, new = history.search["config"], plain(search)
    # How much of a cluster a trial takes does not change what it finds.
    keys = [key for key in {**old, **new} if key != "resources" and old.get(key) != new.get(key)]
    lines = [f"  {key}: {old.get(key)} there, {new.get(key)} now" for key in keys]
    if (then := history.search["dataset"]["fingerprint"]) != dataset.fingerprint:
        lines.append(f"  data: fingerprint {then} there, {dataset.fingerprint} now")
    now = version("tune-noise")
    if (then := history.search["versions"]["tune-noise"]) != now:
        lines.append(f"  tune_noise: {then} there, {now} now")
    if lines:
        differences = "\n".join(lines)
        raise UserError(
            f"{folder} holds another search: choose another --name, or run what it holds with "
            f"--space {folder / SEARCH_FILE}\n{differences}"
        )
