"""Small PNGs of pictures, for a page."""

import struct
import zlib
from pathlib import Path

import numpy as np

MAX_SIDE = 64
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GRAY, _COLOUR = 0, 2


def thumbnail(image: np.ndarray, *, max_side: int = MAX_SIDE) -> bytes:
    r"""Return the image as a PNG; a larger one is thinned to every n-th pixel.

    Args:
        image: uint8 [C, H, W]; of other than one or three channels the first is shown.
        max_side: pixels of the longer side at most.

    Returns:
        A whole PNG file.

    Example:
        >>> thumbnail(np.zeros((1, 2, 2), dtype=np.uint8))[:8]
        b'\x89PNG\r\n\x1a\n'
    """
    step = -(-max(image.shape[1:]) // max_side)
    visible = image if len(image) in (1, 3) else image[:1]
    pixels = visible[:, ::step, ::step].transpose(1, 2, 0)
    height, width, channels = pixels.shape
    kind = _COLOUR if channels == 3 else _GRAY
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    # Each row begins with its filter: none.
    rows = np.zeros((height, 1 + width * channels), dtype=np.uint8)
    rows[:, 1:] = pixels.reshape(height, -1)
    data = zlib.compress(rows.tobytes(), 9)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def photo_thumbnail(path: Path, *, max_side: int = MAX_SIDE) -> bytes:
    """Return the picture in a file as a small PNG; a grey pixel where it cannot be read."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as photo:
            photo.draft("RGB", (max_side, max_side))
            small = ImageOps.exif_transpose(photo).convert("RGB")
            small.thumbnail((max_side, max_side))
    except (OSError, ValueError, SyntaxError):
        return thumbnail(np.full((1, 1, 1), 128, np.uint8))
    return thumbnail(np.asarray(small).transpose(2, 0, 1))


def _chunk(name: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)
