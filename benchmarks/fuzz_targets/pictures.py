"""Pictures: files of the common formats and modes, looked through and made into pixels."""

import io

import numpy as np
from PIL import Image

from fuzz_targets.target import SCRATCH, Target
from tune_noise.data import photos
from tune_noise.data.encoders.pixels import Pixels
from tune_noise.data.photos import describe_changes, look_at, quiet_pillow

# Nothing is to be covered in large pictures but time.
photos.MAX_PIXELS = 4_000_000
SIZE = 8
PIXELS = Pixels(SIZE, 3)


def run_pictures(data: bytes) -> None:
    path = SCRATCH / "picture"
    path.write_bytes(data)
    with quiet_pillow():
        look = look_at(str(path))
    assert look.digest
    assert look.fault.isprintable()
    describe_changes([look])
    if look.fault:
        return
    # What was found to be readable is read.
    pixels = PIXELS.encode([str(path)])
    assert pixels.dtype == np.uint8
    assert pixels.shape == (1, 3, SIZE, SIZE)


def pictures_seeds() -> list[bytes]:
    colours = np.arange(7 * 10 * 3, dtype=np.uint8).reshape(7, 10, 3)
    plain = Image.fromarray(colours)
    deep = Image.fromarray((np.arange(70, dtype=np.uint16) * 900).reshape(7, 10))
    turned = Image.Exif()
    turned[0x0112] = 6
    some = [
        *((plain.convert(mode), "PNG", {}) for mode in ("RGB", "L", "1", "P", "RGBA", "LA")),
        (deep, "PNG", {}),
        (deep, "TIFF", {}),
        (plain.convert("P"), "PNG", {"transparency": 3}),
        (plain.convert("L"), "PNG", {"transparency": 3}),
        (plain, "PNG", {"exif": turned}),
        *((plain.convert(mode), "JPEG", {}) for mode in ("RGB", "L", "CMYK")),
        (plain, "JPEG", {"progressive": True, "exif": turned}),
        *((plain.convert(mode), "TIFF", {}) for mode in ("RGB", "CMYK", "F", "I", "LAB", "P")),
        *((plain, "TIFF", {"compression": c}) for c in ("tiff_lzw", "tiff_adobe_deflate", "jpeg")),
        (plain.convert("P"), "GIF", {}),
        (plain, "GIF", {"save_all": True, "append_images": [plain.rotate(90)]}),
        (plain, "BMP", {}),
        (plain, "WEBP", {}),
        (plain, "ICO", {}),
        (plain, "PPM", {}),
    ]
    seeds = []
    for picture, file_format, options in some:
        file = io.BytesIO()
        picture.save(file, file_format, **options)
        seeds.append(file.getvalue())
    return seeds


PICTURES = Target(run_pictures, pictures_seeds)
