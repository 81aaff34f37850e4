import io
import os
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tune_noise.config.loader import build_search
from tune_noise.config.search import SearchConfig
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.service.dry_run import plan_to_json, show_plan
from tune_noise.service.plan import OVERHEAD_SECONDS, estimate_cost, make_plan
from tune_noise.training import Trial
from tune_noise.tuning.session.rungs import RungLadder

SPACE: dict[str, Any] = {
    "name": "mine",
    "conditions": {"noise_rate": [0.2, 0.45]},
    "search": {
        "method": {"choice": ["standard", "co_teaching"]},
        "lr": {"uniform": [0.01, 0.1]},
        "tau": {"uniform": [0.1, 0.6], "when": {"method": "co_teaching"}},
    },
    "fixed": {"ramp_epochs": 4},
    "compare": "method",
    "trials": 16,
    "epochs": 16,
    "early_stopping": {"grace_epochs": 4, "reduction_factor": 2},
    "confirm": {"seeds": 3},
}


def search(**changes: Any) -> SearchConfig:
    raw = {k: v for k, v in (SPACE | changes).items() if v is not None}
    return build_search(raw, source="mine.yaml")


def test_a_plan_counts_conditions_trials_rungs_and_finalists() -> None:
    plan = make_plan(search())
    assert plan.conditions == ["noise_rate=0.2", "noise_rate=0.45"]
    assert plan.rungs == [4, 8]
    assert (plan.trials, plan.finalists, plan.confirm_trials) == (32, 4, 12)
    # Of 8 trials of a level: 8 to epoch 4, 4 on to 8, 2 on to 16.
    assert plan.min_epochs == 2 * 2 * (8 * 4 + 4 * 4 + 2 * 8)
    assert plan.max_epochs == 32 * 16
    assert plan.confirm_epochs == 12 * 16
    # Of 4 folds each training leaves one out.
    assert plan.suspect_epochs == 2 * 3 * 16
    assert make_plan(search(suspects={"folds": 1})).suspect_epochs == 0


@pytest.mark.parametrize("changes", [{"suspects": {"folds": 0}}, {"noise": "foreign"}])
def test_where_no_suspects_are_looked_for_they_cost_nothing(changes: dict[str, Any]) -> None:
    if changes.get("noise") == "foreign":
        changes = {**changes, "conditions": {"alpha": [1]}}
    assert make_plan(search(**changes)).suspect_epochs == 0


def test_further_seeds_make_the_confirmation_a_range() -> None:
    plan = make_plan(search(confirm={"seeds": 3, "max_seeds": 10}))
    assert (plan.confirm_trials, plan.max_confirm_trials) == (12, 40)
    assert (plan.confirm_epochs, plan.max_confirm_epochs) == (12 * 16, 40 * 16)


def test_without_early_stopping_least_and_most_are_the_same() -> None:
    plan = make_plan(search(early_stopping=None))
    assert plan.rungs == []
    assert plan.min_epochs == plan.max_epochs == 32 * 16


