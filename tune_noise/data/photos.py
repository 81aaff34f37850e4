"""Pictures in files: looked through, opened upright, and brought to eight bits a channel."""

import hashlib
import json
import os
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tune_noise.data.progress import with_progress
from tune_noise.system.cores import usable_cores
from tune_noise.system.files import replace_file

if TYPE_CHECKING:
    from PIL.Image import Image

# Of a picture: about 1 GB while it is opened.
MAX_PIXELS = 150_000_000
# What EXIF calls the orientation, and how each of its values is undone (names of PIL.Image).
_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
# Smaller than this nothing needs to be decoded only to see whether it can be.
_LOOKED_AT = 64
# Pictures that wait together to be looked at.
_BLOCK = 1000


@dataclass(frozen=True, slots=True)
class Look:
    """What a file of a picture turned out to be.

    Attributes:
        digest: of the file's content, hexadecimal; empty where it cannot be read.
        fault: why it cannot be used; empty where it can.
        size: "WIDTH x HEIGHT" as it is stored.
        changes: what is converted when it is opened.
    """

    digest: str = ""
    fault: str = ""
    size: str = ""
    changes: tuple[str, ...] = ()


def look_through(paths: Sequence[str], cache_dir: Path | None) -> list[Look]:
    """Look at every picture, or remember what was seen where no file has changed since.

    Args:
        paths: of the files.
        cache_dir: where it is remembered what was seen; None: nowhere.
    """
    if cache_dir is None:
        return _look_at_all(paths)
    memory = cache_dir / "photos" / f"{_fingerprint(paths)}.json"
    try:
        seen = json.loads(memory.read_text(encoding="utf-8"))
        return [Look(**{**one, "changes": tuple(one["changes"])}) for one in seen]
    except (OSError, ValueError, TypeError, KeyError):
        pass
    looks = _look_at_all(paths)
    memory.parent.mkdir(parents=True, exist_ok=True)
    replace_file(memory, json.dumps([asdict(look) for look in looks]).encode())
    return looks


def _look_at_all(paths: Sequence[str]) -> list[Look]:
    with quiet_pillow(), ThreadPoolExecutor(min(8, usable_cores())) as pool:
        # In blocks: what waits for a thread takes more memory than what it finds.
        blocks = (paths[i : i + _BLOCK] for i in range(0, len(paths), _BLOCK))
        looks = chain.from_iterable(pool.map(look_at, block) for block in blocks)
        return list(with_progress(looks, len(paths), "looking at pictures"))


def describe_changes(looks: Sequence[Look]) -> list[str]:
    """Return sentences that say what is converted, and how large the pictures are."""
    usable = [look for look in looks if not look.fault]
    sizes = Counter(look.size for look in usable)
    changes = Counter(change for look in usable for change in look.changes)
    if not sizes:
        return []
    if len(sizes) == 1:
        said = [f"all pictures are {next(iter(sizes))} pixels"]
    else:
        size, count = sizes.most_common(1)[0]
        said = [f"pictures of {len(sizes):,} sizes, most often {size} ({count:,})"]
    return said + [
        f"{count:,} of {len(usable):,} pictures {what}" for what, count in changes.items()
    ]


def open_picture(path: str, *, least: int | None = None) -> "tuple[Image, list[str], str]":
    """Open a picture, upright, as RGB or grey with eight bits a channel.

    Args:
        path: of the file.
        least: height and width that are enough: a JPEG is then decoded at a fraction of its size.

    Returns:
        (picture of mode RGB or L, what was converted, its size as it is stored).

    Raises:
        Exception: whatever Pillow raises about a file that is no picture, or a damaged one.
        ValueError: it is too large, or holds floats.
    """
    return _opened(BytesIO(Path(path).read_bytes()), least)


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Keep Pillow's warnings about odd files to itself; threads may run inside."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def one_line(error: Exception) -> str:
    """Return what is wrong with a picture, in a few words."""
    text = " ".join(str(error).split())[:150] or type(error).__name__
    return text if text.isprintable() else repr(text)


def look_at(path: str) -> Look:
    """Open a picture to see whether, and how, it can be used."""
    try:
        content = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        return Look(fault=reason or one_line(error))
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    try:
        _, changes, size = _opened(BytesIO(content), _LOOKED_AT)
    except Exception as error:  # Pillow's plug-ins raise whatever a damaged file makes them
        if "cannot identify image file" in str(error):
            return Look(digest, "it is not a picture that Pillow can read")
        return Look(digest, one_line(error))
    return Look(digest, "", size, tuple(changes))


def _opened(file: BytesIO, least: int | None) -> "tuple[Image, list[str], str]":
    from PIL import Image

    changes: list[str] = []
    with Image.open(file) as picture:
        width, height = picture.size
        if width * height > MAX_PIXELS:
            raise ValueError(f"it has {width:,} x {height:,} pixels: make it smaller")
        if least is not None:
            picture.draft(None, (least, least))
        if getattr(picture, "is_animated", False):
            changes.append("have several frames: the first one is taken")
        picture.load()
        turn = _UPRIGHT.get(_orientation(picture))
        eight_bits = _in_eight_bits(picture, changes)
        if turn is not None:
            changes.append("are turned upright, as their EXIF data say")
            eight_bits = eight_bits.transpose(getattr(Image.Transpose, turn))
        return eight_bits, changes, f"{width} x {height}"


def _orientation(picture: "Image") -> int:
    try:
        return int(picture.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # damaged EXIF data, which say nothing
        return 1


def _in_eight_bits(picture: "Image", changes: list[str]) -> "Image":
    """Return a picture of mode RGB or L; what is converted is added to `changes`."""
    from PIL import Image

    mode = picture.mode
    if mode in ("RGB", "L"):
        # Pillow keeps a colour that means "transparent" beside the picture.
        if "transparency" not in picture.info:
            return picture.copy()
    elif mode == "1":
        return picture.convert("L")
    elif mode.startswith("I"):
        values = np.asarray(picture)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError("its values are not in 0..65535: save it with 8 or 16 bits")
        changes.append("have 16 bits a channel: the upper 8 are taken")
        return Image.fromarray((values >> 8).astype(np.uint8))
    elif mode == "F":
        raise ValueError("it holds floats, whose range is not known: save it with 8 bits")
    elif mode.startswith("P"):
        changes.append("have a palette: its colours are taken")
    elif mode == "CMYK":
        changes.append("are CMYK: converted to RGB")
    if mode not in ("LA", "La", "RGBA", "RGBa", "PA") and "transparency" not in picture.info:
        return picture.convert("RGB")
    # Pillow converts La and RGBa, whose colours are multiplied, in two steps.
    straight = picture.convert({"La": "LA", "RGBa": "RGBA"}.get(mode, mode)).convert("RGBA")
    if np.asarray(straight.getchannel("A")).min() == 255:
        return straight.convert("RGB")
    changes.append("are partly transparent: laid on white")
    white = Image.new("RGBA", straight.size, "white")
    return Image.alpha_composite(white, straight).convert("RGB")


def _fingerprint(paths: Sequence[str]) -> str:
    """Return a text that changes with any file: its name, size or time of change."""
    digest = hashlib.blake2b(digest_size=16)
    for path in paths:
        try:
            status = os.stat(path)
            facts = f"{os.path.abspath(path)}\0{status.st_size}\0{status.st_mtime_ns}\0"
        except (OSError, ValueError):
            facts = f"{path}\0missing\0"
        digest.update(facts.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
