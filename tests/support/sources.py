"""Small files of one's own data, and what comes of reading them."""

from pathlib import Path
from typing import Any

import pytest

from tune_noise.config.data_source import DataSource
from tune_noise.data.sources.raw import RawData
from tune_noise.data.sources.read import read_source
from tune_noise.errors import DataError


def read(train: Path, **options: Any) -> RawData:
    """Read data with the options of the block `data`."""
    texts = {
        name: str(value) if isinstance(value, Path) else value for name, value in options.items()
    }
    return read_source(DataSource(train=str(train), **texts))


def refusal(train: Path, **options: Any) -> str:
    """Return the message of a refusal."""
    with pytest.raises(DataError) as caught:
        read(train, **options)
    return str(caught.value)


def write(path: Path, content: str | bytes) -> Path:
    """Write a file, and the folders that it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
