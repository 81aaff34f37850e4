"""Write data with corrected labels, in the form in which they came, and their lineage."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from tune_noise.audit.answers import AuditRecord
from tune_noise.config.data_source import DataSource
from tune_noise.config.declared import noise
from tune_noise.config.words import class_name
from tune_noise.data import Dataset
from tune_noise.data.lineage import digest_of, lineage_file, place_of_labels, read_lineage
from tune_noise.data.sources.new_answers import answers_by_item, write_answers
from tune_noise.data.sources.new_version import write_version
from tune_noise.errors import UserError
from tune_noise.history.open import read_history
from tune_noise.history.replay import History
from tune_noise.service.audit.opened import open_audit
from tune_noise.service.recorded_data import RecordedData, load_recorded
from tune_noise.service.repair.corrections import Correction, Corrections, corrections_of
from tune_noise.system.files import replace_file
from tune_noise.training.known_noise import noisy_labels

# The annotator of an answer that takes the place of others.
_SETTLED_BY = {"person": "confirmed by people", "model": "held by the model"}


def repair_data(
    folder: Path,
    output: Path,
    *,
    trust: float | None,
    condition: str | None,
    data_dir: Path | None,
    url: str | None,
) -> tuple[DataSource, list[Path], dict[str, Any]]:
    """Write the data of a search with corrected labels; what is there is never changed.

    Args:
        folder: of a finished search.
        output: the new file or folder.
        trust: the probability from which on the model's class is taken where no person has looked;
            None: people alone correct.
        condition: whose model is trusted, or whose noise was drawn; None: the only one.
        data_dir: the folder of the torchvision sets.
        url: of the database that holds the record; None for what the folder says.

    Returns:
        (where the new version stands, the files that were written, its lineage).

    Raises:
        UserError: there is nothing to correct, or the output is there or cannot have that form.
        OSError: the output cannot be written.
    """
    history = read_history(folder, url)
    data = load_recorded(history, folder, data_dir)
    given, judgements = data.dataset.train_labels, None
    is_drawn = not noise(history.config.noise).takes_given_labels
    if is_drawn or trust is not None:
        audit = open_audit(folder, condition, url)
        judgements = None if trust is None else audit.population.judgements
        if is_drawn:
            trial = history.trials[audit.population.trial_id]
            given = noisy_labels(data.dataset, trial.config)[:, 0]
    answers = AuditRecord(folder, url).answers
    corrections = corrections_of(answers, judgements, 1.0 if trust is None else trust)
    changes = corrections.changes(given)
    if not changes:
        raise UserError(
            f"{folder}: no label is to be corrected; check some first: tune-noise review {folder} "
            "--mode suspects, or trust the model with --trust 0.99"
        )
    if lineage_file(output).exists():
        raise UserError(f"--output {output}: its {lineage_file(output).name} is there already")
    version, written = _write(data, given, changes, output, is_drawn=is_drawn)
    lineage = _lineage(history, folder, data, given, corrections, changes, version)
    text = json.dumps(lineage, indent=1, ensure_ascii=False)
    replace_file(lineage_file(place_of_labels(version)), f"{text}\n".encode())
    return version, [*written, lineage_file(place_of_labels(version))], lineage


def _write(
    data: RecordedData,
    given: np.ndarray,
    changes: list[Correction],
    output: Path,
    *,
    is_drawn: bool,
) -> tuple[DataSource, list[Path]]:
    if data.plan is None or data.source is None or is_drawn:
        labels = given.copy()
        labels[[one.example for one in changes]] = [one.label for one in changes]
        write_arrays(data.dataset, labels, output)
        return DataSource(train=str(output)), [output]
    by_split: dict[str, dict[int, str]] = {}
    for one in changes:
        split, index = data.plan.origin(one.example)
        by_split.setdefault(split, {})[index] = data.plan.raw.class_names[one.label]
    if data.plan.raw.answers is None:
        return write_version(data.plan.raw, data.source, by_split, output)
    if "validation" in by_split:
        raise UserError(
            f"{data.source.train}: labels of its validation split are to be corrected, and cannot "
            "be written beside answers of annotators: leave the split out, so that it is drawn"
        )
    settled = {
        data.plan.origin(one.example)[1]: (
            _SETTLED_BY[one.source],
            data.plan.raw.class_names[one.label],
        )
        for one in changes
    }
    return write_answers(data.plan.raw, data.source, settled, output)


def write_arrays(dataset: Dataset, labels: np.ndarray, output: Path) -> None:
    """Write a data set that no file of the user's holds, or whose noise was drawn, as .npz file.

    Raises:
        UserError: the output is there, or is not an .npz file.
        OSError: it cannot be written.
    """
    if output.suffix != ".npz":
        raise UserError(
            f"--output {output}: the noise of this search was drawn for it, or its data set has no "
            "file of yours: such data are written as arrays, to a FILE.npz"
        )
    if output.exists():
        raise UserError(f"--output {output}: is there already: choose another name")
    inputs = "images" if dataset.kind == "pictures" else "features"
    first = len(labels) - (dataset.num_validation or 0)
    arrays: dict[str, np.ndarray | None] = {
        inputs: dataset.train_inputs[:first],
        "labels": labels[:first],
        "true_labels": None if dataset.true_labels is None else dataset.true_labels[:first],
        "ids": None if dataset.train_ids is None else dataset.train_ids[:first].astype(str),
        f"test_{inputs}": dataset.test_inputs,
        "test_labels": dataset.test_labels,
    }
    if dataset.num_validation is not None:
        arrays |= {f"val_{inputs}": dataset.train_inputs[first:], "val_labels": labels[first:]}
    if dataset.class_names is not None:
        arrays["class_names"] = np.array(dataset.class_names)
    present: dict[str, Any] = {name: a for name, a in arrays.items() if a is not None}
    with output.open("xb") as file:
        np.savez_compressed(file, **present)


def _lineage(
    history: History,
    folder: Path,
    data: RecordedData,
    given: np.ndarray,
    corrections: Corrections,
    changes: list[Correction],
    version: DataSource,
) -> dict[str, Any]:
    """Return what is known of a new version: which labels changed, from what, by whom, when."""
    before = None if data.source is None else read_lineage(data.source)
    names = data.dataset.class_names

    told = (
        [] if data.plan is None or data.plan.raw.answers is None else answers_by_item(data.plan.raw)
    )

    def place(example: int) -> dict[str, Any]:
        split, index = data.dataset.place_of(example)
        if data.plan is not None:
            split, index = data.plan.origin(example)
        ids = data.dataset.train_ids
        answers = {"answers": told[index]} if told and split == "train" else {}
        named = {} if ids is None else {"id": str(ids[example])}
        return {"split": split, "index": index, **named, **answers}

    return {
        "version": 2 if before is None else before["version"] + 1,
        "written": _clock(time.time()),
        "sha256": digest_of(place_of_labels(version)),
        "search": {
            "name": history.config.name,
            "id": history.search["search_id"],
            "folder": str(folder.resolve()),
        },
        "before": {
            "place": history.config.dataset if data.source is None else data.source.train,
            "fingerprint": data.dataset.fingerprint,
            "version": 1 if before is None else before["version"],
        },
        "changes": [
            {
                **place(one.example),
                "from": class_name(int(given[one.example]), names),
                "to": class_name(one.label, names),
                "source": one.source,
                "by": list(one.by),
                "when": _clock(one.seconds) if one.source == "person" else None,
                "probability": one.probability,
            }
            for one in changes
        ],
        "kept": [
            {
                **place(example),
                "label": class_name(int(given[example]), names),
                "reason": reason,
                "by": list(by),
            }
            for example, (reason, by) in sorted(corrections.kept.items())
        ],
        "confirmed_as_given": len(corrections.confirmed)
        - sum(one.source == "person" for one in changes),
    }


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
