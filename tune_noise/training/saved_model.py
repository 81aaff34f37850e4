"""A trained model as a folder: weights.safetensors and config.json; `predict` works on it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

import torch
from pydantic import Field, FiniteFloat, ValidationError, model_validator
from safetensors.torch import load, save
from torch import Tensor, nn

from tune_noise.config.declared import WORDS, is_loaded, is_path, network, network_path
from tune_noise.config.frozen import Frozen
from tune_noise.config.problems import problems_of
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.data.encoders.chosen import ChosenEncoder
from tune_noise.data.encoders.stored import load_encoder, save_encoder
from tune_noise.data.sources.raw import RawForm
from tune_noise.errors import DataError
from tune_noise.models.networks import build_network
from tune_noise.system.files import expand_home, replace_file
from tune_noise.training.checkpoint import UNREADABLE
from tune_noise.training.labelled_data import fitted_scaling
from tune_noise.training.prediction import SavedModel

WEIGHTS_FILE = "weights.safetensors"
CONFIG_FILE = "config.json"
MAX_CONFIG_BYTES = 10_000_000
_A_WORD = {family: f"a {word}" for family, word in WORDS.items()} | {"encoder": "an encoder"}
_MAX_HEADER_BYTES = 1_000_000
# A network calculates in float32, where a larger number is infinite.
_LARGEST = torch.finfo(torch.float32).max
_Size = Annotated[int, Field(ge=1, le=2**20)]


def save_model(
    folder: Path,
    weights: dict[str, Tensor],
    config: TrialConfig,
    dataset: Dataset,
    about: Mapping[str, Any],
) -> None:
    """Write a model's folder; each of its files is the old or the whole new one at any time.

    Args:
        folder: made if it does not exist.
        weights: of one replicate, each [P, ...].
        config: what was trained.
        dataset: what it was trained on: shape, classes and normalisation are kept.
        about: further plain values for config.json.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = save({name: value.contiguous() for name, value in weights.items()})
    replace_file(folder / WEIGHTS_FILE, tensors)
    scaling = fitted_scaling(dataset, config)
    facts = {
        "config": config.to_plain(),
        "input_shape": list(dataset.input_shape),
        "num_classes": dataset.num_classes,
        "mean": scaling.mean.tolist(),
        "std": scaling.std.tolist(),
    }
    if dataset.class_names is not None:
        facts["class_names"] = list(dataset.class_names)
    if dataset.form is not None:
        facts["form"] = dataset.form.to_plain()
    if dataset.encoder is not None:
        facts["encoder"] = dict(dataset.encoder)
        save_encoder(folder, dataset.encoder, dataset.encoder_state)
    _write_about(folder, {**facts, **about})


def describe_model(
    folder: Path, about: Mapping[str, Any], *, own_network: str | None = None
) -> None:
    """Say something newer of a model whose folder is whole.

    Args:
        folder: of the model.
        own_network: see `load_model`.
        about: plain values that take the place of those of the same name in config.json.

    Raises:
        OSError: the folder cannot be written.
    """
    _write_about(folder, {**load_model(folder, own_network=own_network).about, **about})


def _write_about(folder: Path, about: Mapping[str, Any]) -> None:
    text = json.dumps(about, indent=2, allow_nan=False)
    replace_file(folder / CONFIG_FILE, f"{text}\n".encode())


def load_model(folder: str | Path, *, own_network: str | None = None) -> SavedModel:
    """Read a model's folder, e.g. `runs/uniform/winners/alpha=5`; no code in it is run.

    Args:
        folder: of the model.
        own_network: `package.module:factory`, where the model is a network of your own: its code
            runs, so the folder alone must not say which. An encoder, a method or a noise of your
            own must be named as well, after a comma; the last two not if they are loaded already.

    Raises:
        DataError: the folder is not that of a model, whatever its files hold; or it is one of a
            network of your own other than `own_network`, or which cannot be imported here.
    """
    folder = Path(expand_home(str(folder)))
    try:
        about = _read_about(folder / CONFIG_FILE)
        _check_own(about, own_network)
        facts = _Facts.model_validate({k: v for k, v in about.items() if k in _Facts.model_fields})
        # Meta takes no memory: the file may name a network of any size; a user's code may want it.
        with torch.device("cpu" if is_path(facts.config.model) else "meta"):
            expected = _build(facts).state_dict()
        weights = _read_weights(folder / WEIGHTS_FILE, expected)
        if not _are_alike(weights, expected):
            raise ValueError(
                f"the tensors in {WEIGHTS_FILE} are not those of the {facts.config.model} that "
                f"{CONFIG_FILE} names"
            )
        network = _build(facts)
        network.load_state_dict(weights)
        form = _form(facts)
        chosen = _load_encoder(folder, about, form)
    except ValidationError as error:
        problems = "; ".join(f"{p.place} {p.message}" for p in problems_of(error))
        raise _not_a_model(folder, f"{CONFIG_FILE}: {problems}") from None
    except (*UNREADABLE, OSError) as error:
        reason = str(error).partition("\nframe #")[0]  # without torch's C++ stack
        raise _not_a_model(folder, reason or type(error).__name__) from None
    if chosen is None:
        return SavedModel(facts.config, network.eval(), about, form)
    warnings = _changes(about["encoder"].get("version"), chosen)
    return SavedModel(facts.config, network.eval(), about, form, chosen.encoder, warnings)


