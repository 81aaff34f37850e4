"""The digits of scikit-learn in the forms in which people keep their data."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from tune_noise.data import Dataset, load_dataset

NAMES = np.array(
    ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"], object
)
SPLITS = {"train": 300, "test": 200}


# The encoder of the form `own_encoder`.
OWN_ENCODER = "dark_pixels:DarkPixels"
_OWN_ENCODER = """
import numpy as np


class DarkPixels:
    def encode(self, inputs):
        return np.array([[f"p{i:02}" in text for i in range(64)] for text in inputs], np.float32)
"""


@dataclass(frozen=True)
class Form:
    """Data in one form.

    Attributes:
        train: what `--data` names.
        options: what `--set` says of it.
        test: what `predict` is given.
    """

    train: str
    options: tuple[str, ...]
    test: str


def write_forms(folder: Path) -> dict[str, Form]:
    """Write all forms into a folder; paths are relative to it."""
    digits = load_dataset("digits")
    frames = {}
    for split, size in SPLITS.items():
        pixels, labels = _part(digits, split, size)
        words = NAMES[labels]
        ids = [f"{split}-{number}" for number in range(size)]
        features = pd.DataFrame(pixels / 16.0, columns=[f"f{i:02}" for i in range(64)])
        features = features.astype(np.float32).assign(id=ids, label=words)
        features.to_parquet(folder / f"features_{split}.parquet")
        frames[split] = features
        _table(pixels, words, ids, seed=size).to_csv(folder / f"table_{split}.csv", index=False)
        _texts(pixels, words, ids).to_csv(folder / f"texts_{split}.csv", index=False)
        for number, word in enumerate(words):
            target = folder / "photos" / split / word
            target.mkdir(parents=True, exist_ok=True)
            Image.fromarray((pixels[number] * 15).astype(np.uint8).reshape(8, 8)).save(
                target / f"{ids[number]}.png"
            )
    train, test = (_arrays(frames[split]) for split in SPLITS)
    named_test = {f"test_{name}": array for name, array in test.items()}
    np.savez(folder / "features.npz", **train, **named_test)
    np.savez(folder / "new.npz", **test)

    def files(name: str, ending: str) -> tuple[str, tuple[str, ...], str]:
        test = f"{name}_test.{ending}"
        return f"{name}_train.{ending}", (f"data.test={test}",), test

    (folder / "dark_pixels.py").write_text(_OWN_ENCODER)
    train_texts, with_test, test_texts = files("texts", "csv")
    pixels_of_8 = "data.encoder={name: pixels, size: 8, channels: 1}"
    return {
        "npz": Form("features.npz", (), "new.npz"),
        "parquet": Form(*files("features", "parquet")),
        "table": Form(*files("table", "csv")),
        "texts": Form(train_texts, with_test, test_texts),
        "own_encoder": Form(train_texts, (*with_test, f"data.encoder={OWN_ENCODER}"), test_texts),
        "photos": Form("photos", (pixels_of_8,), "photos/test"),
    }


def _part(digits: Dataset, split: str, size: int) -> tuple[Any, Any]:
    inputs, labels = getattr(digits, f"{split}_inputs"), getattr(digits, f"{split}_labels")
    # The data set's pixels are 0 to 255, and scikit-learn's are 0 to 16.
    return np.round(inputs[:size].reshape(size, 64) / 255 * 16), labels[:size]


def _arrays(frame: pd.DataFrame) -> dict[str, Any]:
    features = frame.drop(columns=["id", "label"]).to_numpy()
    return {"features": features, "labels": frame.label.to_numpy().astype(str)}


def _table(pixels: Any, words: Any, ids: list[str], *, seed: int) -> pd.DataFrame:
    """Sums of the rows and columns of a picture, a word of how dark it is, and gaps."""
    rng = np.random.default_rng(seed)
    square = pixels.reshape(-1, 8, 8)
    sums = np.concatenate([square.sum(axis=1), square.sum(axis=2)], axis=1)
    frame = pd.DataFrame(sums, columns=[f"sum {number}" for number in range(16)])
    frame = frame.mask(rng.random(frame.shape) < 0.05)
    dark = np.where(pixels.sum(axis=1) > 300, "dark", "light").astype(object)
    dark[rng.random(len(dark)) < 0.05] = None
    return frame.assign(shade=dark, id=ids, label=words)


def _texts(pixels: Any, words: Any, ids: list[str]) -> pd.DataFrame:
    """The pixels that are dark, as words."""
    texts = [" ".join(f"p{i:02}" for i in np.flatnonzero(row > 8)) for row in pixels]
    return pd.DataFrame({"id": ids, "text": texts, "label": words})
