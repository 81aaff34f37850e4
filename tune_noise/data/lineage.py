"""Lineage: which version of the labels a file holds, and how it came from the one before.

It stands in a JSON file beside the data, `FILE.lineage.json`.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tune_noise.config.data_source import DataSource
from tune_noise.errors import DataError
from tune_noise.system.files import expand_home

SUFFIX = ".lineage.json"


def lineage_file(path: Path) -> Path:
    """Return where the lineage of a file or folder stands."""
    return path.with_name(f"{path.name}{SUFFIX}")


def place_of_labels(source: DataSource) -> Path:
    """Return the file or folder that holds the training labels, or the answers of annotators."""
    answers = source.answers if isinstance(source.answers, str) else None
    return Path(expand_home(answers or source.labels or source.train))


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, or of all files of a folder with their names."""
    digest = hashlib.sha256()
    files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    for file in files:
        digest.update(f"{file.relative_to(path)}\0".encode())
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def read_lineage(source: DataSource) -> dict[str, Any] | None:
    """Return the lineage of data; None where none stands beside them.

    Raises:
        DataError: it is damaged, or the data have changed since it was written.
    """
    path = place_of_labels(source)
    file = lineage_file(path)
    if not file.is_file():
        return None
    try:
        lineage = json.loads(file.read_text(encoding="utf-8"))
        written = lineage["sha256"]
        describe_lineage(lineage)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise DataError(f"{file} is damaged ({error}): restore it, or remove it") from None
    if written != digest_of(path):
        raise DataError(
            f"{path} is not what was written with its lineage, {file}: bring it back, or remove "
            "the lineage if it is to be a version without one"
        )
    return dict(lineage)


def describe_lineage(lineage: Mapping[str, Any]) -> str:
    """Return in a sentence where the labels come from."""
    number = lineage["version"]
    counts = {"person": 0, "model": 0}
    for change in lineage["changes"]:
        counts[change["source"]] += 1
    by_model = f" and {counts['model']:,} by a model" if counts["model"] else ""
    return (
        f"version {number} of the labels: {counts['person']:,} corrected by people{by_model} after "
        f"the search {lineage['search']['name']}, from {lineage['before']['place']} (fingerprint "
        f"{lineage['before']['fingerprint']})"
    )
