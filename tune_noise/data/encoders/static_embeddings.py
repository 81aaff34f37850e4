"""Texts as the mean of static embeddings of their tokens, from a package that ships them."""

from pathlib import Path

import numpy as np


class WordLlamaMean:
    """The mean over the tokens of a text of WordLlama's embeddings, float32 [n, 256]."""

    def __init__(self) -> None:
        import wordllama

        # It ships its weights, and would else look for the tokenizer in another folder.
        folder = Path(wordllama.__file__).parent
        self._model = wordllama.WordLlama.load(cache_dir=folder, disable_download=True)

    def encode(self, inputs: np.ndarray) -> np.ndarray:
        """Return float32 [n, 256]; a text without tokens is a row of zeros."""
        # One by one: no text pays for the length of another, and none changes another's rounding.
        return np.concatenate([self._model.embed([str(text)]) for text in inputs])
