"""Raw inputs encoded once: block by block into the cache, from where all processes map them.

`CACHE/encoded/KEY/` holds `inputs.npy`, and what the encoder has learnt. Until all blocks are there
each is a file of its own, so that an encoding that was killed goes on where it was.
"""

import errno
import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tune_noise.data.encoders.chosen import ChosenEncoder
from tune_noise.data.encoders.protocol import Encoder, FittedEncoder, State
from tune_noise.data.encoders.stored import ENCODER_FILE, save_encoder, state_in
from tune_noise.data.progress import with_progress
from tune_noise.errors import DataError, StorageError, TuneNoiseError
from tune_noise.system.files import replacement
from tune_noise.system.lock import take_lock

# What is lost when an encoding is killed.
BLOCK_EXAMPLES = 500
# Timed for an estimate: the first examples (of an encoder that is fitted, enough for the features
# that it will make), and how long a measurement should take.
_TIMED_EXAMPLES, _TIMED_FITTED = 8, 1000
_TIMED_SECONDS = 1.0
_TRIED_EXAMPLES = 3
INPUTS_FILE = "inputs.npy"

# Encodes so many blocks of raw inputs and yields them in their order, e.g. on other machines.
Executor = Callable[[Encoder, Iterable[Any], int], Iterable[np.ndarray]]


def one_after_another(encoder: Encoder, blocks: Iterable[Any], count: int) -> Iterator[np.ndarray]:
    """Encode blocks in this process."""
    return map(encoder.encode, blocks)


