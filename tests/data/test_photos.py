from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tune_noise.data.encoders.pixels import Pixels
from tune_noise.data.photos import Look, describe_changes, look_through

RED, HALF = (200, 30, 10), (200, 30, 10, 0)


def saved(folder: Path, name: str, image: Image.Image, **options) -> str:
    path = folder / name
    image.save(path, **options)
    return str(path)


def gradient(mode: str = "RGB") -> Image.Image:
    """A picture of 6 x 9 pixels whose corners differ."""
    values = np.arange(6 * 9 * 3, dtype=np.uint8).reshape(9, 6, 3)
    return Image.fromarray(values).convert(mode)


def exif(orientation: int) -> Image.Exif:
    data = Image.Exif()
    data[0x0112] = orientation
    return data


def encoded(path: str, *, size: int = 8, channels: int = 3) -> np.ndarray:
    return Pixels(size, channels).encode([path])[0]


def test_a_picture_of_the_right_size_is_taken_bit_by_bit(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    path = saved(tmp_path, "a.png", Image.fromarray(pixels))
    assert np.array_equal(encoded(path), pixels.transpose(2, 0, 1))
    assert encoded(path, channels=1).shape == (1, 8, 8)


@pytest.mark.parametrize(
    ("name", "image", "options", "change", "colour"),
    [
        ("plain.png", Image.new("RGB", (9, 9), RED), {}, None, RED),
        ("grey.png", Image.new("L", (9, 9), 77), {}, None, (77, 77, 77)),
        ("bits.png", Image.new("1", (9, 9), 1), {}, None, (255, 255, 255)),
        (
            "deep.png",
            Image.fromarray(np.full((9, 9), 0x4D77, np.uint16)),
            {},
            "16 bits",
            (77, 77, 77),
        ),
        ("palette.png", Image.new("RGB", (9, 9), RED).convert("P"), {}, "palette", None),
        ("clear.png", Image.new("RGBA", (9, 9), HALF), {}, "transparent", (255, 255, 255)),
        ("opaque.png", Image.new("RGBA", (9, 9), (*RED, 255)), {}, None, RED),
        ("key.png", Image.new("L", (9, 9), 5), {"transparency": 5}, "transparent", (255,) * 3),
        ("cmyk.tif", Image.new("CMYK", (9, 9), (0, 255, 255, 0)), {}, "CMYK", (255, 0, 0)),
        (
            "frames.gif",
            Image.new("RGB", (9, 9), "white"),
            {"save_all": True, "append_images": [Image.new("RGB", (9, 9), "black")]},
            "several frames",
            (255, 255, 255),
        ),
    ],
)
def test_a_picture_is_brought_to_eight_bits_and_it_is_said(
    tmp_path, name, image, options, change, colour
):
    path = saved(tmp_path, name, image, **options)
    [look] = look_through([path], tmp_path)
    assert (look.fault, look.size) == ("", "9 x 9")
    assert any(change in text for text in look.changes) if change else look.changes == ()
    picture = encoded(path)
    if colour is not None:
        assert picture[:, 4, 4].tolist() == list(colour)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_upright_as_its_exif_data_say(tmp_path, orientation):
    from PIL import ImageOps

    path = saved(tmp_path, "a.png", gradient(), exif=exif(orientation))
    [look] = look_through([path], tmp_path)
    assert bool(look.changes) == (orientation != 1)
    with Image.open(path) as stored:
        upright = saved(tmp_path, "b.png", ImageOps.exif_transpose(stored))
    assert np.array_equal(encoded(path, size=8), encoded(upright, size=8))


def test_the_middle_square_is_taken_whatever_the_shape(tmp_path):
    pixels = np.zeros((8, 20, 3), np.uint8)
    pixels[:, 6:14] = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    path = saved(tmp_path, "wide.png", Image.fromarray(pixels))
    assert np.array_equal(encoded(path), pixels[:, 6:14].transpose(2, 0, 1))


@pytest.mark.parametrize(
    ("write", "fault"),
    [
        (lambda path: path.write_bytes(b""), "not a picture"),
        (lambda path: path.write_text("text"), "not a picture"),
        (lambda path: path.mkdir(), "directory"),
        (lambda path: None, "No such file"),
        (lambda path: Image.new("F", (3, 3)).save(path, format="TIFF"), "floats"),
        (
            lambda path: Image.fromarray(np.full((3, 3), 70_000, np.int32)).save(
                path, format="TIFF"
            ),
            "0..65535",
        ),
    ],
)
def test_what_is_no_picture_is_told(tmp_path, write, fault):
    path = tmp_path / "a.png"
    write(path)
    [look] = look_through([str(path)], tmp_path / "cache")
    assert fault in look.fault


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "BMP"])
def test_a_truncated_picture_is_told(tmp_path, format):
    pixels = np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    path = Path(saved(tmp_path, f"a.{format}", Image.fromarray(pixels), format=format))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    [look] = look_through([str(path)], tmp_path)
    assert look.fault
    assert look.digest


def test_what_was_seen_is_remembered_until_a_file_changes(tmp_path, monkeypatch):
    paths = [saved(tmp_path, f"{n}.png", gradient()) for n in range(3)]
    looks = look_through(paths, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("tune_noise.data.photos.look_at", None)
        assert look_through(paths, tmp_path) == looks
    Image.new("RGB", (5, 5)).save(paths[1])
    again = look_through(paths, tmp_path)
    assert [look.size for look in again] == ["6 x 9", "5 x 5", "6 x 9"]
    assert again[0].digest == looks[0].digest == looks[1].digest != again[1].digest


def test_changes_are_counted_in_sentences():
    looks = [Look("1", "", "5 x 5"), Look("2", "", "5 x 5", ("are CMYK: converted to RGB",))]
    assert describe_changes([*looks, Look("3", "broken")]) == [
        "all pictures are 5 x 5 pixels",
        "1 of 2 pictures are CMYK: converted to RGB",
    ]
    several = describe_changes([*looks, Look("4", "", "6 x 5")])
    assert several[0] == "pictures of 2 sizes, most often 5 x 5 (2)"
