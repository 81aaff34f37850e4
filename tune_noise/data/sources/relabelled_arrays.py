"""Write arrays again with other labels: their names, order, shapes and types stay as they are."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tune_noise.data.npz_names import KNOWN_NAMES, read_roles


def relabel_npz(
    path: Path, target: Path, words: Mapping[str, Mapping[int, str]], class_names: Sequence[str]
) -> None:
    """Write an .npz file with other labels.

    Args:
        path: of the file.
        target: where it is written.
        words: role of an array (`labels`, `val_labels`) -> row -> word.
        class_names: the words of the classes, in the order of their numbers.

    Raises:
        OSError: the target cannot be written.
    """
    with zipfile.ZipFile(path) as archive:
        is_compressed = any(one.compress_type for one in archive.infolist())
        # Names alone are matched: whether the file is a sound one was checked when it was read.
        names = [name.filename.removesuffix(".npy") for name in archive.infolist()]
    roles, _ = read_roles([name for name in names if name in KNOWN_NAMES])
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in names}
    numbered = class_names if "class_names" in roles else None
    for role, changes in words.items():
        name = roles[role]
        arrays[name] = relabelled(arrays[name], changes, numbered)
    write = np.savez_compressed if is_compressed else np.savez
    with target.open("wb") as output:
        write(output, **arrays)


def relabel_npy(path: Path, target: Path, words: Mapping[int, str]) -> None:
    """Write an .npy file of labels with others."""
    with target.open("wb") as output:
        np.save(output, relabelled(np.load(path, allow_pickle=False), words))


def relabelled(
    labels: np.ndarray, words: Mapping[int, str], class_names: Sequence[str] | None = None
) -> np.ndarray:
    """Return labels with other ones in some rows, in the same form.

    Args:
        labels: words or numbers, [N] or [N, 1], or one-hot [N, K].
        words: row -> word.
        class_names: the words that numbers stand for; None where a number is its own word.

    Example:
        >>> relabelled(np.array([0, 1, 1]), {2: "dog"}, ["dog", "cat"])
        array([0, 1, 0])
        >>> relabelled(np.array(["cat", "cat"]), {0: "horse"})
        array(['horse', 'cat'], dtype='<U5')
    """
    rows, names = list(words), list(words.values())
    if labels.dtype.kind in "US":
        new = np.array(names)
        new = np.char.encode(new, "utf-8") if labels.dtype.kind == "S" else new
        changed = labels.astype(np.promote_types(labels.dtype, new.dtype))
    else:
        new = np.array([int(n) if class_names is None else class_names.index(n) for n in names])
        changed = labels.copy()
    if labels.ndim == 2 and labels.shape[1] > 1:
        changed[rows] = 0
        changed[rows, new.astype(np.int64)] = 1
    else:
        changed[rows] = new.reshape(-1, *[1] * (labels.ndim - 1))
    return changed