@dataclass(frozen=True, eq=False)
class Encoding:
    """The encoding of some raw inputs, done or still to do.

    Attributes:
        chosen: the encoder.
        inputs: all raw inputs: an array of text, or a DataFrame.
        digests: S16 [N], of each raw input.
        fitted_on: int64, the examples of the training part.
        num_labelled: how many, the first ones, train, validate or test.
        cache_dir: the folder of the cache.
    """

    chosen: ChosenEncoder
    inputs: Any
    digests: np.ndarray
    fitted_on: np.ndarray
    num_labelled: int
    cache_dir: Path

    @cached_property
    def is_fitted(self) -> bool:
        """Whether the encoder learns something from the training part."""
        return isinstance(self.chosen.encoder, FittedEncoder)

    @cached_property
    def about(self) -> dict[str, Any]:
        """Plain values that say all of the encoder; see `Dataset.encoder`."""
        digest = hashlib.sha256(json.dumps(self.chosen.about, sort_keys=True).encode())
        if self.is_fitted:
            digest.update(np.ascontiguousarray(self.digests[self.fitted_on]).data)
        digest.update(np.ascontiguousarray(self.digests[: self.num_labelled]).data)
        return self.chosen.about | {"digest": digest.hexdigest()[:32]}

    @cached_property
    def folder(self) -> Path:
        """The folder of the cache that holds, or will hold, the encoded inputs."""
        key = hashlib.sha256(self.about["digest"].encode())
        key.update(np.ascontiguousarray(self.digests[self.num_labelled :]).data)
        return self.cache_dir / "encoded" / key.hexdigest()[:32]

    @property
    def is_cached(self) -> bool:
        """Whether nothing is left to do."""
        return (self.folder / INPUTS_FILE).exists()

    def probe(self) -> tuple[float, np.ndarray]:
        """Encode a few examples; more and more, until that takes long enough to be measured.

        An encoder that is fitted is fitted on them, so its time and its number of features are
        only roughly known.

        Returns:
            (about how many seconds the encoding will take in this process, some encoded inputs).
        """
        if self.is_cached:
            return 0.0, np.load(self.folder / INPUTS_FILE, mmap_mode="r")[:1]
        size = _TIMED_FITTED if self.is_fitted else _TIMED_EXAMPLES
        self._timed(size)  # what is slow the first time, such as an import, counts for nothing
        seconds, block = self._timed(size)
        while seconds < _TIMED_SECONDS and size < len(self.fitted_on):
            size *= 2
            seconds, block = self._timed(size)
        return seconds / len(block) * len(self.inputs), block

    def _timed(self, size: int) -> tuple[float, np.ndarray]:
        some = _rows(self.inputs, self.fitted_on[:size])
        started = time.perf_counter()
        if isinstance(self.chosen.encoder, FittedEncoder):
            self._tried(self.chosen.encoder.fit, some)
        block = _checked(self.chosen.name, self._tried(self.chosen.encoder.encode, some))
        return time.perf_counter() - started, block

    def run(self, executor: Executor = one_after_another) -> tuple[np.ndarray, State | None]:
        """Encode what is not encoded yet.

        Returns:
            (float32 [N, D] or uint8 [N, C, H, W], memory-mapped; what the encoder learnt).

        Raises:
            DataError: the encoder fails, or gives what no network takes.
            StorageError: the cache cannot be written.
        """
        folder = self.folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # Another search may be at it: then this one waits, and finds all done.
            with take_lock(folder / ".lock"):
                if not self.is_cached:
                    self._fit(folder)
                    self._encode(folder, executor)
            return np.load(folder / INPUTS_FILE, mmap_mode="r").view(np.ndarray), state_in(folder)
        except OSError as error:
            raise StorageError(
                f"{folder} cannot be used ({error.strerror or error}): make room, or name another "
                "folder by TUNE_NOISE_DATA; what was encoded is kept"
            ) from error
        except ValueError as error:
            raise DataError(f"{folder} is damaged ({error}): remove it, and start again") from None

    def _fit(self, folder: Path) -> None:
        encoder = self.chosen.encoder
        if (folder / ENCODER_FILE).exists():
            # The blocks that are there were made by what was learnt then.
            if isinstance(encoder, FittedEncoder):
                state = state_in(folder)
                assert state is not None
                encoder.load_state(state)
            return
        state = None
        if isinstance(encoder, FittedEncoder):
            self._tried(encoder.fit, _rows(self.inputs, self.fitted_on))
            state = encoder.state()
        save_encoder(folder, self.about, state)

    def _encode(self, folder: Path, executor: Executor) -> None:
        blocks = folder / "blocks"
        blocks.mkdir(exist_ok=True)
        total = len(self.inputs)
        starts = range(0, total, BLOCK_EXAMPLES)
        files = {start: blocks / f"{start:012d}.npy" for start in starts}
        missing = [start for start, file in files.items() if not file.exists()]
        first = _rows(self.inputs, np.arange(min(_TRIED_EXAMPLES, total)))
        expected = _checked(self.chosen.name, self._tried(self.chosen.encoder.encode, first))
        raw = (_rows(self.inputs, np.arange(s, min(s + BLOCK_EXAMPLES, total))) for s in missing)
        encoded = iter(executor(self.chosen.encoder, raw, len(missing)))
        title = f"encoding with {self.chosen.name}, blocks of {BLOCK_EXAMPLES}"
        done = len(starts) - len(missing)
        for start in with_progress(missing, len(starts), title, done=done):
            block = self._tried(next, encoded)
            size = min(BLOCK_EXAMPLES, total - start)
            _checked(self.chosen.name, block, expected=(size, *expected.shape[1:]))
            with replacement(files[start]) as partial, partial.open("wb") as file:
                np.lib.format.write_array(file, np.ascontiguousarray(block), allow_pickle=False)
        with replacement(folder / INPUTS_FILE) as partial, partial.open("wb") as file:
            header = {"descr": expected.dtype.str, "fortran_order": False}
            header["shape"] = (total, *expected.shape[1:])
            np.lib.format.write_array_header_1_0(file, header)
            for path in files.values():
                file.write(np.load(path).data)
        shutil.rmtree(blocks)

    def _tried(self, call: Callable[[Any], Any], argument: Any) -> Any:
        try:
            return call(argument)
        except (TuneNoiseError, MemoryError, StopIteration):
            raise
        except Exception as error:  # whatever the user's code, or a library, may raise
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                raise
            text = " ".join(str(error).split())[:300]
            raise DataError(
                f"encoder {self.chosen.name} fails: {type(error).__name__}: {text}"
            ) from error


def _checked(name: str, block: Any, *, expected: tuple[int, ...] | None = None) -> np.ndarray:
    """Return what an encoder gave if networks take it.

    Raises:
        DataError: it has another type or shape, or is not finite.
    """
    rule = f"encoder {name} must give float32 [n, D] or uint8 [n, C, H, W]"
    if not isinstance(block, np.ndarray):
        raise DataError(f"{rule}; it gives {type(block).__name__}")
    given = f"{block.dtype} {list(block.shape)}"
    if (block.dtype, block.ndim) not in ((np.float32, 2), (np.uint8, 4)) or not block.size:
        raise DataError(f"{rule}; it gives {given}")
    if expected is not None and block.shape != expected:
        raise DataError(f"encoder {name} must give {list(expected)} here; it gives {given}")
    if block.dtype == np.float32 and not np.isfinite(block).all():
        raise DataError(f"encoder {name} gives numbers that are not finite or too large")
    return block


def _rows(inputs: Any, rows: np.ndarray) -> Any:
    return inputs[rows] if isinstance(inputs, np.ndarray) else inputs.iloc[rows]
