"""One's own data as a Dataset: words become class numbers, raw inputs become inputs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tune_noise.config.data_source import DataSource
from tune_noise.data.aggregation import majority
from tune_noise.data.dataset import Dataset
from tune_noise.data.sources.raw import RawData, RawKind, RawSplit
from tune_noise.errors import ConfigError, DataError, Problem

# In the order of their examples.
_SPLITS = ("train", "validation", "test")
_TEST, _UNLABELLED = 2, 3
_MISSING = -1
# Who gave the labels of a validation split beside the answers of annotators.
VALIDATION_LABELS = "validation labels"
# Letters of a raw input that people are shown.
SHOWN_LETTERS = 300
_MAX_LISTED = 10


def load_own(source: DataSource, *, val_fraction: float, cache_dir: Path | None = None) -> Dataset:
    """Read one's own data and make a Dataset of them; see `make_dataset`."""
    from tune_noise.data.sources.read import read_source  # type: ignore[import-untyped,unused-ignore]

    return make_dataset(read_source(source), source, val_fraction=val_fraction, cache_dir=cache_dir)


def make_dataset(
    raw: RawData, source: DataSource, *, val_fraction: float, cache_dir: Path | None = None
) -> Dataset:
    """Return the Dataset of raw data.

    Where several annotators have answered, the training labels are those of the majority. Examples
    without a label become `unlabelled_inputs`, of whatever split they are. Test labels are the true
    ones where the data name them.

    Args:
        raw: as a reader returns them.
        source: what the user said about them.
        val_fraction: of the trials; an encoder that is fitted sees the training part alone.
        cache_dir: where encoded inputs are kept; None means `default_data_dir()`.

    Raises:
        DataError: labels, inputs or the encoder are not as they must be; all problems at once.
    """
    splits = [split for split in (raw.train, raw.validation, raw.test) if split is not None]
    numbers = [i for i, s in enumerate((raw.train, raw.validation, raw.test)) if s is not None]
    split_of = np.repeat(numbers, list(map(len, splits)))
    labels, truths = (_class_numbers(raw, splits, column) for column in ("labels", "true_labels"))
    answers = None if raw.answers is None else _answers(raw, labels)
    if answers is not None:
        labels = np.where(split_of == 0, majority(answers), labels)
    _check_classes(raw, split_of, labels, truths)
    warnings = list(raw.warnings)
    # The truth counts where it is known of every example.
    is_true = (split_of == _TEST) & (truths != _MISSING)
    labels = np.where(is_true, truths, labels)
    group = np.where(labels == _MISSING, _UNLABELLED, split_of)
    order = np.argsort(group, kind="stable")
    num_train, num_validation, num_test, num_unlabelled = np.bincount(group, minlength=4).tolist()
    train, test, unlabelled = np.split(
        order, np.cumsum([num_train + num_validation, num_test]).tolist()
    )
    missing = int((truths[train] == _MISSING).sum())
    if 0 < missing < len(train):
        warnings.append(
            f"{missing:,} of {len(train):,} training examples have no true label: the true labels "
            "are not used"
        )
    shown, ids = _shown(raw.kind, splits), _ids(splits)
    inputs = [split.inputs for split in splits]
    return Dataset(
        name=raw.name,
        train_inputs=_taken(inputs, train),
        train_labels=labels[train],
        true_labels=truths[train] if missing == 0 else None,
        test_inputs=_taken(inputs, test) if num_test else None,
        test_labels=labels[test] if num_test else None,
        num_classes=len(raw.class_names),
        num_validation=num_validation or None,
        class_names=raw.class_names,
        train_ids=None if ids is None else ids[train],
        test_ids=None if ids is None or not num_test else ids[test],
        unlabelled_inputs=_taken(inputs, unlabelled) if num_unlabelled else None,
        unlabelled_ids=None if ids is None or not num_unlabelled else ids[unlabelled],
        answers=None if answers is None else answers[train],
        annotators=None if answers is None else _annotators(raw),
        shown=None if shown is None else shown[train],
        form=raw.form and raw.form.with_example((raw.test or raw.train).inputs),
        reading="; ".join(raw.reading) or None,
        warnings=tuple(warnings),
    )


def _class_numbers(raw: RawData, splits: Sequence[RawSplit], column: str) -> np.ndarray:
    """Return the class of every example of every split, int64; -1: missing, K: not a class."""
    number = {name: i for i, name in enumerate(raw.class_names)} | {None: _MISSING}
    numbers: list[int] = []
    for split in splits:
        words = getattr(split, column)
        words = [None] * len(split) if words is None else words
        numbers += [number.get(word, len(raw.class_names)) for word in words]
    return np.array(numbers, dtype=np.int64)


