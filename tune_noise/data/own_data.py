"""One's own data as a Dataset: words become class numbers, raw inputs become inputs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tune_noise.config.data_source import DataSource
from tune_noise.data.aggregation import majority
from tune_noise.data.data_dir import default_data_dir
from tune_noise.data.dataset import Dataset
from tune_noise.data.encoders.chosen import choose_encoder
from tune_noise.data.encoders.encoded import Encoding, Executor, one_after_another
from tune_noise.data.encoders.raw_digests import raw_digests
from tune_noise.data.example_views import ExampleViews
from tune_noise.data.lineage import describe_lineage, read_lineage
from tune_noise.data.npz_dataset import read_raw_npz
from tune_noise.data.photos import describe_changes, look_through
from tune_noise.data.rows import gathered, joined, taken
from tune_noise.data.sources.notes import listed
from tune_noise.data.sources.raw import RawData, RawKind, RawSplit
from tune_noise.data.splits import validation_split
from tune_noise.errors import ConfigError, DataError, Problem

# In the order of their examples.
_SPLITS = ("train", "validation", "test")
_TEST, _UNLABELLED = 2, 3
_MISSING = -1
# Who gave the labels of a validation split beside the answers of annotators.
VALIDATION_LABELS = "validation labels"
# Letters of a raw input that people are shown.
SHOWN_LETTERS = 300
_MAX_FAULTS = 20


def load_own(
    source: DataSource,
    *,
    val_fraction: float | None,
    cache_dir: Path | None = None,
    executor: Executor = one_after_another,
) -> Dataset:
    """Read one's own data and make a Dataset of them; see `make_dataset`."""
    from tune_noise.data.sources.read import read_source

    return make_dataset(
        read_source(source),
        source,
        val_fraction=val_fraction,
        cache_dir=cache_dir,
        executor=executor,
    )


def load_npz(path: Path) -> Dataset:
    """Return the data set of an .npz file; its classes have names where the file names them.

    Raises:
        DataError: the file cannot be read, or has problems; all of them are listed at once.
    """
    raw, has_words = read_raw_npz(path)
    source = DataSource(train=str(path))
    if (lineage := read_lineage(source)) is not None:
        raw = replace(raw, reading=[*raw.reading, describe_lineage(lineage)])
    # The fraction is for encoders that learn, and arrays are not encoded.
    dataset = make_dataset(raw, source, val_fraction=0.1)
    return dataset if has_words else replace(dataset, class_names=None)


def make_dataset(
    raw: RawData,
    source: DataSource,
    *,
    val_fraction: float | None,
    cache_dir: Path | None = None,
    executor: Executor = one_after_another,
) -> Dataset:
    """Return the Dataset of raw data.

    Where several annotators have answered, the training labels are those of the majority. Examples
    without a label become `unlabelled_inputs`, of whatever split they are. Test labels are the true
    ones where the data name them.

    Args:
        raw: as a reader returns them.
        source: what the user said about them.
        val_fraction: of the trials; an encoder that is fitted sees the training part alone. None:
            each example is trained on, in other folds than the one that it validates.
        cache_dir: where encoded inputs are kept; None means `default_data_dir()`.
        executor: what encodes the blocks of raw inputs.

    Raises:
        DataError: labels, inputs or the encoder are not as they must be; all problems at once.
        StorageError: the cache cannot be written.
    """
    plan = plan_dataset(raw, source, val_fraction=val_fraction, cache_dir=cache_dir)
    return plan.dataset(executor)


