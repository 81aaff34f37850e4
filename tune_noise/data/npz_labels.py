"""Labels of an .npz file as people save them: ids or words, [N], [N, 1] or one-hot [N, K].

A message that refuses labels shows the statements that put them right, between backticks and with
the names of the file. A test runs all of them.
"""

from collections.abc import Sequence

import numpy as np

_MAX_LETTERS = 100


def one_per_example(labels: np.ndarray) -> tuple[np.ndarray, str | None]:
    """Return labels [N] where each row names one class, and what was done for that.

    Example:
        >>> one_per_example(np.array([[0.0, 1.0], [1.0, 0.0]]))
        (array([1, 0]), 'one-hot, where the class is the column of the 1')
    """
    if labels.ndim > 1 and labels.size == len(labels):
        return labels.reshape(-1), f"[N{', 1' * (labels.ndim - 1)}] as [N]"
    if _is_one_hot(labels):
        return labels.argmax(axis=1), "one-hot, where the class is the column of the 1"
    return labels, None


def values_of(labels: np.ndarray, name: str) -> str:
    """Return how a statement writes labels as `one_per_example` returns them."""
    if labels.ndim == 1:
        return name
    return f"{name}.argmax(axis=1)" if _is_one_hot(labels) else f"{name}.ravel()"


def _is_one_hot(labels: np.ndarray) -> bool:
    if labels.ndim != 2 or labels.size == 0 or labels.dtype.kind not in "biuf":
        return False
    return bool(((labels == 0) | (labels == 1)).all() and (labels.sum(axis=1) == 1).all())


def decoded(words: np.ndarray) -> np.ndarray:
    """Return words as text; bytes are UTF-8.

    Raises:
        UnicodeDecodeError: they are not.
    """
    return np.char.decode(words, "utf-8") if words.dtype.kind == "S" else words


def with_missing(labels: np.ndarray, missing: str | None) -> np.ndarray:
    """Return labels that have no fault as text or int64; "" or -1 where one is missing.

    Args:
        labels: [N].
        missing: as in `DataSource`; where it is empty, -1 is a class, and numbers become words.

    Example:
        >>> with_missing(np.array([1.0, np.nan, -1.0]), None).tolist()
        [1, -1, -1]
        >>> with_missing(np.array([1.0, np.nan, -1.0]), "").tolist()
        ['1', '', '-1']
    """
    if labels.dtype.kind in "US":
        words = decoded(labels)
        return np.where(words == missing, "", words) if missing else words
    is_empty = np.isnan(labels)
    ids = np.where(is_empty, -1, labels).astype(np.int64)
    if missing is None:
        return ids
    words = np.where(is_empty, "", ids.astype(np.str_))
    return np.where(words == missing, -1, ids) if missing else words


def fault_of_labels(
    labels: np.ndarray,
    name: str,
    *,
    beside: Sequence[str],
    as_words: str,
    missing: str | None = None,
) -> str | None:
    """Return what is wrong with labels, with the way out; None if nothing is.

    Args:
        labels: as they stand in the file.
        name: of the array in the file.
        beside: the names of all arrays of the file with an entry for each of these examples.
        as_words: the statement that makes words of all numbers of the file.
        missing: as in `DataSource`.
    """
    flat, _ = one_per_example(labels)
    if flat.size == 0:
        return "is empty"
    if flat.ndim != 1:
        return _fault_of_shape(flat, name)
    if flat.dtype.kind in "US":
        return _fault_of_words(flat, name)
    if flat.dtype.kind == "f" and (fault := _fault_of_floats(flat, name)) is not None:
        return fault
    if flat.dtype.kind == "b":
        return f"bool must be class ids 0..K-1; save `{name} = {name}.astype('int64')`"
    if flat.dtype.kind not in "iuf":
        return f"{flat.dtype} must be class ids 0..K-1, or words"
    if flat.dtype.kind != "f" and flat.max() > np.iinfo(np.int64).max:
        return f"has {flat.max()}, but class ids are 0..K-1"
    return _fault_of_negatives(flat, values_of(labels, name), beside, as_words, missing)


