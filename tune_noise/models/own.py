"""A user's own network, `package.module:factory`, trained as a stack like the built-in ones.

The factory is called as `factory(input_shape, num_classes)` and returns any `nn.Module` from float
[batch, *input_shape] to logits [batch, K].
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.parameter import is_lazy

from tune_noise.declaration import DeclarationError, import_object
from tune_noise.models.layers import own_inputs
from tune_noise.models.stack import per_member

InputShape = tuple[int, ...]
Factory = Callable[..., nn.Module]
# Of the batch that a network is tried with: more than 1, for batch norm.
TRIED_IMAGES = 4


class FactoryError(ValueError):
    """A user's factory cannot be imported, or does not make a network that can be trained here."""


def import_factory(path: str) -> Factory:
    """Return the function that `package.module:factory` names; importing runs the module's code.

    Raises:
        FactoryError: there is no such module or function.
    """
    try:
        factory: Factory = import_object(path)
    except DeclarationError as error:
        raise FactoryError(str(error)) from error
    if not callable(factory):
        raise FactoryError(f"{path!r}: it must be a class or a function")
    return factory


def try_factory(path: str, input_shape: InputShape, num_classes: int, **fields: Any) -> None:
    """Make a network of a factory and pass a few images through it.

    Args:
        path: `package.module:factory`.
        input_shape: (C, H, W) of pictures, (D,) of features.
        num_classes: K.
        **fields: the values of the fields that the factory declares.

    Raises:
        FactoryError: something about it is not as it must be; the message says what.
    """
    shape = (TRIED_IMAGES, *input_shape)
    network = StackedOwn(path, 1, input_shape, num_classes, **fields)
    random = torch.Generator().manual_seed(0)
    network.reset_member(0, random)
    images = torch.randn(1, *shape, generator=random)
    for mode in (True, False):
        try:
            with torch.no_grad():
                logits = network.train(mode)(images)[0]
        except FactoryError:
            raise
        except Exception as error:
            raise FactoryError(
                f"{path!r}: its network fails on float images {list(shape)} in "
                f"{'training' if mode else 'evaluation'} mode: {_one_line(error)}"
            ) from error
        if logits.shape != (TRIED_IMAGES, num_classes):
            raise FactoryError(
                f"{path!r}: its network must map float images {list(shape)} to logits "
                f"{[TRIED_IMAGES, num_classes]}, one per class; it gives {list(logits.shape)}"
            )


