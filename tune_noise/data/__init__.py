"""Data sets as arrays in memory, their splits, and their images resident on a device.

Importing this package imports neither torch nor torchvision nor scikit-learn: `check_dataset_name`
is cheap, and each data set imports what it needs when it is loaded.
"""

from tune_noise.data.data_dir import default_data_dir
from tune_noise.data.dataset import Dataset
from tune_noise.data.registry import (
    DATASET_NAMES,
    check_dataset_name,
    load_dataset,
)

__all__ = [
    "DATASET_NAMES",
    "Dataset",
    "check_dataset_name",
    "default_data_dir",
    "load_dataset",
]