def _fault_of_negatives(
    labels: np.ndarray, values: str, beside: Sequence[str], as_words: str, missing: str | None
) -> str | None:
    """Return what is wrong with ids below 0: -1 stands for a missing label if nothing else can."""
    ids = np.unique(labels[~np.isnan(labels)])
    negative, others = ids[ids < 0].astype(int).tolist(), ids[ids >= 0]
    if not negative or missing == "" or (negative == [-1] and missing == "-1"):
        return None
    # Three classes of -1, 0 and 1 are as usual as two with gaps.
    is_sure = len(others) > 2 or (len(others) and others.max() > 1)
    if negative == [-1] and missing is None and is_sure and not np.isnan(labels).any():
        return None
    fault = f"has {negative[0]}, but class ids are 0..K-1"
    if labels.dtype.kind != "f":
        if len(others) > 1:
            fault += f"; drop unlabelled examples: `{drop(f'{values} >= 0', beside)}`"
        fault += f"; if {negative[0]} is a class, save words: `{as_words}`"
    if negative == [-1]:
        fault += (
            "; or read it by --data with --set data.missing=-1, or with "
            "--set \"data.missing=''\" where it is a class"
        )
    return fault


def drop(keep: str, names: Sequence[str]) -> str:
    """Return the statements that keep only some examples of a file."""
    return f"keep = {keep}; {', '.join(names)} = {', '.join(f'{name}[keep]' for name in names)}"


def _fault_of_shape(labels: np.ndarray, name: str) -> str:
    rule = f"{list(labels.shape)} must be [N], one class per example"
    if labels.ndim != 2:
        return rule
    if len(labels) == 1:
        return f"{rule}; save `{name} = {name}[0]`"
    if labels.dtype.kind not in "biuf":
        return f"{rule}; of several columns take one: `{name} = {name}[:, 0]`"
    if labels.dtype.kind == "f" and np.allclose(labels.sum(axis=1), 1.0, atol=1e-3):
        return f"{rule}; of probabilities take the likeliest: `{name} = {name}.argmax(axis=1)`"
    if ((labels == 0) | (labels == 1)).all():
        count = int((labels.sum(axis=1) != 1).sum())
        return f"{rule}; {count} rows name no class or several, and such data cannot be searched"
    return f"{rule}; of several columns take one: `{name} = {name}[:, 0].astype('int64')`"


def _fault_of_floats(labels: np.ndarray, name: str) -> str | None:
    """Return what is wrong with labels that are floats, which only missing ones can make them."""
    is_missing = np.isnan(labels)
    rule = f"{labels.dtype} must be class ids 0..K-1, as integers"
    not_ids = labels[~is_missing & ((labels != np.round(labels)) | (np.abs(labels) > 2.0**53))]
    if not_ids.size:
        return f"{rule}; {not_ids[0]} is not one"
    return None if is_missing.any() else f"{rule}; save `{name} = {name}.astype('int64')`"


def _fault_of_words(labels: np.ndarray, name: str) -> str | None:
    try:
        words = np.unique(decoded(labels)).tolist()
    except UnicodeDecodeError:
        fix = f"{name} = numpy.char.decode({name}, 'latin-1')"
        return f"holds bytes that are not UTF-8; if they are Latin-1, save `{fix}`"
    except (ValueError, SystemError):  # of NumPy, over numbers that are no characters
        return "holds text that is not Unicode"
    for word in words:
        if word != word.strip():
            fix = f"{name} = numpy.char.strip({name})"
            return f"has {word[:_MAX_LETTERS]!r}, with blanks around the word; save `{fix}`"
        if not word.isprintable() or len(word) > _MAX_LETTERS:
            return (
                f"has {word[:_MAX_LETTERS]!r}; the name of a class is one line of at most "
                f"{_MAX_LETTERS} letters"
            )
    return None
