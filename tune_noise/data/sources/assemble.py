"""Make raw data of the examples that were read: splits, classes, and all checks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tune_noise.config.data_source import DataSource
from tune_noise.data.sources.answers import plain_answers
from tune_noise.data.sources.checks import (
    check_features,
    check_ids,
    refuse_leaks,
    warn_of_constants,
)
from tune_noise.data.sources.columns import SPLITS
from tune_noise.data.sources.labels import (
    alike,
    check_labels,
    fault_of_words,
    labels_of,
    ordered_classes,
    rows_of,
)
from tune_noise.data.sources.notes import Notes, listed, missing_labels
from tune_noise.data.sources.parts import Part
from tune_noise.data.sources.raw import RawData, RawForm, RawSplit


def assemble(source: DataSource, form: RawForm, parts: Mapping[str, Part], notes: Notes) -> RawData:
    """Return raw data.

    Args:
        source: the options.
        form: how the training data were read.
        parts: split -> its examples; `train` has all where no split was given.
        notes: of what came up so far.

    Raises:
        DataError: the data are wrong; all problems are listed at once.
    """
    parts = {split: _with_plain_answers(part) for split, part in parts.items()}
    parts = _split_by_column(parts, notes)
    notes.stop_if_refused()
    labels = {
        split: None
        if part.labels is None
        else labels_of(part.labels, form.label or "labels", source.missing, notes)
        for split, part in parts.items()
    }
    classes = _classes(labels["train"], form.label or "labels", parts, notes)
    _check_labels(form, parts, labels, classes, notes)
    _check_inputs(form, parts, notes)
    notes.stop_if_refused()
    for split, words in labels.items():
        notes.reading += missing_labels(words, split)
    answers, annotators = _numbered_answers(parts["train"], classes, notes)
    splits = {
        split: RawSplit(
            *(part.inputs, labels[split], part.true_labels, part.ids),
            label_place=part.label_place,
            label_rows=part.label_rows,
        )
        for split, part in parts.items()
    }
    return RawData(
        name=source.train.rstrip("/").rpartition("/")[2],
        kind=form.kind,
        train=splits["train"],
        validation=splits.get("validation"),
        test=splits.get("test"),
        class_names=classes,
        answers=answers,
        annotators=annotators,
        form=form,
        reading=tuple(dict.fromkeys(notes.reading)),
        warnings=tuple(dict.fromkeys(notes.warnings)),
    )


def _check_labels(
    form: RawForm,
    parts: Mapping[str, Part],
    labels: Mapping[str, np.ndarray | None],
    classes: Sequence[str],
    notes: Notes,
) -> None:
    place = form.label or "labels"
    for split, part in parts.items():
        check_ids(part, form.id or "ids", notes)
        given = labels[split]
        if given is None and split != "train":
            notes.refuse(
                part.place,
                f"has no labels in column {place!r}, which a {split} split needs; new inputs are "
                "for `tune-noise predict`",
            )
        elif given is not None and split == "validation" and not any(given):
            notes.refuse(place, "is missing in every validation example: leave that split out")
        elif given is not None and classes:
            check_labels(given, place, classes, split, notes)
        if part.true_labels is not None and classes:
            check_labels(part.true_labels, form.true_label or "true_labels", classes, "true", notes)


def _check_inputs(form: RawForm, parts: Mapping[str, Part], notes: Notes) -> None:
    for split, part in parts.items():
        if form.kind == "features":
            check_features(part.inputs, form.columns, part.place, notes)
        if form.kind == "texts" and (empty := sum(not text.strip() for text in part.inputs)):
            notes.warnings.append(f"{empty:,} of {len(part):,} {split} texts are empty or missing")
    train = parts["train"]
    if form.kind in ("features", "table") and len(train):
        names = form.columns
        if len(names) != train.inputs.shape[1]:
            names = tuple(f"feature {number}" for number in range(train.inputs.shape[1]))
        refuse_leaks(train, names, form.label or "labels", notes)
        warn_of_constants(train.inputs, notes)


def _split_by_column(parts: Mapping[str, Part], notes: Notes) -> Mapping[str, Part]:
    """Return the examples by the words of their column of splits, if there is one."""
    splits = parts["train"].splits
    if splits is None:
        return parts
    if len(parts) > 1:
        notes.refuse("split", "both files and a column give the split; give one of them")
        return parts
    words = np.array(
        [SPLITS.get((word or "").lower(), word or "") for word in splits], dtype=object
    )
    unknown = sorted(set(words) - {"train", "validation", "test"})
    if unknown:
        row = int(rows_of(words, unknown[0])[0]) + 1
        notes.refuse(
            "split",
            f"holds {listed(unknown)}, first in row {row:,}; it must be train, validation or test",
        )
        return parts
    by_split = {
        split: parts["train"].take(rows)
        for split in ("train", "validation", "test")
        if len(rows := rows_of(words, split))
    }
    if "train" not in by_split:
        notes.refuse("split", "names no training example")
        return parts
    counts = ", ".join(f"{len(part):,} {split}" for split, part in by_split.items())
    notes.reading.append(f"the split is given by a column: {counts}")
    return by_split


def _with_plain_answers(part: Part) -> Part:
    answers = part.answers and {name: plain_answers(words) for name, words in part.answers.items()}
    return replace(part, answers=answers)


def _numbered_answers(
    part: Part, classes: Sequence[str], notes: Notes
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return answers as class numbers, int64 [N, W], -1: none; and the annotators' names, [W]."""
    if not part.answers:
        return None, None
    number = {word: i for i, word in enumerate(classes)} | {None: -1}
    columns = [[number[word] for word in words] for words in part.answers.values()]
    answers = np.array(columns, dtype=np.int64).T
    count = int((answers >= 0).sum())
    silent = int((answers < 0).all(axis=1).sum())
    notes.reading.append(
        f"{count:,} answers of {len(columns):,} annotators to {len(part):,} items"
        + (f", {silent:,} of them without an answer" if silent else "")
    )
    return answers, np.array(list(part.answers), dtype=object)


def _classes(
    labels: np.ndarray | None, place: str, parts: Mapping[str, Part], notes: Notes
) -> tuple[str, ...]:
    """Return the classes of the training labels, in the order of their numbers."""
    if labels is None and not parts["train"].answers:
        notes.refuse(place, "no training example has a label")
        return ()
    answers = [one for words in (parts["train"].answers or {}).values() for one in words]
    given = [word for word in [*(() if labels is None else labels), *answers] if word is not None]
    words, counts = np.unique(np.array(given, dtype=object), return_counts=True)
    fault = fault_of_words(words.tolist())
    if fault is None and len(words) < 2:
        which = f"are all {words[0]!r}" if len(words) else "are all missing"
        fault = f"training labels {which}; at least 2 classes are needed"
    if fault is not None:
        notes.refuse(place, fault)
        return ()
    single = words[counts == 1].tolist()
    if single and not answers and "validation" not in parts:
        notes.refuse(
            place,
            f"has classes with a single training example: {listed(single)}; a class needs 2 to be "
            "split into training and validation: add examples, merge classes, or leave them out",
        )
    if similar := alike(words.tolist()):
        notes.warnings.append(f"classes that differ only by case or spaces: {listed(similar)}")
    return ordered_classes(words.tolist())