def _check_own(about: Mapping[str, Any], own_network: str | None) -> None:
    """Check that the user has named all code that reading a model would run.

    Raises:
        ValueError: a network, a method, a noise or an encoder of the user's own is not among them.
    """
    config = about.get("config")
    values = config if isinstance(config, dict) else {}
    paths = [
        (family, path)
        for family in WORDS
        if isinstance(path := values.get(family), str)
        and is_path(path)
        # A network must be named even where this process has loaded it.
        and (family == "model" or not is_loaded(family, path))
    ]
    if is_path(encoder := _encoder_name(about) or ""):
        paths.append(("encoder", encoder))
    allowed = (own_network or "").split(",")
    for family, path in paths:
        if path not in allowed:
            names = ",".join(path for _, path in paths)
            raise ValueError(
                f"{CONFIG_FILE} names {path!r}, {_A_WORD[family]} of your own; to run that code, "
                f"load_model(folder, own_network={names!r})"
            )


class _Facts(Frozen):
    """What a model's configuration file must say."""

    config: TrialConfig
    input_shape: list[_Size]
    num_classes: int = Field(ge=2, le=2**20)
    mean: list[Annotated[FiniteFloat, Field(ge=-_LARGEST, le=_LARGEST)]]
    std: list[Annotated[FiniteFloat, Field(gt=0.0, le=_LARGEST)]]
    class_names: list[str] | None = None
    form: RawForm | None = None

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if len(self.input_shape) not in (1, 3):
            raise ValueError("input_shape must be [C, H, W] of pictures, or [D] of features")
        width = self.input_shape[0]
        if not len(self.mean) == len(self.std) == width:
            of = "features" if len(self.input_shape) == 1 else "channels"
            raise ValueError(f"input_shape has {width} {of}; mean and std must have as many")
        if len(self.input_shape) == 3 and not all(0.0 <= value <= 1.0 for value in self.mean):
            raise ValueError("mean of pictures must be in 0..1")
        if self.class_names is not None and len(set(self.class_names)) != self.num_classes:
            raise ValueError(f"class_names must be {self.num_classes} different names")
        if not all(name.isprintable() for name in self.class_names or ()):
            raise ValueError("class_names must be printable")
        least = network(self.config.model).min_image_size
        if len(self.input_shape) == 3 and min(self.input_shape[1:]) < least:
            raise ValueError(f"input_shape must be at least {least} x {least} pixels")
        return self


def _form(facts: _Facts) -> RawForm:
    """Return what raw inputs look like; of an older folder or a named data set, an array."""
    is_vector = len(facts.input_shape) == 1
    return facts.form or RawForm(kind="features" if is_vector else "pixels")


def _load_encoder(folder: Path, about: Mapping[str, Any], form: RawForm) -> ChosenEncoder | None:
    """Read what makes inputs of raw ones; None where they are used as they come.

    Raises:
        DataError: its files cannot be read, or its library is not here.
        ValueError: it is another encoder than the configuration file names.
    """
    if form.kind in ("features", "pixels"):
        return None
    name = _encoder_name(about)
    # A path that is named here has been allowed.
    chosen = load_encoder(folder, own_encoder=name)
    if chosen.name != name:
        raise ValueError(f"{CONFIG_FILE} names the encoder {name!r}, but there is {chosen.name!r}")
    return chosen


def _encoder_name(about: Mapping[str, Any]) -> str | None:
    encoder = about.get("encoder")
    name = encoder.get("name") if isinstance(encoder, dict) else None
    return name if isinstance(name, str) else None


def _changes(recorded: object, chosen: ChosenEncoder) -> tuple[str, ...]:
    """Return a sentence for each thing that an encoder depends on and that is another one here."""
    before = recorded if isinstance(recorded, dict) else {}
    return tuple(
        f"the encoder {chosen.name} was made with {what} {before[what]}, and here it is "
        f"{chosen.version.get(what)}: what it makes may differ a little from what was trained on"
        for what in before
        if before[what] != chosen.version.get(what)
    )


def _build(facts: _Facts) -> nn.Module:
    return build_network(
        network_path(facts.config.model),
        members=facts.config.num_members,
        input_shape=tuple(facts.input_shape),
        num_classes=facts.num_classes,
        **facts.config.declared_values("model"),
    )


def _read_about(path: Path) -> dict[str, Any]:
    about = json.loads(_read_file(path, max_bytes=MAX_CONFIG_BYTES).decode("utf-8"))
    if not isinstance(about, dict):
        raise ValueError(f"{CONFIG_FILE} is not a mapping")
    if "image_shape" in about:  # as it was called when every input was a picture
        about["input_shape"] = about.pop("image_shape")
    return about


def _read_weights(path: Path, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Read the weights; a file that is too large for the network is not read at all."""
    num_bytes = sum(tensor.numel() * tensor.element_size() for tensor in expected.values())
    return load(_read_file(path, max_bytes=num_bytes + _MAX_HEADER_BYTES))


def _are_alike(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> bool:
    """Return whether two sets of tensors have the same names, shapes and types."""
    described = [{k: (v.shape, v.dtype) for k, v in tensors.items()} for tensors in (first, second)]
    return described[0] == described[1]


def _read_file(path: Path, *, max_bytes: int) -> bytes:
    if not path.is_file():  # a pipe or a device might never end
        raise ValueError(f"there is no file {path.name}")
    if path.stat().st_size > max_bytes:
        raise ValueError(f"{path.name} is larger than that of this network could be")
    return path.read_bytes()


def _not_a_model(folder: Path, reason: str) -> DataError:
    return DataError(f"{folder}: not a model written by tune_noise: {reason}")
