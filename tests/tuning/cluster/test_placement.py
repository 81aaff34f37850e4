"""What the nodes of a cluster hold, and how searches share it."""

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_noise.config.search import Resources
from tune_noise.errors import UserError
from tune_noise.tuning.cluster.capacity import fair_share
from tune_noise.tuning.cluster.placement import check_placement, fitting_nodes, held, max_concurrent


def node(alive: bool = True, **resources: float) -> dict[str, Any]:
    return {"Alive": alive, "Resources": resources}


def needs(cpus: float = 1.0, gpus: float = 0.0, most: int | None = None) -> Resources:
    return Resources(cpus_per_trial=cpus, gpus_per_trial=gpus, max_concurrent=most)


@pytest.mark.parametrize(
    ("nodes", "resources", "message"),
    [
        ([node(CPU=4)], needs(5), "--cpus-per-trial 5: the largest node has 4 CPUs; use at most 4"),
        ([node(CPU=4), node(CPU=8)], needs(12), "the largest node has 8"),  # nodes do not add up
        ([node(CPU=4), node(alive=False, CPU=64)], needs(8), "the largest node has 4"),
        ([node()], needs(), "the largest node has 0 CPUs; add a node that has CPUs"),
        ([node(CPU=4)], needs(gpus=0.25), "--gpus-per-trial 0.25: this cluster has no GPU; use 0"),
        ([node(CPU=4, GPU=1)], needs(gpus=2), "--gpus-per-trial 2: the largest node has 1"),
        ([node(CPU=2, GPU=1), node(CPU=8)], needs(8, 1), "no single node has both; use at most 2"),
    ],
)
def test_a_trial_must_fit_on_one_node(
    nodes: list[dict[str, Any]], resources: Resources, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        check_placement(nodes, resources)


def test_a_trial_that_fits_is_let_through() -> None:
    check_placement([node(CPU=2), node(CPU=8, GPU=2)], needs(8, 2))


@pytest.mark.parametrize(
    ("nodes", "resources", "count"),
    [
        ([node(CPU=4)], needs(), 4),
        ([node(CPU=4)], needs(0.1), 40),  # not 39 for a rounding error
        ([node(CPU=4)], needs(3), 1),
        ([node(CPU=3), node(CPU=3)], needs(2), 2),  # not 3: a trial never spans nodes
        ([node(CPU=16, GPU=1)], needs(1, 0.25), 4),
        ([node(CPU=16, GPU=3)], needs(1, 0.4), 6),  # a share is of one GPU
        ([node(CPU=16, GPU=3)], needs(1, 2), 1),
        ([node(CPU=2, GPU=1)], needs(1, 0.25), 2),
        ([node(CPU=8, GPU=1), node(CPU=64)], needs(1, 0.5), 2),  # only nodes that have GPUs
        ([node(CPU=16)], needs(most=3), 3),
        ([node(CPU=2)], needs(most=9), 2),
        ([node(CPU=2), node(alive=False, CPU=64), node()], needs(), 2),
        ([node()], needs(), 1),
    ],
)
def test_as_many_trials_run_at_once_as_fit(
    nodes: list[dict[str, Any]], resources: Resources, count: int
) -> None:
    assert max_concurrent(nodes, resources) == count


@given(
    share=st.integers(1, 40).map(lambda n: Fraction(n, 40)),
    gpus=st.integers(1, 16),
    cpus=st.integers(1, 200),
)
def test_a_gpu_holds_as_many_shares_as_exact_arithmetic_says(
    share: Fraction, gpus: int, cpus: int
) -> None:
    exact = min(cpus, gpus * math.floor(1 / share))
    assert held({"CPU": float(cpus), "GPU": float(gpus)}, needs(1, float(share))) == exact


def test_only_living_nodes_with_room_may_train() -> None:
    good = node(CPU=2)
    assert fitting_nodes([node(), node(alive=False, CPU=8), good], needs(2)) == [good]


@given(
    room=st.integers(0, 300),
    wanted=st.dictionaries(st.text("abc", min_size=1), st.integers(0, 100), min_size=1),
)
def test_searches_fill_the_cluster_and_none_goes_without(room: int, wanted: dict[str, int]) -> None:
    shares = {name: fair_share(room, wanted, name) for name in wanted}
    assert min(shares.values()) >= 1
    if room >= len(wanted):
        useful = sum(min(shares[name], wanted[name]) for name in wanted)
        assert useful == min(room, sum(wanted.values()))
        unmet = [shares[name] for name in wanted if shares[name] < wanted[name]]
        # Who does not get all has no less than anyone else, but for the odd one.
        assert all(min(shares[n], wanted[n]) <= share + 1 for share in unmet for n in wanted)