@given(st.integers(1, 40), st.integers(2, 4), st.integers(1, 4), st.integers(5, 60))
def test_no_search_trains_less_than_the_least(
    trials: int, factor: int, grace: int, epochs: int
) -> None:
    stopping = {"grace_epochs": grace, "reduction_factor": factor}
    config = search(
        conditions={},
        search={"lr": {"uniform": [0.01, 0.1]}},
        fixed={},
        compare=None,
        trials=trials,
        epochs=epochs,
        early_stopping=stopping,
    )
    plan = make_plan(config)
    assert plan.min_epochs <= plan.max_epochs == trials * epochs
    # Trials that arrive together, best first, and stop only where the rung would keep no more.
    alive, total = trials, 0
    for previous, level in pairwise([0, *plan.rungs, epochs]):
        total += alive * (level - previous)
        ladder = RungLadder(factor)
        worst_first = [ladder.arrive("all", level, float(score)) for score in range(alive)]
        assert sum(worst_first) >= max(1, alive // factor)
        alive = max(1, alive // factor)
    assert plan.min_epochs == total


def test_a_cost_is_that_of_the_epochs_at_the_speed_of_a_probe(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "tune_noise.service.plan._probe", lambda *_: 2.0
    )  # seconds per 1,000 examples
    plan = make_plan(search())
    for concurrent in (1, 4):
        cost = estimate_cost(search(), digits, concurrent=concurrent)
        per_epoch = 2.0 * 1257 * 0.9 / 1000 / concurrent
        after = plan.confirm_epochs + plan.suspect_epochs
        least, most = plan.min_epochs + after, plan.max_epochs + after
        assert cost.least == pytest.approx(least * per_epoch + OVERHEAD_SECONDS)
        assert cost.most == pytest.approx(most * per_epoch + OVERHEAD_SECONDS)


@pytest.mark.parametrize(
    ("changes", "examples"),
    [
        ({"noise": "structured", "conditions": {"alpha": [5, 9]}}, 1257 * 0.9 * (6 + 10) / 2),
        ({"noise": "foreign", "conditions": {"alpha": [0, 3]}}, 1257 * 0.9 * (1 + 4) / 2),
        ({"conditions": {"train_size": [100, 300]}}, (100 + 300) / 2),
        ({"conditions": {"train_size": [None, 100]}}, (1257 * 0.9 + 100) / 2),
        ({"noise": "dilution", "conditions": {"train_size": [100, 400], "alpha": [0, 9]}},
         (100 + 400) / 2 * (1 + 10) / 2),
        ({"noise": "human", "conditions": {}}, 1257 * 0.9),
    ],
    ids=str,
)  # fmt: skip
def test_a_cost_counts_the_labels_of_all_images_that_are_trained_on(
    changes: dict[str, Any], examples: float, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "tune_noise.service.plan._probe", lambda *_: 2.0
    )  # seconds per 1,000 examples
    plan = make_plan(search(**changes))
    cost = estimate_cost(search(**changes), digits, concurrent=1)
    epochs = plan.max_epochs + plan.confirm_epochs + plan.suspect_epochs
    assert cost.most == pytest.approx(epochs * 2.0 * examples / 1000 + OVERHEAD_SECONDS)


def test_each_network_and_method_is_probed(digits: Dataset) -> None:
    domains = SPACE["search"] | {"model": {"choice": ["mlp1", "perceptron"]}}
    cost = estimate_cost(search(search=domains), digits, concurrent=1)
    methods = ("standard", "co_teaching")
    assert set(cost.probes) == {(n, m) for n in ("mlp1", "perceptron") for m in methods}
    assert all(seconds > 0 for seconds in cost.probes.values())


def test_a_probe_times_a_method_at_its_work(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    probed: list[TrialConfig] = []

    def noted(configs: list[TrialConfig], data: Dataset) -> Trial:
        probed.extend(configs)
        return Trial(configs, data)

    monkeypatch.setattr("tune_noise.training.Trial", noted)
    methods = {"choice": ["gmm", "forward", "co_teaching"]}
    domains = {"method": methods, "peers": {"int": [2, 4], "when": {"method": "co_teaching"}}}
    early = {"grace_epochs": 12, "reduction_factor": 2}
    space = search(search=domains, epochs=24, early_stopping=early, fixed={})
    cost = estimate_cost(space, digits, concurrent=1)
    assert OVERHEAD_SECONDS < cost.least < cost.most  # early stopping may spare some
    found = {config.method: (config.warm_up_epochs, config.num_networks) for config in probed}
    assert found == {"gmm": (0, 2), "forward": (0, 1), "co_teaching": (None, 4)}


def test_the_probe_takes_the_threads_that_a_trial_gets(digits: Dataset) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(4)
        estimate_cost(search(), digits, concurrent=1)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def rare_classes() -> Dataset:
    """5,000 examples of 100 classes; one of them has two examples only."""
    labels = np.arange(5000) % 99
    labels[:2] = 99
    images = np.random.default_rng(0).integers(256, size=(5000, 1, 8, 8), dtype=np.uint8)
    return Dataset("rare.npz", images, labels, None, None, None, 100)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"noise": "dilution", "conditions": {"alpha": [0, 3]}},
        {"noise": "given", "conditions": {}},
        {"noise": "structured", "conditions": {"alpha": [60, 80], "delta": [0.0, 0.5]}},
        {"noise": "foreign", "conditions": {"alpha": [0, 3], "foreign_source": ["white", "own"]}},
        {"noise": "asymmetric", "conditions": {"class_map": ["0>1", "1>2,2>1"]}},
        {"noise": "matrix", "conditions": {"transition_file": ["T.csv"]}},
        {"noise": "instance"},
        {"noise": "human", "conditions": {"human_labels": ["worse"]}},
        {"conditions": {"train_size": [None, 500], "patience": [None, 3]}},
        {"search": SPACE["search"] | {"val_fraction": {"uniform": [0.1, 0.3]}}},
        {"search": SPACE["search"] | {"model": {"choice": ["mlp1", "perceptron"]}}},
    ],
    ids=str,
)
def test_the_cost_is_known_for_any_noise_and_for_data_with_a_rare_class(
    changes: dict[str, Any],
) -> None:
    cost = estimate_cost(search(**changes), rare_classes(), concurrent=2)
    assert OVERHEAD_SECONDS < cost.least < cost.most