class StackedOwn(nn.Module):
    """M networks of a user's factory; parameters and buffers carry a leading member dimension.

    They have the names they have in the user's module. Members are run one after another through
    one instance of it. What it draws with torch while it trains, as dropout does, comes from a
    generator state of each member's own; NumPy's and Python's generators are not its to use.

    Args:
        path: `package.module:factory`.
        members: M.
        input_shape: (C, H, W) of pictures, (D,) of features.
        num_classes: K.
        **fields: the values of the fields that the factory declares.

    Raises:
        FactoryError: see `import_factory`; or what the factory gives is no trainable network.
    """

    def __init__(
        self, path: str, members: int, input_shape: InputShape, num_classes: int, **fields: Any
    ) -> None:
        """Allocate parameters and buffers; `reset_member` gives them values."""
        super().__init__()
        self._path, self._members = path, members
        self._factory = partial(import_factory(path), **fields)
        self._arguments = (input_shape, num_classes)
        template = self._made(seed=0)
        # In a tuple, so that torch does not take its parameters for ours.
        self._template = (template,)
        for name, value in template.named_parameters():
            stacked = nn.Parameter(_stacked(value, members), requires_grad=value.requires_grad)
            _holder(self, name).register_parameter(_leaf(name), stacked)
        for name, buffer in template.named_buffers():
            # Persistent ones or not: a resumed trial must find them.
            _holder(self, name).register_buffer(_leaf(name), _stacked(buffer, members))
        self._states: list[Tensor] = []

    def _made(self, *, seed: int) -> nn.Module:
        """Return a network of the factory, initialised from a seed; no global generator moves."""
        try:
            with _own_random(torch.device("cpu")):
                torch.default_generator.manual_seed(seed)
                network = self._factory(*self._arguments)
        except Exception as error:
            shape, num_classes = self._arguments
            raise FactoryError(
                f"{self._path!r}: called with input_shape={shape}, num_classes={num_classes} it "
                f"raised {_one_line(error)}"
            ) from error
        _check_network(self._path, network)
        return network

    def draw_from(self, generators: Sequence[torch.Generator]) -> None:
        """Let each member draw from a state of its own, which its generator seeds."""
        seeds = [int(torch.randint(2**62, (), generator=generator)) for generator in generators]
        self._states = [_random_state(seed, self._device) for seed in seeds]

    @property
    def _device(self) -> torch.device:
        return next(self.parameters()).device

    def forward(self, x: Tensor) -> Tensor:
        """Map float [M or G, batch, C, H, W] to logits [M, batch, K]."""
        [template] = self._template
        if template.training != self.training:
            template.train(self.training)
        images = own_inputs(x, self._members)
        return per_member(lambda m: self._run(m, images[m]), self._members)

    def _run(self, m: int, images: Tensor) -> Tensor:
        [template], device = self._template, self._device
        buffers = {name: value[m] for name, value in self.named_buffers()}
        for name, view in buffers.items():
            _holder(template, name)._buffers[_leaf(name)] = view
        parameters = {name: value[m] for name, value in self.named_parameters()}
        with _own_random(device):
            # What is evaluated repeats itself, whatever it draws.
            is_drawn = self.training and bool(self._states)
            generator = _global_generator(device)
            generator.set_state(self._states[m] if is_drawn else _random_state(0, device))
            logits = functional_call(template, parameters, (images,))
            if is_drawn:
                self._states[m] = generator.get_state()
        # Those changed in place have changed here; one that was replaced is copied.
        for name, view in buffers.items():
            now = _holder(template, name)._buffers[_leaf(name)]
            if now is not None and now is not view:
                view.copy_(now.detach())
        if not isinstance(logits, Tensor):
            raise FactoryError(
                f"{self._path!r}: its network must give one tensor of logits, not "
                f"{type(logits).__name__}"
            )
        return logits.float()

    def reset_member(self, member: int, random: torch.Generator) -> None:
        """Give one member the values of a network freshly made by the factory."""
        fresh = self._made(seed=int(torch.randint(2**62, (), generator=random)))
        values = dict(fresh.named_parameters()) | dict(fresh.named_buffers())
        with torch.no_grad():
            for name, stacked in (*self.named_parameters(), *self.named_buffers()):
                if name not in values or values[name].shape != stacked.shape[1:]:
                    raise FactoryError(
                        f"{self._path!r}: must give the same network every time; {name} differs"
                    )
                stacked[member].copy_(values[name])


def _check_network(path: str, network: object) -> None:
    if not isinstance(network, nn.Module):
        raise FactoryError(f"{path!r}: must return an nn.Module, not {type(network).__name__}")
    tensors = [*network.parameters(), *network.buffers()]
    if any(is_lazy(value) for value in tensors):
        raise FactoryError(
            f"{path!r}: has lazy parameters; pass an image through it in the factory"
        )
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise FactoryError(f"{path!r}: its network has no parameter to train")
    if any(not value.is_floating_point() for value in network.parameters()):
        raise FactoryError(f"{path!r}: its network has parameters that are not real numbers")


def _stacked(value: Tensor, members: int) -> Tensor:
    return torch.zeros((members, *value.shape), dtype=value.dtype)


def _leaf(name: str) -> str:
    """Return `weight` of `block.conv.weight`."""
    return name.rpartition(".")[2]


def _holder(root: nn.Module, name: str) -> nn.Module:
    """Return the module that holds `block.conv.weight`; make it where it is missing."""
    module = root
    for part in name.split(".")[:-1]:
        if part not in module._modules:
            module.add_module(part, nn.Module())
        module = module.get_submodule(part)
    return module


@contextmanager
def _own_random(device: torch.device) -> Iterator[None]:
    """Restore torch's global generators at the end, whatever is drawn or seeded inside."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield


def _global_generator(device: torch.device) -> torch.Generator:
    if device.type == "cuda":
        torch.cuda.init()  # type: ignore[no-untyped-call]
        generator: torch.Generator = torch.cuda.default_generators[device.index or 0]
        return generator
    return torch.default_generator


def _random_state(seed: int, device: torch.device) -> Tensor:
    return torch.Generator(device).manual_seed(seed).get_state()


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__
