"""The names that people give to the arrays of a data set, and what each of them is read as.

A file may name its arrays as this project does, or as one of `CONVENTIONS`. Nothing else is
guessed: where two arrays of a file could be the same, both readings are shown and neither is taken.
"""

from collections.abc import Collection, Mapping

from tune_noise.errors import Problem

# What each array of a data set is called here.
ROLES: tuple[str, ...] = (
    *("images", "labels", "true_labels"),
    *("val_images", "val_labels", "val_true_labels"),
    *("test_images", "test_labels", "class_names"),
    *("ids", "val_ids", "test_ids"),
)
# Names of our own for inputs that are vectors of numbers -> what they are read as beside labels.
FEATURES: Mapping[str, str] = {
    **{"features": "images", "val_features": "val_images", "test_features": "test_images"},
}
# Convention -> name of an array in a file -> its role.
CONVENTIONS: Mapping[str, Mapping[str, str]] = {
    "MedMNIST": {
        **{"train_images": "images", "train_labels": "labels"},
        **{"val_images": "val_images", "val_labels": "val_labels"},
        **{"test_images": "test_images", "test_labels": "test_labels"},
    },
    "Keras": {
        **{"x_train": "images", "y_train": "labels"},
        **{"x_val": "val_images", "y_val": "val_labels"},
        **{"x_valid": "val_images", "y_valid": "val_labels"},
        **{"x_test": "test_images", "y_test": "test_labels"},
    },
    "scikit-learn": {
        **{"X_train": "images", "y_train": "labels"},
        **{"X_val": "val_images", "y_val": "val_labels"},
        **{"X_valid": "val_images", "y_valid": "val_labels"},
        **{"X_test": "test_images", "y_test": "test_labels"},
    },
    "a Bunch of scikit-learn": {
        **{"data": "images", "target": "labels", "target_names": "class_names"},
    },
    "data and labels": {"data": "images", "labels": "labels"},
    "X and y": {"X": "images", "y": "labels"},
    "x and y": {"x": "images", "y": "labels"},
    "input_data and target_data": {"input_data": "images", "target_data": "labels"},
    "noisy and clean labels": {"noisy_labels": "labels", "clean_labels": "true_labels"},
}
_OWN: Mapping[str, str] = {**{role: role for role in ROLES}, **FEATURES}
_ROLE_OF: Mapping[str, str] = {
    **_OWN,
    **{name: role for convention in CONVENTIONS.values() for name, role in convention.items()},
}
KNOWN_NAMES: tuple[str, ...] = tuple(_ROLE_OF)


def read_roles(present: Collection[str]) -> tuple[dict[str, str], list[Problem]]:
    """Return what each array of a file is read as: role -> its name in the file.

    Args:
        present: the names of a file's arrays, all of `KNOWN_NAMES`.

    Returns:
        The names in the order of `ROLES`, and a problem for each role that two arrays could have.

    Example:
        >>> read_roles(["y_train", "x_train"])
        ({'images': 'x_train', 'labels': 'y_train'}, [])
    """
    names, problems = {}, []
    for role in ROLES:
        readings = sorted(name for name in present if _ROLE_OF[name] == role)
        if readings:
            names[role] = readings[0]
        if len(readings) > 1:
            others = " and ".join(readings[1:])
            fault = f"and {others} can each be read as {role}: leave all but one of them out"
            problems.append(Problem(readings[0], fault))
    return names, problems


def role_of(name: str) -> str | None:
    """Return what an array of this name is read as; None for a name that is not known."""
    return _ROLE_OF.get(name)


def name_for(role: str, names: Mapping[str, str]) -> str:
    """Return the name of an array in a file, or the one that it would have among the others.

    Example:
        >>> name_for("labels", {"images": "x_train"})
        'y_train'
    """
    if role in names:
        return names[role]
    convention = CONVENTIONS.get(_convention(names) or "", {})
    return next((name for name, its_role in convention.items() if its_role == role), role)


def describe_reading(names: Mapping[str, str]) -> str | None:
    """Return how the names of a file were understood; None where they say it themselves.

    Args:
        names: role -> name in the file, as `read_roles` returns them.

    Example:
        >>> describe_reading({"images": "data", "labels": "target"})
        'read data as images, target as labels (a Bunch of scikit-learn)'
    """
    parts = [
        f"{name} as {role}"
        for role, name in names.items()
        if _OWN.get(name) != role and not role.startswith(("val_", "test_"))
    ]
    is_renamed = any(_OWN.get(name) != role for role, name in names.items())
    for prefix, split in (("val_", "the validation split"), ("test_", "the test set")):
        of_split = [name for role, name in names.items() if role.startswith(prefix)]
        # A test set was always read; of its usual names there is nothing to say.
        if of_split and (is_renamed or prefix == "val_"):
            parts.append(f"{', '.join(of_split)} as {split}")
    if not parts:
        return None
    convention = _convention(names)
    return f"read {', '.join(parts)}" + (f" ({convention})" if convention else "")


def _convention(names: Mapping[str, str]) -> str | None:
    """Return the convention that a file keeps to; None for our own names, or a mixture."""
    if all(_OWN.get(name) == role for role, name in names.items()):
        return None
    for convention, known in CONVENTIONS.items():
        if all(
            known.get(name) == role or role not in known.values() for role, name in names.items()
        ):
            return convention
    return None
