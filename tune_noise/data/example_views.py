"""What a person is shown of a training example: the whole picture, the whole text, a table row."""

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tune_noise.data.sources.raw import RawKind

if TYPE_CHECKING:
    import pandas as pd

# Pixels of the longer side at most: what fills a large screen.
_MAX_SIDE = 1600
# Numbers of a vector that are shown; nobody reads more of them.
_SHOWN_NUMBERS = 32


@dataclass(frozen=True, eq=False)
class ExampleViews:
    """The training examples of a data set, as people look at them. No label is part of a view.

    Attributes:
        kind: of every raw input.
        inputs: as `RawSplit.inputs` describes them, one for each training example.
        names: of the numbers in a vector of features; empty where they have none.
    """

    kind: RawKind
    inputs: "np.ndarray | pd.DataFrame"
    names: tuple[str, ...] = ()

    @property
    def are_pictures(self) -> bool:
        """Whether `picture` shows an example, and `words` does not."""
        return self.kind in ("pixels", "photos")

    def words(self, example: int) -> dict[str, Any]:
        """Return `text`, or else `row`: pairs of a column's name and its value in words."""
        if self.kind == "texts":
            return {"text": str(self.inputs[example])}
        if self.kind == "table":
            row = self.inputs.iloc[example]  # type: ignore[union-attr]
            return {"row": [[str(name), _in_words(value)] for name, value in row.items()]}
        vector = np.asarray(self.inputs[example])
        names = self.names if len(self.names) == len(vector) else range(1, len(vector) + 1)
        row = [[str(name), f"{value:.4g}"] for name, value in zip(names, vector, strict=True)]
        hidden = len(row) - _SHOWN_NUMBERS
        return {"row": row[:_SHOWN_NUMBERS], "hidden": max(0, hidden)}

    def picture(self, example: int) -> bytes:
        """Return a picture as PNG.

        Raises:
            OSError: its file cannot be read any more.
        """
        from PIL import Image, ImageOps

        if self.kind == "pixels":
            pixels = np.asarray(self.inputs[example])
            visible = pixels if len(pixels) == 3 else pixels[:1].repeat(3, axis=0)
            image = Image.fromarray(np.ascontiguousarray(visible.transpose(1, 2, 0)))
        else:
            with Image.open(Path(self.inputs[example])) as photo:
                image = ImageOps.exif_transpose(photo).convert("RGB")
            image.thumbnail((_MAX_SIDE, _MAX_SIDE))
        file = io.BytesIO()
        image.save(file, "PNG", compress_level=1)
        return file.getvalue()


def _in_words(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "(empty)"
    return f"{value:g}" if isinstance(value, float) else str(value)