def _answers(raw: RawData, labels: np.ndarray) -> np.ndarray:
    """Return the answers to every example of every split, int64 [N, W]; -1: none.

    The labels of a given validation split are those of one more annotator.
    """
    assert raw.answers is not None
    answers = np.full((len(labels), len(_annotators(raw))), _MISSING)
    first = len(raw.train)
    answers[:first, : raw.answers.shape[1]] = raw.answers
    if raw.validation is not None:
        validation = slice(first, first + len(raw.validation))
        answers[validation, -1] = labels[validation]
    return answers


def _annotators(raw: RawData) -> tuple[str, ...]:
    """Return the names of the columns of `_answers`."""
    extra = () if raw.validation is None else (VALIDATION_LABELS,)
    return (*([] if raw.annotators is None else raw.annotators.tolist()), *extra)


def _check_classes(
    raw: RawData, split_of: np.ndarray, labels: np.ndarray, truths: np.ndarray
) -> None:
    """Check that every class has a training example.

    Raises:
        DataError: a class has none, or there are fewer than two.
    """
    problems = []
    if (count := len(raw.class_names)) < 2:
        problems.append(Problem("labels", f"name {count} class: at least 2 are needed"))
    missing = np.setdiff1d(np.arange(count), labels[split_of == 0])
    if missing.size and raw.validation is not None:
        words = _listed([raw.class_names[i] for i in missing])
        fault = f"the validation split has classes without a training example: {words}"
        problems.append(Problem("labels", f"{fault}; take its examples out, or move some"))
    for name, numbers in (("labels", labels), ("true labels", truths)):
        for number, split in enumerate(_SPLITS):
            if strange := _words_at(raw, split, name, (numbers == count)[split_of == number]):
                problems.append(
                    Problem(
                        f"{name} of {split}",
                        f"name classes that no training label names: {strange}; correct the words, "
                        "or take those examples out",
                    )
                )
    if problems:
        # The listing of a ConfigError, under the type that says it is about data.
        raise DataError(str(ConfigError(raw.name, problems)))


def _words_at(raw: RawData, split: str, column: str, where: np.ndarray) -> str:
    if not where.any():
        return ""
    words = getattr(getattr(raw, split), column.replace(" ", "_"))
    return _listed(sorted(set(words[where])))


def _listed(words: Sequence[str]) -> str:
    return ", ".join(map(repr, words[:_MAX_LISTED])) + (", ..." if words[_MAX_LISTED:] else "")


def _ids(splits: Sequence[RawSplit]) -> np.ndarray | None:
    """Return the id of every example of every split; empty where a split has none."""
    if all(split.ids is None for split in splits):
        return None
    return np.concatenate(
        [np.full(len(split), "") if split.ids is None else split.ids for split in splits]
    )


def _shown(kind: RawKind, splits: Sequence[RawSplit]) -> np.ndarray | None:
    """Return what people are shown of every raw input, object [N]; None: of vectors and pixels."""
    if kind in ("features", "pixels"):
        return None
    if kind == "table":
        frames: list[Any] = [split.inputs for split in splits]
        names = list(frames[0].columns)
        rows = [row for frame in frames for row in frame.itertuples(index=False, name=None)]
        texts = [", ".join(f"{k}={v}" for k, v in zip(names, row, strict=True)) for row in rows]
    else:
        texts = [str(text) for split in splits for text in split.inputs]
    lines = [" ".join(text[: 2 * SHOWN_LETTERS].split()) for text in texts]
    return np.array(
        [t if len(t) <= SHOWN_LETTERS else f"{t[: SHOWN_LETTERS - 3]}..." for t in lines], object
    )


def _taken(inputs: Sequence[Any], rows: np.ndarray) -> Any:
    """Return some raw inputs of several splits, which are numbered through.

    Rows that follow each other in one split are not copied.
    """
    starts = np.cumsum([0, *map(len, inputs)])
    pieces = []
    for start, part in zip(starts, inputs, strict=False):
        here = rows[(rows >= start) & (rows < start + len(part))] - start
        is_run = len(here) and here[-1] - here[0] == len(here) - 1
        rows_here = slice(here[0], here[-1] + 1) if is_run else here
        if len(here):
            pieces.append(part[rows_here] if isinstance(part, np.ndarray) else part.iloc[rows_here])
    if len(pieces) == 1:
        return pieces[0]
    if isinstance(pieces[0], np.ndarray):
        return np.concatenate(pieces)
    import pandas as pd

    return pd.concat(pieces, ignore_index=True)