def test_a_dry_run_says_all_that_will_happen(digits: Dataset) -> None:
    title = "which [method/] survives?"
    file = io.StringIO()
    console = Console(width=100, markup=False, file=file)
    show_plan(search(title=title), replace(digits, name="[/digits]"), console)
    text = " ".join(file.getvalue().split())
    for part in (
        f"mine: {title}",
        "[/digits]: 1,257 training examples (images of 8 x 8 with 1 channel), 10 classes",
        "540 test examples",
        "2: noise_rate=0.2; noise_rate=0.45",
        "symmetric; noise_rate (true class excluded)",
        "uniform [0.1, 0.6] when method is co_teaching",
        "32, 16 per condition (tpe), dealt out evenly over method ['standard', 'co_teaching']",
        "epochs [4, 8], the best 1/2 go on",
        "4 configurations, 2 per condition, on 3 fresh seeds: 12 trials in 4 stacks",
        "val_information_noisy",
        "1 CPU per trial",
        "on this machine with",
        "mlp1/co_teaching",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("resources", "count"),
    [({}, 1), ({"cpus_per_trial": 0.25}, 4), ({"cpus_per_trial": 0.25, "max_concurrent": 9}, 4)],
)
def test_a_dry_run_counts_the_cores_that_this_process_may_use(
    resources: dict[str, Any], count: int, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tune_noise.service.plan._probe", lambda *given: 1.0)
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        plan = plan_to_json(search(resources=resources), digits)
    finally:
        os.sched_setaffinity(0, cores)
    assert plan["cost"]["concurrent"] == count


def test_a_dry_run_says_when_further_seeds_are_spent(digits: Dataset) -> None:
    file = io.StringIO()
    confirm = {"seeds": 3, "max_seeds": 10}
    show_plan(search(confirm=confirm), digits, Console(width=100, file=file))
    text = " ".join(file.getvalue().split())
    assert "12 trials in 4 stacks; the undecided on 6 and 10 seeds, at most 40 trials" in text
    assert f"{12 * 16} to {40 * 16} to confirm" in text


def test_the_highest_cost_is_that_of_all_seeds(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tune_noise.service.plan._probe", lambda *given: 1.0)
    once = estimate_cost(search(), digits, concurrent=1)
    looked = estimate_cost(search(confirm={"seeds": 3, "max_seeds": 10}), digits, concurrent=1)
    assert looked.least == once.least
    assert looked.most > once.most
