"""The benchmarks of whole searches work at their smallest size, and compare like with like."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tune_noise.config.loader import build_search, read_space

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def run(name: str, path: Path, *arguments: str) -> dict[str, Any]:
    """What a benchmark writes: name of a figure -> the figure."""
    command = [sys.executable, BENCHMARKS / f"{name}.py", *arguments, "--json", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(path.read_text(encoding="utf-8"))["figures"]
    return {figure["name"]: figure for figure in figures}


@pytest.mark.slow
def test_quality_per_cost_compares_the_ways_seed_by_seed(tmp_path: Path) -> None:
    sizes = ["--repeats", "2", "--trials", "4", "--processes", "1", "--spaces", "pair_flip"]
    ways = ["--ways", "random", "random+asha", "tpe+asha"]
    figures = run("quality_per_cost", tmp_path / "x.json", *sizes, *ways)
    random = figures["pair_flip, 4 trials, random: test"]["values"]
    assert random == figures["pair_flip, 1 of the CPU time, random: test"]["values"]
    assert min(random) > 30.0  # per cent; chance is 10
    for way in ways[2:]:
        for moment in ("1 of the CPU time", "4 trials"):
            name = f"pair_flip, {moment}, {way}: test"
            pairs = zip(figures[name]["values"], random, strict=True)
            differences = [ours - base for ours, base in pairs]
            assert figures[f"{name}, minus random"]["values"] == pytest.approx(differences)
        # How much less it costs is told, not tested: so few trials on a busy machine say nothing.
        assert figures[f"pair_flip, 4 trials, {way}: CPU time, random / {way}"]["n"] == 2


@pytest.mark.filterwarnings("default")  # Ray and MLflow warn when they are imported
@pytest.mark.parametrize("dataset", ["digits", "mnist", "features"])
def test_the_stock_recipe_searches_what_its_space_says(dataset: str) -> None:
    from benchmarks.stock.recipe import NOISE_RATE, SEARCHES, search_space

    space = read_space(BENCHMARKS / "stock" / f"{dataset}.yaml")
    search = build_search({"name": dataset, **space}, source=dataset)
    assert search.early_stopping is not None
    told = {**search.fixed, **dict(search.early_stopping), **dict(search)}
    recipe = SEARCHES[dataset]
    assert {name: told[name] for name in recipe} == recipe
    # The labels of the features are wrong already.
    assert search.noise == "given" or search.fixed["noise_rate"] == NOISE_RATE
    drawn: dict[str, Any] = {}

    class Asked:
        """In place of an Optuna trial: notes what it is asked."""

        def suggest_categorical(self, name: str, choices: list[str]) -> str:
            drawn[name] = choices
            return choices[-1]

        def suggest_float(self, name: str, low: float, high: float, log: bool = False) -> None:
            drawn[name] = (low, high)

    search_space(Asked())  # type: ignore[arg-type]
    domains = search.search
    assert drawn.pop("method") == domains["method"].choice
    assert drawn == {name: domains[name].bounds for name in ("lr", "tau")}


@pytest.mark.slow
def test_the_stock_recipe_and_ours_both_run(tmp_path: Path) -> None:
    figures = run("stock_recipe", tmp_path / "x.json", "--repeats", "1", "--trials", "2")
    median = {name: figure["median"] for name, figure in figures.items()}
    for name in ("stock", "ours"):
        # Chance is 0.1, and noisy labels leave no room above the share of right ones.
        assert 0.2 < median[f"{name}: best noisy validation accuracy"] < 0.9
        assert median[f"{name}: epochs trained"] >= 2
        assert median[f"{name}: training time of all trials"] > 0.0
    ratio = median["stock: wall time"] / median["ours: wall time"]
    assert median["stock / ours: wall time"] == pytest.approx(ratio)
