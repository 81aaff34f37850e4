"""A fitted encoder as two files, encoder.json and encoder.safetensors: nothing is a pickle."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tune_noise.data.encoders.chosen import ChosenEncoder, choose_encoder
from tune_noise.data.encoders.protocol import FittedEncoder, State
from tune_noise.errors import DataError
from tune_noise.system.files import replace_file

ENCODER_FILE = "encoder.json"
ARRAYS_FILE = "encoder.safetensors"
_MAX_BYTES = 2_000_000_000


def save_encoder(folder: Path, about: Mapping[str, Any], state: State | None) -> None:
    """Write an encoder's files into a folder that exists.

    Args:
        folder: e.g. that of a winner.
        about: `Dataset.encoder`, or `ChosenEncoder.about`.
        state: `Dataset.encoder_state`; None: it has learnt nothing.
    """
    from safetensors.numpy import save

    arrays, values = state or ({}, {})
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    replace_file(folder / ARRAYS_FILE, save(whole))
    # Last, as it is what a reader asks for first.
    text = json.dumps({**about, "learnt": values if state is not None else None}, indent=2)
    replace_file(folder / ENCODER_FILE, text.encode("utf-8", "surrogatepass"))


def load_encoder(folder: Path, *, own_encoder: str | None = None) -> ChosenEncoder:
    """Read an encoder that `save_encoder` wrote; it encodes what the first one did alike.

    Args:
        folder: that holds its files.
        own_encoder: `package.module:factory`, where the encoder is a user's own: reading it runs
            that code, so the folder alone must not say which.

    Raises:
        DataError: the files are not there, damaged, or name code that was not allowed; or a library
            or the weights of the encoder are not there.
    """
    try:
        about = json.loads(_content(folder / ENCODER_FILE).decode("utf-8", "surrogatepass"))
        name = about["name"]
        if ":" in name and name != own_encoder:
            raise DataError(
                f"{folder}: {ENCODER_FILE} names {name!r}, an encoder of your own; to run that "
                f"code, name it: own_encoder={name!r}"
            )
        chosen = choose_encoder({**about["fields"], "name": name}, about["takes"])
        if chosen is None:
            raise ValueError(f"no encoder takes {about['takes']}")
        if chosen.version.get("weights") != about["version"].get("weights"):
            raise DataError(f"{folder}: the weights of {name} are not those that it was made with")
        return _with_state(chosen, state_in(folder))
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise DataError(f"{folder}: not an encoder written by tune_noise: {error}") from None


def state_in(folder: Path) -> State | None:
    """Return what an encoder has learnt, from its files; None where it learns nothing.

    Raises:
        ValueError: the files are damaged.
        OSError: they are not there.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    values = json.loads(_content(folder / ENCODER_FILE).decode("utf-8", "surrogatepass"))["learnt"]
    if values is None:
        return None
    try:
        return load(_content(folder / ARRAYS_FILE)), values
    except SafetensorError as error:
        raise ValueError(f"{ARRAYS_FILE}: {error}") from None


def _with_state(chosen: ChosenEncoder, state: State | None) -> ChosenEncoder:
    if isinstance(chosen.encoder, FittedEncoder):
        if state is None:
            raise ValueError(f"{ENCODER_FILE} does not say what {chosen.name} learnt")
        chosen.encoder.load_state(state)
    return chosen


def _content(path: Path) -> bytes:
    if not path.is_file():  # a pipe or a device might never end
        raise ValueError(f"there is no file {path.name}")
    if path.stat().st_size > _MAX_BYTES:
        raise ValueError(f"{path.name} is larger than an encoder could be")
    return path.read_bytes()
