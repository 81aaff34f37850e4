"""Splits of a data set, as indices into it.

The stratified split is that of scikit-learn's `train_test_split`, example by example (a test
compares them), without its import: a second in every process that trains.
"""

from collections.abc import Sequence

import numpy as np

from tune_noise.config.words import class_name
from tune_noise.errors import DataError
from tune_noise.seeding import derive_seed

# Which examples validate is part of the data set, not of a trial: it never moves with a seed.
SPLIT_SEED = 0
# A tenth of so few noisy labels chooses worse than folds of all of them, and with three tenths less
# is learnt; folds take two to three times as long. Of more it was not measured enough:
# docs/results/val_folds.md.
FOLDS, FOLDS_UP_TO = 5, 3000


def suited_folds(num_examples: int) -> int | None:
    """Return how many folds suit so many labelled vectors of features; None: a part held out."""
    return FOLDS if num_examples <= FOLDS_UP_TO else None


def validation_size(num_examples: int, val_fraction: float) -> int:
    """Return how many examples of a training set are held out as validation."""
    return round(val_fraction * num_examples)


def validation_split(
    labels: np.ndarray,
    input_of: np.ndarray,
    *,
    val_fraction: float,
    num_validation: int | None = None,
    class_names: Sequence[str] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return which examples of a data set train and which validate, whatever the trial.

    Equal inputs are on the same side. A validation split that the data came with is used as it is,
    and what equals one of its inputs is not trained on.

    Args:
        labels: int64 [N].
        input_of: int64 [N], see `Dataset.input_of`.
        val_fraction: fraction in (0, 1) of the inputs that go to validation.
        num_validation: how many examples, the last ones, are a given validation split; None where
            it is to be drawn.
        class_names: for messages; None where classes are numbers.

    Returns:
        (train_indices, val_indices), int64, sorted, disjoint.

    Raises:
        DataError: the data set is too small to draw a validation split.
    """
    if num_validation is None:
        return stratified_split(
            labels,
            val_fraction=val_fraction,
            seed=SPLIT_SEED,
            input_of=input_of,
            class_names=class_names,
        )
    train, val = np.split(np.arange(len(labels)), [len(labels) - num_validation])
    return train[~np.isin(input_of[train], input_of[val])], val


def stratified_split(
    labels: np.ndarray,
    *,
    val_fraction: float,
    seed: int,
    input_of: np.ndarray | None = None,
    class_names: Sequence[str] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Split examples into training and validation with the same class proportions.

    The validation split has round(val_fraction * N) examples, and of every class its
    proportional share to within one example, which of a rare class may be none; so has the
    training split, but of every class at least one.

    Equal inputs go to the same side. Then these numbers are those of different inputs, each of
    the rarest class among its labels, and all examples of an input follow it.

    Args:
        labels: int64 [N], the labels whose classes keep their proportions.
        val_fraction: fraction in (0, 1) of the inputs that go to validation.
        seed: any integer; the same seed gives the same split.
        input_of: int64 [N], see `Dataset.input_of`; None where all inputs differ.
        class_names: for messages; None where classes are numbers.

    Returns:
        (train_indices, val_indices), int64, sorted, disjoint, together 0..N-1.

    Raises:
        ValueError: val_fraction is not in (0, 1).
        DataError: a class has fewer than two inputs, or would have no training example; or nothing
            would validate.

    Example:
        >>> labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
        >>> train_indices, val_indices = stratified_split(labels, val_fraction=0.25, seed=0)
        >>> labels[train_indices].tolist(), labels[val_indices].tolist()
        ([0, 0, 0, 1, 1, 1], [0, 1])
    """
    if not 0.0 < val_fraction < 1.0:
        raise ValueError(f"val_fraction must be a fraction in (0, 1), got {val_fraction}")
    if input_of is None:
        input_of = np.arange(len(labels))
    by_rarity = np.lexsort((np.bincount(labels)[labels], input_of))
    inputs, rarest = np.unique(input_of[by_rarity], return_index=True)
    classes = labels[by_rarity[rarest]]
    num_val = validation_size(len(inputs), val_fraction)
    _check_sizes(classes, class_names, num_val=num_val, val_fraction=val_fraction)
    # MT19937 spreads a seed of any size; scikit-learn itself takes only 32 bits.
    random_state = np.random.RandomState(np.random.MT19937(derive_seed(seed, "split")))
    _, held_out = split_by_class(classes, num_val=num_val, random_state=random_state)
    is_held_out = np.zeros(len(labels), dtype=bool)
    is_held_out[inputs[held_out]] = True
    train, val = np.flatnonzero(~is_held_out[input_of]), np.flatnonzero(is_held_out[input_of])
    _check_every_class(labels, train, class_names, val_fraction=val_fraction)
    return train, val


def deal_folds(
    labels: np.ndarray,
    input_of: np.ndarray,
    examples: np.ndarray,
    *,
    count: int,
    random: np.random.Generator,
) -> np.ndarray:
    """Return the fold, from 1, of each of some examples, int64.

    Every fold has its proportional share, to within one input, of each class. Equal inputs go to
    the same fold, and count as one, of the class of the first.

    Args:
        labels: int64 [N], the labels whose classes keep their proportions.
        input_of: int64 [N], see `Dataset.input_of`.
        examples: int64, those that are dealt.
        count: how many folds.
        random: decides which input of a class goes where.

    Example:
        >>> labels = np.array([0, 0, 0, 0, 1, 1])
        >>> random = np.random.default_rng(0)
        >>> deal_folds(labels, np.arange(6), np.arange(6), count=2, random=random).tolist()
        [1, 2, 2, 1, 2, 1]
    """
    _, first, number_of = np.unique(input_of[examples], return_index=True, return_inverse=True)
    shuffled = random.permutation(len(first))
    by_class = shuffled[np.argsort(labels[examples[first[shuffled]]], kind="stable")]
    folds = np.empty(len(first), dtype=np.int64)
    folds[by_class] = 1 + np.arange(len(by_class)) % count
    return np.asarray(folds[number_of])


def split_by_class(
    labels: np.ndarray, *, num_val: int, random_state: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Return training and validation indices, int64, in no order, as scikit-learn draws them."""
    _, numbers, counts = np.unique(labels, return_inverse=True, return_counts=True)
    members = np.split(np.argsort(numbers, kind="stable"), np.cumsum(counts)[:-1])
    num_train = _class_shares(counts, len(labels) - num_val, random_state)
    num_held = _class_shares(counts - num_train, num_val, random_state)
    train, val = [], []
    for indices, first, second in zip(members, num_train, num_held, strict=True):
        shuffled = indices[random_state.permutation(len(indices))]
        train.append(shuffled[:first])
        val.append(shuffled[first : first + second])
    return np.concatenate(train), np.concatenate(val)


def _class_shares(counts: np.ndarray, size: int, random_state: np.random.RandomState) -> np.ndarray:
    """Return how many of each class are taken: its share rounded down, then largest remainders.

    Args:
        counts: of each class.
        size: of all classes together.
        random_state: chooses among equal remainders.
    """
    exact: np.ndarray = counts / counts.sum() * size
    shares: np.ndarray = np.floor(exact)
    remainders = exact - shares
    for remainder in np.unique(remainders)[::-1]:
        missing = int(size - shares.sum())
        if missing <= 0:
            break
        (equal,) = np.where(remainders == remainder)
        shares[random_state.choice(equal, size=min(len(equal), missing), replace=False)] += 1
    return shares.astype(np.int64)


def nested_subset(labels: np.ndarray, indices: np.ndarray, *, size: int, seed: int) -> np.ndarray:
    """Return a stratified part of some examples; a larger part holds all of a smaller one.

    Every class has about its proportional share (Webster's method), but at least one example where
    `size` is at least the number of classes.

    Args:
        labels: int64 [N], the labels whose classes keep their proportions.
        indices: int64, which examples there are to take from.
        size: how many are taken, in [0, len(indices)].
        seed: any integer; the same seed gives the same parts.

    Returns:
        int64 [size], sorted.

    Raises:
        ValueError: there are fewer examples.

    Example:
        >>> labels = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1])
        >>> labels[nested_subset(labels, np.arange(9), size=3, seed=0)].tolist()
        [0, 0, 1]
    """
    if not 0 <= size <= len(indices):
        raise ValueError(f"size must be in [0, {len(indices)}], got {size}")
    generator = np.random.default_rng(derive_seed(seed, "subset"))
    shuffled = generator.permutation(indices)
    # An example's turn: 0 for the first of its class, then (j + 1/2) / size of its class.
    turns = np.empty(len(shuffled))
    for label in np.unique(labels[shuffled]):
        members = np.flatnonzero(labels[shuffled] == label)
        turns[members] = (np.arange(len(members)) + 0.5) / len(members)
        turns[members[0]] = 0.0
    return np.sort(shuffled[np.argsort(turns, kind="stable")[:size]])


def _check_sizes(
    labels: np.ndarray, class_names: Sequence[str] | None, *, num_val: int, val_fraction: float
) -> None:
    classes, counts = np.unique(labels, return_counts=True)
    if np.any(counts < 2):
        alone = ", ".join(class_name(k, class_names) for k in classes[counts < 2][:10])
        raise DataError(
            f"a class needs at least 2 different examples, one to train and one to validate; "
            f"class {alone} has 1 of the {len(labels)}"
        )
    if len(labels) - num_val < len(classes) or num_val < 1:
        raise DataError(
            f"val_fraction {val_fraction} splits {len(labels)} examples into "
            f"{len(labels) - num_val} for training and {num_val} for validation; training needs "
            f"at least one per class, {len(classes)}, and validation one: use more examples or "
            "another val_fraction"
        )


def _check_every_class(
    labels: np.ndarray,
    indices: np.ndarray,
    class_names: Sequence[str] | None,
    *,
    val_fraction: float,
) -> None:
    missing = np.setdiff1d(labels, labels[indices])
    if missing.size:
        sizes = ", ".join(
            f"class {class_name(k, class_names)} of {np.sum(labels == k)} examples"
            for k in missing[:10]
        )
        raise DataError(
            f"val_fraction {val_fraction} leaves no training example of {sizes}: "
            f"use more examples or another val_fraction"
        )
