"""The benchmarks of training at their smallest size: they run, and tell what they are there for."""

from pathlib import Path

import pytest

from .commands import figures_of, run

pytestmark = pytest.mark.long


@pytest.mark.parametrize("name", ["notebook", "limit", "stack", "gpu"])
def test_help_says_what_is_measured_and_tells_the_defaults(name: str) -> None:
    told = run(name, "--help")
    assert told.returncode == 0, told.stderr
    assert "--repeats" in told.stdout
    assert told.stdout.count("default") >= 5


@pytest.mark.parametrize(
    "name", ["scale", "nodes", "confirmation", "stock_recipe", "quality_per_cost", "live_table",
             "step_kernels", "precision"],
)  # fmt: skip
def test_the_longer_ones_can_at_least_be_asked_for_help(name: str) -> None:
    told = run(name, "--help")
    assert told.returncode == 0, told.stderr
    assert "--repeats" in told.stdout


def test_the_notebook_trains_beside_ours_and_both_learn(
    tmp_path: Path, shared_data_dir: Path
) -> None:
    rows = figures_of(
        "notebook", tmp_path, "--data-dir", shared_data_dir, "--models", "perceptron",
        "--alphas", "1", "--train-size", "1280", "--batches", "4", "--repeats", "2",
        "--learning-seeds", "1", "--learning-alphas", "0", "--learning-images", "1280",
    )  # fmt: skip
    for what in ("training pass", "epoch"):
        assert rows[f"perceptron, alpha 1: {what}, notebook / ours"]["n"] == 2
    for who in ("notebook", "ours"):
        name = f"perceptron, alpha 0, 1,280 images, 1 epoch: {who}, test accuracy"
        assert rows[name]["median"] > 50
    assert list(shared_data_dir.glob("MNIST/raw/*ubyte")) == []


@pytest.mark.usefixtures("ray_room")
def test_the_limit_of_a_step_and_of_a_search_are_shares(tmp_path: Path) -> None:
    rows = figures_of(
        "limit", tmp_path, "--models", "mlp1", "--methods", "co_teaching", "--scale", "0.01",
        "--repeats", "2", "--spaces", "smoke", "--search-repeats", "1",
    )  # fmt: skip
    assert "mlp1, co_teaching: share of arithmetic in the step" in rows
    assert rows["mlp1, co_teaching: share of the ceiling of its products"]["median"] < 100
    whole = rows["search smoke: share of training, whole command"]["median"]
    between = rows["search smoke: share of training, first ask to last end"]["median"]
    assert whole < between < 100


def test_a_stack_is_compared_with_a_loop_a_pair_and_runs_one_by_one(tmp_path: Path) -> None:
    rows = figures_of(
        "stack", tmp_path, "--models", "mlp1", "--members", "2", "--scale", "0.01",
        "--repeats", "2", "--confirmed-dataset", "digits", "--confirmed-epochs", "1",
        "--seeds", "2",
    )  # fmt: skip
    for name in (
        "mlp1, 2 members: stack / loop",
        "mlp1: co-teaching / standard step",
        "mlp1: naive pair / co-teaching step",
        "mlp1, digits, training: runs / stack",
        "mlp1, digits, commands: runs / stack",
    ):
        assert rows[name]["unit"] == "x"


def test_the_gpu_benchmark_runs_on_a_cpu_without_ray_optuna_and_mlflow(tmp_path: Path) -> None:
    rows = figures_of("gpu", tmp_path, "--device", "cpu", "--smallest", blocked="ray,optuna,mlflow")
    for name in (
        "mlp1, 2 members: stack / one at a time",
        "mlp1, 2 processes: samples per second",
        "mlp1: 2 members / 2 processes",
        "mlp1, 2 members, eager: bare step",
    ):
        assert rows[name]["n"] >= 1
