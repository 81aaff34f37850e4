import json
from typing import Any

import pytest

from tests.reporting.conftest import Builder
from tune_noise.reporting.statistics import estimate
from tune_noise.reporting.summary import ConditionSummary, summarise

CLOSE = ([1.30, 1.10, 1.20, 1.25, 1.15], [1.20, 1.22, 1.10, 1.05, 1.28])


def only_condition(build: Builder, *, finished: bool = True) -> ConditionSummary:
    (condition,) = summarise(build.history(finished=finished)).conditions
    return condition


def strict(build: Builder, *, finished: bool = True) -> dict[str, Any]:
    """Through the text of summary.json, where NaN and infinity are errors."""
    content = summarise(build.history(finished=finished)).to_json()
    found: dict[str, Any] = json.loads(json.dumps(content), parse_constant=refuse)
    return found


def refuse(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def test_a_clear_paired_difference_makes_a_winner(compared: Builder) -> None:
    condition = strict(compared)["conditions"][0]
    assert condition["condition"] == {"noise_rate": 0.45}
    assert condition["verdict"] == "winner"
    assert condition["winner"]["config"]["method"] == "co_teaching"
    assert condition["winner"]["metrics"]["val_information_noisy"]["n"] == 5
    difference = condition["runner_up"]["difference"]["val_information_noisy"]
    expected = estimate([0.20, 0.22, 0.18, 0.21, 0.19])
    assert difference["mean"] == pytest.approx(expected.mean)
    assert difference["ci95"] == pytest.approx(expected.ci95)
    assert set(condition["compare"]) == {"standard", "co_teaching"}
    assert condition["compare"]["standard"]["config"]["method"] == "standard"
    assert condition["realised_noise_rate"] == pytest.approx(0.25)


def test_what_cannot_be_told_apart_is_a_tie_with_a_leader(builder: type[Builder]) -> None:
    build = builder()
    leader = build.add_finalist(CLOSE[0], lr=0.001)
    build.add_finalist(CLOSE[1], lr=0.01)
    condition = strict(build)["conditions"][0]
    assert condition["verdict"] == "tie"
    assert condition["winner"]["trial_id"] == leader
    assert condition["compare"] == {}


def test_a_level_null_is_called_null(builder: type[Builder]) -> None:
    build = builder(search={"patience": {"choice": [None, 3]}}, compare="patience")
    build.add_finalist([1.3, 1.31], patience=3)
    found = strict(build)["conditions"][0]["compare"]
    assert set(found) == {"null", "3"}
    assert found["null"] is None
    build.add_finalist([1.4, 1.41], patience=None)
    found = strict(build)["conditions"][0]["compare"]
    assert (found["null"]["config"].get("patience"), found["3"]["config"]["patience"]) == (None, 3)


def test_the_order_of_asking_does_not_decide(builder: type[Builder]) -> None:
    for first, second in (CLOSE, CLOSE[::-1]):
        build = builder()
        build.add_finalist(first)
        build.add_finalist(second)
        leader = only_condition(build).leader
        assert leader is not None
        assert leader.metrics["val_information_noisy"].mean == pytest.approx(1.20)


def test_test_accuracy_never_decides(builder: type[Builder], compared: Builder) -> None:
    build = builder()
    for objective, accuracy in ((1.0, 0.9), (1.2, 0.1)):
        finalist = build.add({"val_information_noisy": objective})
        for seed in range(4):
            jitter = 0.01 * seed * objective
            shown = {"val_information_noisy": objective + jitter, "test_accuracy_clean": accuracy}
            build.add(shown, finalist=finalist, seed=seed)
    condition = only_condition(build)
    assert condition.verdict == "winner"
    assert condition.leader is not None
    assert condition.leader.metrics["test_accuracy_clean"].mean == pytest.approx(0.1)


def test_a_smaller_loss_wins(builder: type[Builder]) -> None:
    build = builder(objective="val_loss_noisy")
    build.add_finalist([1.0, 1.1, 0.9, 1.0, 1.05])  # the loss is 2 - objective
    better = build.add_finalist([1.3, 1.42, 1.19, 1.31, 1.34])
    condition = only_condition(build)
    assert condition.verdict == "winner"
    assert condition.leader is not None
    assert condition.leader.trial_id == better
    assert condition.difference["val_loss_noisy"].mean < 0.0


def test_a_single_finalist_is_unopposed(builder: type[Builder]) -> None:
    build = builder(confirm={"finalists": 1, "seeds": 5})
    build.add_finalist([1.0, 1.1, 0.9, 1.0, 1.05])
    condition = strict(build)["conditions"][0]
    assert (condition["verdict"], condition["runner_up"]) == ("winner", None)


def test_one_seed_has_no_interval_and_so_no_winner(builder: type[Builder]) -> None:
    build = builder(confirm={"seeds": 1})
    build.add_finalist([1.0])
    build.add_finalist([1.5])
    condition = strict(build)["conditions"][0]
    assert condition["verdict"] == "tie"
    figures = condition["winner"]["metrics"]["val_information_noisy"]
    assert figures == {"n": 1, "mean": 1.5, "sd": None, "ci95": None}


def test_failed_seeds_are_left_out_of_both_and_counted(builder: type[Builder]) -> None:
    build = builder()
    build.add_finalist([1.30, None, 1.32, 1.31, 1.29])
    build.add_finalist([1.10, 1.11, None, 1.12, 1.10])
    condition = only_condition(build)
    assert condition.difference["val_information_noisy"].n == 3
    assert [len(finalist.counted) for finalist in condition.finalists] == [4, 4]
    assert [finalist.num_failed for finalist in condition.finalists] == [1, 1]
    assert strict(build)["conditions"][0]["failed_confirm_trials"] == 2


def test_no_verdict_before_the_confirmation_has_ended(compared: Builder) -> None:
    del compared.events[-1]  # the last confirmation is still running
    condition = strict(compared, finished=False)["conditions"][0]
    assert (condition["verdict"], condition["winner"]) == (None, None)
    assert only_condition(compared, finished=True).verdict == "winner"


def test_a_condition_is_judged_before_the_others_are_done(compared: Builder) -> None:
    assert only_condition(compared, finished=False).verdict == "winner"


@pytest.mark.parametrize("objectives", [[], [None, None]])
def test_without_a_confirmed_seed_there_is_no_winner(
    builder: type[Builder], objectives: list[float | None]
) -> None:
    build = builder(search={"method": {"choice": ["standard"]}}, compare="method")
    build.add_finalist(objectives)
    condition = strict(build)["conditions"][0]
    assert (condition["verdict"], condition["winner"]) == (None, None)
    assert condition["compare"] == {"standard": None}


def test_without_a_test_set_its_metrics_are_absent_not_zero(builder: type[Builder]) -> None:
    build = builder(noise="given")
    for value in (1.0, 1.1):
        finalist = build.add({"val_information_noisy": value})
        for seed in range(3):
            build.add({"val_information_noisy": value + seed / 10}, finalist=finalist, seed=seed)
    condition = strict(build)["conditions"][0]
    assert not [name for name in condition["winner"]["metrics"] if name.startswith("test_")]


def test_every_condition_is_judged_on_its_own(many: Builder) -> None:
    found = strict(many)
    assert [c["condition"]["noise_rate"] for c in found["conditions"]] == [0.0, 0.2, 0.45]
    assert [c["verdict"] for c in found["conditions"]] == ["tie", "winner", "winner"]
    assert found["search"]["counts"] == {"search": {"completed": 12}, "confirm": {"completed": 30}}
    assert found["search"]["commit"] == "0123abc"


def test_an_empty_search_can_be_summarised(builder: type[Builder]) -> None:
    found = strict(builder(), finished=False)
    assert found["conditions"][0]["verdict"] is None
    assert found["search"]["started"] is None
