"""What is understood of one's own data, as plain values: for `tune-noise data`."""

from collections import Counter
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from tune_noise.config.data_source import DataSource
from tune_noise.data.dataset import Dataset, kind_of
from tune_noise.data.duplicates import count_duplicates
from tune_noise.data.own_data import Plan, plan_dataset
from tune_noise.data.sources.raw import RawData
from tune_noise.data.sources.read import read_source
from tune_noise.data.splits import suited_folds


def describe(
    source: DataSource, *, val_fraction: float, cache_dir: Path | None = None
) -> dict[str, Any]:
    """Return what one's own data hold; no more than a few examples are encoded.

    Args:
        source: where they are, and what stands where.
        val_fraction: that a search would hold out of many examples.
        cache_dir: where encoded inputs are kept; None: the default.

    Returns:
        `raw_kind`; `columns`: what stands where, by role; `examples`: how many of each split, None
        where there is no such split, and how many without a label; `classes`: name and count in
        each split, by the majority where annotators have answered; `wrong_labels`: how many
        training labels differ from the true ones, None where those are not known; `held_out`: how
        many examples a search judges by; `folds`: in how many parts, in turn, else None;
        `annotators`; `gaps`: column of a table -> empty cells; `duplicates`; `inputs`: what trials
        will see; `reading` and `warnings`: sentences.

    Raises:
        DataError: the data cannot be used; all problems are listed at once.
    """
    plan = plan_dataset(read_source(source), source, val_fraction=val_fraction, cache_dir=cache_dir)
    raw = plan.raw
    dataset = plan.dataset() if plan.encoding is None else _stand_in(plan)
    return {
        "name": raw.name,
        "raw_kind": raw.kind,
        "columns": _columns(raw),
        **_counts(plan),
        **_validation(dataset, val_fraction),
        "annotators": None if raw.annotators is None else len(raw.annotators),
        "gaps": _gaps(raw),
        "duplicates": count_duplicates(dataset),
        "inputs": _inputs(dataset.train_inputs, plan),
        "reading": list(plan.reading),
        "warnings": list(plan.warnings),
    }


def _validation(dataset: Dataset, val_fraction: float) -> dict[str, int | None]:
    """Return how many examples are held out; where there are folds all are, in turn."""
    folds = suited_folds(len(dataset.train_labels))
    if dataset.num_validation is not None or dataset.kind == "pictures" or folds is None:
        return {"held_out": dataset.validation_size(val_fraction), "folds": None}
    return {"held_out": dataset.num_inputs, "folds": folds}


def _stand_in(plan: Plan) -> Dataset:
    """Return the data set with empty inputs: what is equal is known of the raw ones."""
    num_train, num_labelled, num_known, _ = plan.ends
    train, test = plan.order[:num_labelled], plan.order[num_labelled:num_known]
    return Dataset(
        name=plan.raw.name,
        train_inputs=np.zeros((len(train), 1), np.float32),
        train_labels=plan.labels[train],
        true_labels=None,
        test_inputs=np.zeros((len(test), 1), np.float32),
        test_labels=plan.labels[test],
        num_classes=len(plan.raw.class_names),
        num_validation=num_labelled - num_train or None,
        first_equals=plan.first_equals,
    )


def _columns(raw: RawData) -> dict[str, Any]:
    form = raw.form
    if form is None:
        return {"inputs": [], "label": None, "true_label": None, "id": None}
    roles = {role: getattr(form, role) for role in ("label", "true_label", "id")}
    return {"inputs": list(form.columns), **roles}


def _counts(plan: Plan) -> dict[str, Any]:
    """Return sizes of splits, counts of classes, and how many training labels are wrong."""
    raw, start = plan.raw, 0
    splits = {"train": raw.train, "validation": raw.validation, "test": raw.test}
    sizes = {split: None if part is None else len(part) for split, part in splits.items()}
    classes: list[dict[str, Any]] = [{"name": name} for name in raw.class_names]
    for split, size in sizes.items():
        if size is not None:
            labels = plan.labels[start : start + size]
            counts = np.bincount(labels[labels >= 0], minlength=len(classes))
            for facts, count in zip(classes, counts.tolist(), strict=True):
                facts[split] = count
            start += size
    labels, truths = plan.labels[: sizes["train"]], plan.truths[: sizes["train"]]
    both = (labels >= 0) & (truths >= 0)
    return {
        "examples": {**sizes, "unlabelled": int((plan.labels < 0).sum())},
        "classes": classes,
        "wrong_labels": int((labels != truths)[both].sum()) if both.any() else None,
    }


def _gaps(raw: RawData) -> dict[str, int]:
    """Return the empty cells of each column of a table that has any, over all splits."""
    total: Counter[str] = Counter()
    for split in (raw.train, raw.validation, raw.test):
        if raw.kind == "table" and split is not None:
            frame: Any = split.inputs
            total.update(frame.isna().sum().to_dict())
    return {name: int(count) for name, count in total.items() if count}


def _inputs(inputs: np.ndarray, plan: Plan) -> dict[str, Any]:
    """Return kind, shape and bytes of all inputs, what encoding takes, and what its cache holds."""
    encoder, seconds, block, cache = None, 0.0, inputs, None
    if plan.encoding is not None:
        encoder = plan.encoding.about
        seconds, block = plan.encoding.probe()
        folder = plan.encoding.folder.parent
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        cache = {"folder": str(folder), "bytes": size}
    return {
        "kind": kind_of(block),
        "shape": list(block.shape[1:]),
        "bytes": len(plan.order) * prod(block.shape[1:]) * block.itemsize,
        "encoder": encoder,
        "encoding_seconds": seconds,
        "cache": cache,
    }
