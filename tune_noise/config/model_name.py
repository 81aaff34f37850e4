"""Which networks a configuration may name: the built-in ones, or a user's own by its path."""

import re
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator

from tune_noise.errors import suggestion

ModelName = Literal[
    "perceptron", "mlp1", "mlp2", "mlp4", "conv4", "conv6", "conv9_small", "conv9", "resnet18"
]
MAX_PATH_LETTERS = 200
_WORD = "[A-Za-z_][A-Za-z0-9_]*"
_PATH = re.compile(rf"{_WORD}(\.{_WORD})*:{_WORD}")


def is_own_model(name: str) -> bool:
    """Whether a model is a user's own, `package.module:factory`."""
    return ":" in name


def check_model(name: str) -> str:
    """Return name if it is a built-in network or looks like the path of a factory, else raise.

    Nothing is imported: whether there is such a factory is tried before a search starts.

    Example:
        >>> check_model("my_networks.small:build")
        'my_networks.small:build'
    """
    known = get_args(ModelName)
    if name in known:
        return name
    if is_own_model(name):
        if _PATH.fullmatch(name) and len(name) <= MAX_PATH_LETTERS:
            return name
        raise ValueError(
            f"{name[:60]!r} must be written package.module:factory, in letters, digits and "
            f"underscores, at most {MAX_PATH_LETTERS} of them"
        )
    close = suggestion(name, known)
    hint = f"; {close}" if close.startswith("did") else ""
    raise ValueError(
        f"{name[:60]!r} is not one of {', '.join(known)}, nor package.module:factory for a network "
        f"of your own{hint}"
    )


Model = Annotated[str, AfterValidator(check_model)]
