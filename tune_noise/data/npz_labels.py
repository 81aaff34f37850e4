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


def fault_of_labels(
    labels: np.ndarray, name: str, *, beside: Sequence[str], as_words: str
) -> str | None:
    """Return what is wrong with labels, with the way out; None if nothing is.

    Args:
        labels: as they stand in the file.
        name: of the array in the file.
        beside: the names of all arrays of the file with an entry for each of these examples.
        as_words: the statement that makes words of all numbers of the file.
    """
    flat, _ = one_per_example(labels)
    values = values_of(labels, name)
    if flat.size == 0:
        return "is empty"
    if flat.ndim != 1:
        return _fault_of_shape(flat, name)
    if flat.dtype.kind in "US":
        return _fault_of_words(flat, name, values, beside)
    if flat.dtype.kind == "f":
        return _fault_of_floats(flat, name, values, beside)
    if flat.dtype.kind == "b":
        return f"bool must be class ids 0..K-1; save `{name} = {name}.astype('int64')`"
    if flat.dtype.kind not in "iu":
        return f"{flat.dtype} must be class ids 0..K-1, or words"
    if flat.min() < 0:
        rule = f"has {flat.min()}, but class ids are 0..K-1"
        if len(np.unique(flat[flat >= 0])) < 2:
            return f"{rule}; save words: `{as_words}`"
        keep = drop(f"{values} >= 0", beside)
        return (
            f"{rule}; drop unlabelled examples: `{keep}`; if {flat.min()} is a class, save words: "
            f"`{as_words}`"
        )
    if flat.max() > np.iinfo(np.int64).max:
        return f"has {flat.max()}, but class ids are 0..K-1"
    return None


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


def _fault_of_floats(labels: np.ndarray, name: str, values: str, beside: Sequence[str]) -> str:
    rule = f"{labels.dtype} must be class ids 0..K-1, as integers"
    as_ids = f"{name} = {name}.astype('int64')"
    is_missing = np.isnan(labels)
    not_ids = labels[~is_missing & (labels != np.round(labels))]
    if not_ids.size or np.isinf(labels).any():
        return f"{rule}; {[*not_ids, 'inf'][0]} is not one"
    if is_missing.any():
        statements = f"{drop(f'~numpy.isnan({values})', beside)}; {as_ids}"
        return f"{rule}; drop {is_missing.sum()} unlabelled examples: `{statements}`"
    return f"{rule}; save `{as_ids}`"


def _fault_of_words(
    labels: np.ndarray, name: str, values: str, beside: Sequence[str]
) -> str | None:
    try:
        words = np.unique(decoded(labels)).tolist()
    except UnicodeDecodeError:
        fix = f"{name} = numpy.char.decode({name}, 'latin-1')"
        return f"holds bytes that are not UTF-8; if they are Latin-1, save `{fix}`"
    except (ValueError, SystemError):  # of NumPy, over numbers that are no characters
        return "holds text that is not Unicode"
    if "" in words:
        nothing = "''" if labels.dtype.kind == "U" else "b''"
        keep = drop(f"{values} != {nothing}", beside)
        return f"has {int((np.char.str_len(labels) == 0).sum())} empty words; drop them: `{keep}`"
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
