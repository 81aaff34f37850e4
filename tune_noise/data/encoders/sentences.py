"""Texts as embeddings of a sentence transformer."""

from pathlib import Path

import numpy as np

from tune_noise.errors import DataError


class SentenceTransformers:
    """The embeddings of a model of the library sentence-transformers.

    Args:
        model: a folder that holds one, or a name by which the library fetches it.
    """

    def __init__(self, model: str) -> None:
        from tune_noise.data.torchvision_import import import_torchvision

        import_torchvision()
        from sentence_transformers import SentenceTransformer

        folder = Path(model).expanduser()
        if folder.is_dir():
            self.weights = tuple(sorted(path for path in folder.rglob("*") if path.is_file()))
        try:
            self._model = SentenceTransformer(str(folder) if folder.is_dir() else model)
        except Exception as error:  # of the hub, its library or the connection to it
            text = " ".join(str(error).split())[:300]
            raise DataError(
                f"encoder sentence_transformers: model {model!r} cannot be loaded: {text}; where "
                "it cannot be fetched, name a folder that holds it"
            ) from None

    def encode(self, inputs: np.ndarray) -> np.ndarray:
        """Return float32 [n, D]."""
        # One by one: in a batch the length of the others would change the rounding of each.
        rows = [self._model.encode(str(text), show_progress_bar=False) for text in inputs]
        return np.stack(rows).astype(np.float32)
