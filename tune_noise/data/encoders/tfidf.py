"""Texts as TF-IDF of words and pairs of words, reduced by a singular value decomposition."""

from typing import Any, Self

import numpy as np

from tune_noise.data.encoders.protocol import State
from tune_noise.errors import DataError


class Tfidf:
    """TF-IDF with sublinear counts, then the first right singular vectors of the training texts.

    Args:
        dimensions: singular vectors; a vocabulary that is not larger is kept as it is.
        vocabulary: most words and word sequences that are counted.
        ngrams: most words of a sequence.
    """

    def __init__(self, dimensions: int, vocabulary: int, ngrams: int) -> None:
        self._dimensions, self._vocabulary, self._ngrams = dimensions, vocabulary, ngrams
        self._directions: np.ndarray | None = None

    def fit(self, inputs: np.ndarray) -> None:
        """Learn words, their rarity and the main directions from the training texts.

        Raises:
            DataError: no text holds a word that can be counted.
        """
        from sklearn.utils.extmath import randomized_svd

        # A word of one text alone tells nothing about another one, unless there are few texts.
        self._vectorizer = self._made(max_features=self._vocabulary, min_df=min(2, len(inputs)))
        try:
            counts = self._vectorizer.fit_transform(inputs)
        except ValueError:
            raise DataError(
                "encoder tfidf: no word of two letters or more occurs in two training texts; name "
                "the column of texts (`text`), or another encoder"
            ) from None
        dimensions = min(self._dimensions, counts.shape[0] - 1)
        if counts.shape[1] > dimensions:
            # Seeded: the same texts give the same directions.
            *_, directions = randomized_svd(counts, dimensions, n_iter=2, random_state=0)
            self._directions = directions.T

    def encode(self, inputs: np.ndarray) -> np.ndarray:
        """Return float32 [n, dimensions]; a text without a known word is a row of zeros."""
        counts = self._vectorizer.transform(inputs)
        if self._directions is None:
            return np.asarray(counts.toarray(), np.float32)
        return np.asarray(counts @ self._directions, np.float32)

    def state(self) -> State:
        """Return all that was learnt: arrays by name, and plain values for JSON."""
        arrays = {"idf": self._vectorizer.idf_}
        if self._directions is not None:
            arrays["directions"] = self._directions
        return arrays, {"words": self._vectorizer.get_feature_names_out().tolist()}

    def load_state(self, state: State) -> Self:
        """Take over what was learnt, and return the encoder."""
        arrays, values = state
        words, directions = values["words"], arrays.get("directions")
        if directions is not None and len(directions) != len(words):
            raise ValueError(f"{len(words)} words, but directions of {len(directions)}")
        self._vectorizer = self._made(vocabulary={word: i for i, word in enumerate(words)})
        self._vectorizer.idf_ = arrays["idf"]
        self._directions = directions
        return self

    def _made(self, **options: Any) -> Any:
        from sklearn.feature_extraction.text import TfidfVectorizer

        return TfidfVectorizer(
            sublinear_tf=True,
            strip_accents="unicode",
            ngram_range=(1, self._ngrams),
            dtype=np.float32,
            **options,
        )
