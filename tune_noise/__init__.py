"""tune_noise: which training method, network and hyper-parameters survive noisy labels?

A Ray Tune search over real images with wrong labels, steered by noisy validation labels alone,
confirmed on fresh seeds, compared in MLflow.

The names in `__all__` are the public Python interface, which docs/python.md describes. They are
loaded when they are first used (PEP 562), so that `import tune_noise` loads neither torch nor Ray.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tune_noise.config.loader import read_search as read_search
    from tune_noise.config.search import SearchConfig as SearchConfig
    from tune_noise.data import Dataset as Dataset
    from tune_noise.data import load_dataset as load_dataset
    from tune_noise.declaration import Field as Field
    from tune_noise.declaration import MethodDeclaration as MethodDeclaration
    from tune_noise.declaration import NetworkDeclaration as NetworkDeclaration
    from tune_noise.declaration import NoiseDeclaration as NoiseDeclaration
    from tune_noise.methods.protocol import Batch as Batch
    from tune_noise.methods.protocol import Method as Method
    from tune_noise.methods.protocol import Outcome as Outcome
    from tune_noise.methods.protocol import TrainingFacts as TrainingFacts
    from tune_noise.metrics.information import information as information
    from tune_noise.training.prediction import SavedModel as SavedModel
    from tune_noise.training.saved_model import load_model as load_model

__version__ = version("tune-noise")

# Public name -> the module that defines it.
_MODULES = {
    "load_model": "tune_noise.training.saved_model",
    "SavedModel": "tune_noise.training.prediction",
    "load_dataset": "tune_noise.data",
    "Dataset": "tune_noise.data",
    "read_search": "tune_noise.config.loader",
    "SearchConfig": "tune_noise.config.search",
    "information": "tune_noise.metrics.information",
    # One's own method, kind of noise or network.
    "Field": "tune_noise.declaration",
    "MethodDeclaration": "tune_noise.declaration",
    "NoiseDeclaration": "tune_noise.declaration",
    "NetworkDeclaration": "tune_noise.declaration",
    "Method": "tune_noise.methods.protocol",
    "TrainingFacts": "tune_noise.methods.protocol",
    "Batch": "tune_noise.methods.protocol",
    "Outcome": "tune_noise.methods.protocol",
}
__all__ = [  # noqa: RUF022 - in the order of docs/python.md
    "load_model",
    "SavedModel",
    "load_dataset",
    "Dataset",
    "read_search",
    "SearchConfig",
    "information",
    "Field",
    "MethodDeclaration",
    "NoiseDeclaration",
    "NetworkDeclaration",
    "Method",
    "TrainingFacts",
    "Batch",
    "Outcome",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'tune_noise' has no attribute {name!r}")
    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
