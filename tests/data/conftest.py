import subprocess
import sys
from pathlib import Path

import pytest

PREPARE = Path(__file__).parents[3] / "shared" / "data" / "prepare.py"


@pytest.fixture(scope="session")
def shared_data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The complete MNIST and CIFAR-10, laid out for torchvision; read it, never write to it."""
    if not PREPARE.is_file():
        pytest.skip("needs ../shared/data")
    folder = tmp_path_factory.mktemp("shared_data")
    subprocess.run(
        [sys.executable, PREPARE, folder, "mnist", "cifar10"], check=True, capture_output=True
    )
    return folder


@pytest.fixture(scope="session")
def human_file() -> Path:
    """The labels of CIFAR-10N as they are shared: an .npz file of its arrays."""
    path = PREPARE.parent / "cifar-10n" / "cifar10n_labels.npz"
    if not path.is_file():
        pytest.skip("needs ../shared/data")
    return path
