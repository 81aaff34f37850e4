"""Read one's own data, in whatever form they are kept, and new inputs like them."""

from collections.abc import Collection
from pathlib import Path

from tune_noise.config.data_source import DataSource
from tune_noise.data.sources.raw import RawData, RawForm, RawSplit


def read_source(source: DataSource) -> RawData:
    """Read all examples that a source names, and say how they were understood.

    Raises:
        DataError: something cannot be read, is wrong, or could be read in two ways; all problems
            are listed at once.
    """
    raise NotImplementedError(source.train)


def read_inputs(path: Path, *, like: RawForm, class_names: Collection[str] = ()) -> RawSplit:
    """Read new raw inputs as those of training were read; labels and ids only where there are any.

    Args:
        path: a file or a folder of pictures, in any form that training data may have.
        like: how the training data were read.
        class_names: words of the classes; folders of pictures of just these names are labels.

    Raises:
        DataError: something cannot be read, or is not like the training data; all problems are
            listed at once.
    """
    raise NotImplementedError(path, like, class_names)
