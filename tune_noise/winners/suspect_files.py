"""winners/CONDITION/suspects.csv, and beside it what a page and an audit need of it."""

import base64
import csv
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tune_noise.config.words import class_name
from tune_noise.data import Dataset
from tune_noise.data.thumbnail import photo_thumbnail, thumbnail
from tune_noise.record.folder import JUDGED_FILE, SUSPECTS_CSV, SUSPECTS_JSON
from tune_noise.reporting.page.contact_sheet import MAX_JSON_BYTES
from tune_noise.system.files import replace_file
from tune_noise.training.judgements import read_judgements, save_judgements
from tune_noise.training.suspects import Suspects

# Examples of the contact sheet: what a person looks at in a minute, and some 50 kB of a page.
SHEET_SIZE = 40


def write_suspects(
    target: Path, suspects: Suspects, dataset: Dataset, about: dict[str, Any]
) -> dict[str, Any]:
    """Write table and page data; each file is the old or the whole new one at any time.

    Args:
        target: folder of the winner.
        suspects: all examples.
        dataset: what was trained on, for what is shown of the examples.
        about: which trial was cross-fitted, and how: `read_suspects` asks for the same.

    Returns:
        The facts for the record: `about`, and those of the suspects.

    Raises:
        OSError: the folder cannot be written.
    """
    table = _table(suspects, dataset)
    facts = {**about, **suspects.facts}
    save_judgements(target / JUDGED_FILE, suspects, about)
    replace_file(target / SUSPECTS_CSV, table)
    content = {
        "facts": facts,
        "sha256": hashlib.sha256(table).hexdigest(),
        "sheet": list(_sheet(suspects, dataset)),
    }
    # Last: where this file is of the same trial the table is whole.
    replace_file(target / SUSPECTS_JSON, f"{json.dumps(content, allow_nan=False)}\n".encode())
    return facts


def read_suspects(target: Path, about: dict[str, Any]) -> dict[str, Any] | None:
    """Return the facts of what was written for this very trial; None if it is not there and whole.

    Raises:
        OSError: the disk cannot be read.
    """
    path = target / SUSPECTS_JSON
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            return None
        content = json.loads(path.read_bytes())
        facts, digest = content["facts"], content["sha256"]
        is_whole = hashlib.sha256((target / SUSPECTS_CSV).read_bytes()).hexdigest() == digest
        is_same = all(facts.get(name) == value for name, value in about.items())
        is_whole = is_whole and read_judgements(target / JUDGED_FILE, about) is not None
    except (FileNotFoundError, ValueError, LookupError, TypeError, AttributeError):
        return None
    return dict(facts) if is_whole and is_same else None


def _table(suspects: Suspects, dataset: Dataset) -> bytes:
    """Return the table as CSV; it has the columns that its examples need.

    These are the split where the data came with a validation split, the id where the data have
    some, the copy where an example has several labels, and the truth where it is known. What the
    suspicion says stands there under cleanlab's names, too.
    """
    words, ids = dataset.class_names, dataset.train_ids

    def names(labels: np.ndarray | None) -> list[str] | None:
        return None if labels is None else [class_name(label, words) for label in labels.tolist()]

    splits, positions = zip(*map(dataset.place_of, suspects.examples.tolist()), strict=True)
    columns: dict[str, Sequence[object] | None] = {
        "rank": range(1, len(suspects.examples) + 1),
        "split": None if dataset.num_validation is None else splits,
        "index": positions,
        "id": None if ids is None else ids[suspects.examples].tolist(),
        "copy": suspects.copies.tolist() if suspects.copies.any() else None,
        "given_label": names(suspects.given_labels),
        "predicted_label": names(suspects.predicted_labels),
        "suspicion": [f"{value:.6g}" for value in suspects.probabilities],
        "label_score": [f"{1.0 - value:.6g}" for value in suspects.probabilities],
        "is_label_issue": suspects.flagged.tolist(),
        "fold": suspects.folds.tolist(),
        "true_label": names(suspects.true_labels),
    }
    lists = {name: column for name, column in columns.items() if column is not None}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(lists)
    writer.writerows(zip(*lists.values(), strict=True))
    return text.getvalue().encode("utf-8", "backslashreplace")


def _sheet(suspects: Suspects, dataset: Dataset) -> Iterator[dict[str, Any]]:
    """Describe the most suspicious examples, once each."""
    _, first = np.unique(suspects.examples, return_index=True)
    for row in np.sort(first)[:SHEET_SIZE].tolist():
        example = int(suspects.examples[row])
        split, position = dataset.place_of(example)
        entry = {
            "index": position,
            "given": int(suspects.given_labels[row]),
            "predicted": int(suspects.predicted_labels[row]),
            "suspicion": round(float(suspects.probabilities[row]), 6),
            **_shown(dataset, example),
        }
        if dataset.num_validation is not None:
            entry["split"] = split
        if dataset.train_ids is not None:
            entry["id"] = str(dataset.train_ids[example])
        if suspects.true_labels is not None:
            entry["true"] = int(suspects.true_labels[row])
        yield entry


def _shown(dataset: Dataset, example: int) -> dict[str, str]:
    """Return the picture of a training example, or else its text if it has one."""
    is_photo = dataset.form is not None and dataset.form.kind == "photos"
    if dataset.kind == "pictures":
        picture = thumbnail(dataset.train_inputs[example])
    elif dataset.shown is None:
        return {}
    elif is_photo:
        picture = photo_thumbnail(Path(dataset.shown[example]))
    else:
        return {"text": str(dataset.shown[example])}
    return {"png": base64.b64encode(picture).decode()}
