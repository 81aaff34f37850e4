import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support import postgres_server
from tests.support.mlflow_server import MlflowServer
from tests.support.turns import ray_turn
from tune_noise.data import Dataset, load_dataset

PREPARE = Path(__file__).parents[2] / "shared" / "data" / "prepare.py"

# Tests ask servers of this machine alone, which a proxy of the environment cannot reach.
os.environ.update(no_proxy="127.0.0.1,localhost", NO_PROXY="127.0.0.1,localhost")

# A shared machine may take its time; no test asserts how long it takes.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


# Folders of tests that take long begin first, so that none of them is alone at the end.
FIRST = ("integration", "tracking", "browser", "benchmarks", "training", "contracts")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests by their folders; within a folder they keep their order."""

    def place(item: pytest.Item) -> int:
        folder = item.path.parent.name
        return FIRST.index(folder) if folder in FIRST and "tests" in item.path.parts else len(FIRST)

    items.sort(key=place)


@pytest.fixture(scope="module")
def ray_room() -> Iterator[None]:
    """Room for a Ray cluster on this machine, while other files of tests may start theirs."""
    with ray_turn():
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    # Tests run side by side, and one thread adds up in one order.
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return load_dataset("digits")


@pytest.fixture(scope="session")
def few_digits(digits: Dataset) -> Dataset:
    """A third of the digits: enough to learn from, small enough to train in a moment."""
    return _every(3, digits)


@pytest.fixture(scope="session")
def tiny_digits(digits: Dataset) -> Dataset:
    """One in twelve of the digits: a few batches, where only bits are compared."""
    return _every(12, digits)


def _every(step: int, dataset: Dataset) -> Dataset:
    return dataclasses.replace(
        dataset,
        train_inputs=dataset.train_inputs[::step],
        train_labels=dataset.train_labels[::step],
        true_labels=dataset.true_labels[::step],
        test_inputs=dataset.test_inputs[::step],
        test_labels=dataset.test_labels[::step],
    )


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgres_server.PostgresServer]:
    """A PostgreSQL server for the tests of this process; a test may stop it, and start it again."""
    binaries = postgres_server.programs()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed: initdb is neither on PATH nor in /usr/lib")
    with postgres_server.running_server(binaries) as server:
        yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """An MLflow server for the tests of a file, as it takes seconds to start."""
    with MlflowServer(tmp_path_factory.mktemp("server")) as server:
        yield server


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


@pytest.fixture
def default_sighup() -> Iterator[None]:
    """SIGHUP as a terminal's processes have it: the tests themselves may run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)