@dataclass(frozen=True, eq=False)
class Plan:
    """Raw data that were checked and laid out, before anything is encoded.

    Attributes:
        raw: without pictures that cannot be read and may be left out.
        labels: int64 [examples of all splits]; -1: not labelled.
        truths: the same for the true labels.
        order: int64: the training, validation, test and unlabelled examples, one after the other.
        ends: where each of these ends in `order`.
        reading: sentences that say how the data were understood.
        warnings: sentences about what is odd in them.
        encoding: of all examples, in this order; None where the inputs are used as they come.
        first_equals: see `Dataset`.
        answers: of several annotators to the examples of all splits, int64 [examples, W]; or None.
        cache_dir: the folder of the cache.
    """

    raw: RawData
    labels: np.ndarray
    truths: np.ndarray
    order: np.ndarray
    ends: tuple[int, ...]
    reading: tuple[str, ...]
    warnings: tuple[str, ...]
    encoding: Encoding | None
    first_equals: np.ndarray | None
    answers: np.ndarray | None
    cache_dir: Path

    def dataset(self, executor: Executor = one_after_another) -> Dataset:
        """Encode what is not encoded yet, and return the data set.

        Raises:
            DataError: the encoder fails.
            StorageError: the cache cannot be written.
        """
        raw, encoding, state = self.raw, self.encoding, None
        num_train, num_labelled, num_known, _ = self.ends
        train, test, unlabelled = np.split(self.order, [num_labelled, num_known])
        splits = _splits(raw)
        if encoding is None:
            inputs = [split.inputs for split in splits]
            arrays = [gathered(inputs, rows, self.cache_dir) for rows in (train, test, unlabelled)]
        else:
            encoded, state = encoding.run(executor)
            arrays = np.split(encoded, [num_labelled, num_known])
        shown, ids = _shown(raw.kind, splits), _ids(splits, has_gaps=len(unlabelled) > 0)
        missing = bool((self.truths[train] == _MISSING).any())
        return Dataset(
            name=raw.name,
            train_inputs=arrays[0],
            train_labels=self.labels[train],
            true_labels=None if missing else self.truths[train],
            test_inputs=arrays[1] if len(test) else None,
            test_labels=self.labels[test] if len(test) else None,
            num_classes=len(raw.class_names),
            num_validation=num_labelled - num_train or None,
            class_names=raw.class_names,
            train_ids=None if ids is None else ids[train],
            test_ids=None if ids is None or not len(test) else ids[test],
            unlabelled_inputs=arrays[2] if len(unlabelled) else None,
            unlabelled_ids=None if ids is None or not len(unlabelled) else ids[unlabelled],
            answers=None if self.answers is None else self.answers[train],
            annotators=None if self.answers is None else _annotators(raw),
            first_equals=self.first_equals,
            encoder=None if encoding is None else encoding.about,
            encoder_state=state,
            shown=None if shown is None else shown[train],
            form=raw.form and raw.form.with_example((raw.test or raw.train).inputs),
            reading="; ".join(self.reading) or None,
            warnings=self.warnings,
        )

    def origin(self, example: int) -> tuple[str, int]:
        """Return the split of the raw data that a training example is from, and its row there."""
        row = int(self.order[example])
        for name, split in _named_splits(self.raw):
            if row < len(split):
                return name, row
            row -= len(split)
        raise IndexError(example)

    def views(self) -> ExampleViews:
        """Return the training examples as people look at them; nothing is encoded for it."""
        inputs = taken([split.inputs for split in _splits(self.raw)], self.order[: self.ends[1]])
        names = () if self.raw.form is None else self.raw.form.columns
        return ExampleViews(self.raw.kind, inputs, names)


def plan_dataset(
    raw: RawData, source: DataSource, *, val_fraction: float | None, cache_dir: Path | None = None
) -> Plan:
    """Check raw data, split them and choose their encoder; `Plan.dataset` does the rest.

    Raises:
        DataError: see `make_dataset`.
    """
    chosen = choose_encoder(source.encoder, raw.kind)
    cache_dir = default_data_dir() if cache_dir is None else cache_dir
    reading, warnings = list(raw.reading), list(raw.warnings)
    digests = None
    if raw.kind == "photos":
        raw, digests, said, left_out = _readable(raw, cache_dir, skip=source.skip_unreadable)
        reading += said
        warnings += left_out
    splits = _splits(raw)
    split_of = np.concatenate(
        [np.full(len(split), _SPLITS.index(name)) for name, split in _named_splits(raw)]
    )
    labels, truths = (_class_numbers(raw, splits, column) for column in ("labels", "true_labels"))
    answers = None if raw.answers is None else _answers(raw, labels)
    if answers is not None:
        labels = np.where(split_of == 0, majority(answers), labels)
    _check_validation(raw, split_of, labels)
    is_true = (split_of == _TEST) & (truths != _MISSING)
    labels = np.where(is_true, truths, labels)
    group = np.where(labels == _MISSING, _UNLABELLED, split_of)
    order = np.argsort(group, kind="stable")
    ends = tuple(np.cumsum(np.bincount(group, minlength=4)).tolist())
    _, num_labelled, num_known, _ = ends
    missing = int((truths[order[:num_labelled]] == _MISSING).sum())
    if 0 < missing < num_labelled:
        warnings.append(
            f"{missing:,} of {num_labelled:,} training examples have no true label: the true "
            "labels are not used"
        )
    encoding = first_equals = None
    if chosen is not None:
        parts = [split.inputs for split in splits]
        inputs = joined([taken(parts, rows) for rows in np.split(order, ends) if len(rows)])
        digests = raw_digests(inputs) if digests is None else digests[order]
        first_equals = _first_equals(digests[:num_known])
        fitted_on = _training_part(
            raw, labels[order], first_equals, ends, val_fraction=val_fraction
        )
        encoding = Encoding(chosen, inputs, digests, fitted_on, num_known, cache_dir)
        reading.append(f"encoded by {chosen}")
    return Plan(
        raw,
        labels,
        truths,
        order,
        ends,
        tuple(reading),
        tuple(warnings),
        encoding,
        first_equals,
        answers,
        cache_dir,
    )


def _first_equals(digests: np.ndarray) -> np.ndarray:
    """Return, for each raw input, the position of the first one with the same digest, int64."""
    _, first, inverse = np.unique(digests, return_index=True, return_inverse=True)
    return np.asarray(first[inverse], np.int64)


