"""Encoders of a user's own, and raw inputs to try encoders with."""

import os
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd

from tune_noise.declaration import EncoderDeclaration, Field

WORDS = ["noise", "label", "search", "winner", "tie", "split", "seed", "input", "class", "name"]


class LetterCounts:
    """How often letters occur, compared with the training texts."""

    declaration = EncoderDeclaration(
        takes="texts",
        is_fitted=True,
        fields=(Field(name="letters", type=int, default=26, ge=1, le=26, description="counted"),),
    )

    def __init__(self, letters):
        self.letters = letters

    def counts(self, inputs):
        letters = [chr(ord("a") + i) for i in range(self.letters)]
        rows = [[str(text).count(letter) for letter in letters] for text in inputs]
        return np.array(rows, np.float32)

    def fit(self, inputs):
        self.mean = self.counts(inputs).mean(axis=0)

    def encode(self, inputs):
        return self.counts(inputs) - self.mean

    def state(self):
        return {"mean": self.mean}, {}

    def load_state(self, state):
        self.mean = state[0]["mean"]
        return self


def lengths():
    """A plain factory, which declares nothing and learns nothing."""
    return Lengths()


class Lengths:
    def encode(self, inputs):
        return np.array([[len(str(text))] for text in inputs], np.float32)


class Slow(Lengths):
    """An encoder that takes a while, and says in a file which blocks it has encoded."""

    declaration = EncoderDeclaration(
        takes="texts",
        fields=(
            Field(name="log", type=str, description="the file"),
            Field(name="seconds", type=float, default=0.0, ge=0.0, description="for each block"),
        ),
    )

    def __init__(self, log, seconds):
        self.log, self.seconds = log, seconds

    def encode(self, inputs):
        time.sleep(self.seconds)
        with open(self.log, "a") as file:
            file.write(f"{inputs[0]} {len(inputs)}\n")
        return super().encode(inputs)


class Processes(Lengths):
    """An encoder that also says which process has encoded; only one can read `text 500`."""

    declaration = EncoderDeclaration(
        takes="texts",
        fields=(Field(name="only", type=int, default=0, description="the process that can"),),
    )

    def __init__(self, only):
        self.only = only

    def encode(self, inputs):
        if self.only not in (0, os.getpid()) and any("text 500 " in text for text in inputs):
            raise FileNotFoundError("no such file here")
        time.sleep(0.05)
        process = np.full((len(inputs), 1), os.getpid() % 2**20, np.float32)
        return np.hstack([super().encode(inputs), process])


class Wrong:
    """An encoder that does what its fault says."""

    declaration = EncoderDeclaration(
        takes="texts", fields=(Field(name="fault", type=str, description="what is wrong"),)
    )

    def __init__(self, fault):
        self.fault = fault

    def encode(self, inputs):
        length = len(inputs)
        return {
            "lists": lambda: [[1.0]] * length,
            "float64": lambda: np.zeros((length, 2)),
            "too few": lambda: np.zeros((max(1, length - 1), 2), np.float32),
            "nan": lambda: np.full((length, 2), np.nan, np.float32),
            "raises": lambda: 1 / 0,
            "interrupted": lambda: os.kill(os.getpid(), signal.SIGINT),
        }[self.fault]()


def raw_inputs(folder: Path) -> dict:
    """Return twelve raw inputs of each kind; the photos are written into a folder."""
    from PIL import Image

    random = np.random.default_rng(0)
    texts = ["", *(" ".join(random.choice(WORDS, size=5 + i)) for i in range(11))]
    numbers = random.normal(size=12)
    numbers[0] = np.nan
    table = pd.DataFrame({"number": numbers, "word": [None, *"abcabcabcab"], "whole": range(12)})
    photos = []
    for i in range(12):
        size = (40 + i, 40) if i else (9, 70)
        pixels = random.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        photos.append(str(folder / f"{i}.png"))
        Image.fromarray(pixels).save(photos[-1])
    return {
        "texts": np.array(texts, object),
        "table": table,
        "photos": np.array(photos, object),
    }


def asked(name: str, models: Path) -> dict:
    """Return what a space says to get an encoder for the raw inputs above.

    Args:
        name: of the encoder.
        models: the folder for the files of small models with random weights.
    """
    small = {"tfidf": {"dimensions": 8}, "efficientnet_lite0": {"size": 64}}
    if name in ("timm", "sentence_transformers"):
        from tune_noise.data.torchvision_import import import_torchvision

        import_torchvision()
        small[name] = {"timm": small_network, "sentence_transformers": small_transformer}[name](
            models
        )
    return {"name": name} | small.get(name, {})


def small_network(folder: Path) -> dict:
    import timm
    from safetensors.torch import save_file

    path = folder / "resnet10t.safetensors"
    if not path.exists():
        save_file(timm.create_model("resnet10t").state_dict(), path)
    return {"model": "resnet10t", "weights": str(path)}


def small_transformer(folder: Path) -> dict:
    from transformers import BertConfig, BertModel, BertTokenizerFast

    path = folder / "bert"
    if not path.exists():
        path.mkdir()
        letters = "abcdefghijklmnopqrstuvwxyz"
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        tokens = [*special, *letters, *(f"##{letter}" for letter in letters)]
        (path / "vocab.txt").write_text("\n".join(tokens))
        size = {"hidden_size": 32, "num_hidden_layers": 2, "intermediate_size": 64}
        config = BertConfig(vocab_size=len(tokens), num_attention_heads=2, **size)
        BertModel(config).save_pretrained(path)
        BertTokenizerFast(str(path / "vocab.txt")).save_pretrained(path)
    return {"model": str(path)}
