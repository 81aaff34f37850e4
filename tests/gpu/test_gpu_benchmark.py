"""The benchmark of the graphics card on one."""

from pathlib import Path

import pytest
import torch

from tests.benchmarks.commands import figures_of

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU on this machine"),
]


def test_the_gpu_benchmark_captures_and_compares_on_a_gpu(tmp_path: Path) -> None:
    rows = figures_of("gpu", tmp_path, "--smallest", "--batch-size", "32")
    assert "mlp1, 2 members: eager / graph" in rows
    assert rows["ceiling: memory"]["median"] > 100