def _training_part(
    raw: RawData,
    labels: np.ndarray,
    first_equals: np.ndarray,
    ends: tuple[int, ...],
    *,
    val_fraction: float | None,
) -> np.ndarray:
    """Return the examples that an encoder is fitted on, int64: those that trials train on.

    Raises:
        DataError: a given validation split leaves none.
    """
    num_train, num_labelled = ends[:2]
    if val_fraction is None:
        return np.arange(num_train)
    fitted_on, _ = validation_split(
        labels[:num_labelled],
        first_equals[:num_labelled],
        val_fraction=val_fraction,
        num_validation=num_labelled - num_train or None,
    )
    if not len(fitted_on):
        raise DataError(
            f"{raw.name}: every training example equals one of the given validation split: "
            "take the copies out of that split"
        )
    return fitted_on


def _named_splits(raw: RawData) -> list[tuple[str, RawSplit]]:
    splits = ((name, getattr(raw, name)) for name in _SPLITS)
    return [(name, split) for name, split in splits if split is not None]


def _splits(raw: RawData) -> list[RawSplit]:
    return [split for _, split in _named_splits(raw)]


def _readable(
    raw: RawData, cache_dir: Path, *, skip: bool
) -> tuple[RawData, np.ndarray, list[str], list[str]]:
    """Look at all pictures.

    Returns:
        (the data without pictures that cannot be read, digests of the others, what is converted,
        what was left out).

    Raises:
        DataError: some cannot be read, and they may not be left out.
    """
    splits = _named_splits(raw)
    paths = [str(path) for _, split in splits for path in split.inputs]
    looks = look_through(paths, cache_dir)
    faults = [
        Problem(path, look.fault) for path, look in zip(paths, looks, strict=True) if look.fault
    ]
    readable = np.array([not look.fault for look in looks])
    digests = np.array([bytes.fromhex(look.digest) for look in looks], "S16")[readable]
    if faults and not skip:
        more = len(faults) - _MAX_FAULTS
        listing = str(ConfigError(raw.name, faults[:_MAX_FAULTS]))
        _, _, lines = listing.partition("\n")
        raise DataError(
            f"{raw.name}: {len(faults):,} of {len(paths):,} pictures cannot be used; replace or "
            "remove them, or leave them out by --skip-unreadable (skip_unreadable: true)\n"
            f"{lines}" + (f"\n  and {more:,} more" if more > 0 else "")
        )
    left_out = []
    if faults:
        names = listed([fault.place for fault in faults])
        left_out = [f"{len(faults):,} pictures that cannot be read are left out: {names}"]
        ends = np.cumsum([len(split) for _, split in splits])
        masks = np.split(readable, ends[:-1])
        kept: dict[str, Any] = {
            name: _where(split, mask) for (name, split), mask in zip(splits, masks, strict=True)
        }
        answers = None if raw.answers is None else raw.answers[masks[0]]
        raw = replace(raw, answers=answers, **kept)
    return raw, digests, describe_changes(looks), left_out


def _where(split: RawSplit, mask: np.ndarray) -> RawSplit:
    def of(column: Any) -> Any:
        return None if column is None else column[mask]

    columns = ("inputs", "labels", "true_labels", "ids", "label_rows")
    return replace(split, **{name: of(getattr(split, name)) for name in columns})


def _class_numbers(raw: RawData, splits: Sequence[RawSplit], column: str) -> np.ndarray:
    """Return the class of every example of every split, int64; -1: missing."""
    number = {name: i for i, name in enumerate(raw.class_names)} | {None: _MISSING}
    numbers: list[int] = []
    for split in splits:
        words = getattr(split, column)
        words = [None] * len(split) if words is None else words
        numbers += [number[word] for word in words]
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


def _check_validation(raw: RawData, split_of: np.ndarray, labels: np.ndarray) -> None:
    """Check that a given validation split has no class that no training example is left of.

    Readers have checked the words; of answers, the majority may still leave a class out.

    Raises:
        DataError: it has such a class.
    """
    missing = np.setdiff1d(np.arange(len(raw.class_names)), labels[split_of == 0])
    if missing.size and raw.validation is not None:
        words = listed([raw.class_names[i] for i in missing])
        raise DataError(
            f"{raw.name}: the validation split has classes without a training example: {words}; "
            "take its examples out, or move some"
        )


def _ids(splits: Sequence[RawSplit], *, has_gaps: bool) -> np.ndarray | None:
    """Return the id of every example of every split; empty where a split has none.

    Where no split has ids and some labels are missing, it is the position in the split, from 0:
    among the examples that have a label it would be another one.
    """
    if all(split.ids is None for split in splits):
        places = [np.arange(len(split)).astype(str) for split in splits]
        return np.concatenate(places) if has_gaps else None
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
