"""The folder where data sets are kept once they were downloaded or encoded."""

import os
from pathlib import Path


def default_data_dir() -> Path:
    """Return $TUNE_NOISE_DATA, else the folder tune_noise in the user's cache folder."""
    chosen = os.environ.get("TUNE_NOISE_DATA")
    if chosen:
        return Path(os.path.expanduser(chosen))
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "tune_noise"
