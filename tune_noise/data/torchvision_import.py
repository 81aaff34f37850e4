"""Import torchvision, also where its compiled operators do not fit the installed torch.

A torchvision wheel built for CUDA beside a CPU build of torch cannot load its extension, and then
fails at import because the operators that it annotates were never registered. The data sets are
plain Python and need none of them.
"""

import importlib
import importlib.util
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType

import torch

# The operators that torchvision annotates at import whether or not its extension has loaded.
_ANNOTATED_OPERATORS = ("nms", "qnms")
_SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


@cache
def import_torchvision() -> ModuleType:
    """Import torchvision; where its extension does not load, `ops.nms` stays unusable.

    Raises:
        ImportError: torchvision is not installed.
    """
    if not _extension_loads():
        for operator in _ANNOTATED_OPERATORS:
            if not hasattr(torch.ops.torchvision, operator):
                torch.library.define(f"torchvision::{operator}", _SIGNATURE)
    return importlib.import_module("torchvision")


def _extension_loads() -> bool:
    spec = importlib.util.find_spec("torchvision")  # finds the folder, imports nothing
    if spec is None or spec.origin is None:
        raise ImportError("torchvision is not installed")
    folder = Path(spec.origin).parent
    for path in (folder / f"_C{suffix}" for suffix in EXTENSION_SUFFIXES):
        if path.is_file():
            return _loads(path)
    return False


def _loads(path: Path) -> bool:
    try:
        # What torchvision does itself at import; loading it twice is harmless.
        torch.ops.load_library(path)  # type: ignore[no-untyped-call]
    except OSError:
        return False
    return True
