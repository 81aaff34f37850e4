"""Raw inputs encoded by tasks of Ray, as a search does with many of them."""

import os
from pathlib import Path

import numpy as np
import pytest

from tests.tuning.fake_trainer import make_search
from tune_noise.config.search import Resources
from tune_noise.data.encoders import encoded
from tune_noise.data.encoders.chosen import choose_encoder
from tune_noise.data.encoders.encoded import Encoding
from tune_noise.data.encoders.raw_digests import raw_digests
from tune_noise.service import encoding
from tune_noise.service.encoding import cluster_executor

SEARCH = make_search().model_copy(update={"resources": Resources(max_concurrent=2)})


def encode(cache: Path, *, count: int, only: int = 0) -> np.ndarray:
    """Encode some texts: float32 [N, 2], the length of each and the process that has encoded it."""
    texts = np.array([f"text {number} {'x' * (number % 7)}" for number in range(count)], object)
    chosen = choose_encoder(
        {"name": "tests.data.encoders.own_encoders:Processes", "only": only}, "texts"
    )
    assert chosen is not None
    whole = Encoding(chosen, texts, raw_digests(texts), np.arange(count), count, cache)
    values, _ = whole.run(cluster_executor(SEARCH, address=None, folder=cache / "runs"))
    assert values[:, 0].tolist() == [len(text) for text in texts]
    return values


def test_what_is_encoded_quickly_is_encoded_here(tmp_path: Path) -> None:
    assert set(encode(tmp_path, count=1200)[:, 1]) == {os.getpid() % 2**20}


@pytest.mark.long
@pytest.mark.filterwarnings("default")  # Ray warns when it starts
@pytest.mark.usefixtures("ray_room")
def test_what_takes_long_is_encoded_by_the_processes_of_a_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding, "CLUSTER_SECONDS", 0.0)
    monkeypatch.setattr(encoding, "_TIMED_SECONDS", 0.0)
    monkeypatch.setattr(encoded, "BLOCK_EXAMPLES", 20)
    processes = encode(tmp_path, count=1000, only=os.getpid())[:, 1]
    own = os.getpid() % 2**20
    assert np.flatnonzero(processes == own).tolist() == [*range(20), *range(500, 520)]
    assert len(set(processes)) == 3
