import json
import math
from typing import Any

import pytest

from tests.support.histories import Builder, epoch
from tune_noise.reporting.findings.summary import ConditionSummary, summarise
from tune_noise.reporting.statistics import estimate

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


def test_a_tie_is_of_all_that_are_not_separated_from_the_leader(builder: type[Builder]) -> None:
    build = builder(confirm={"finalists": 3, "seeds": 5})
    leader = build.add_finalist([1.30, 1.10, 1.20, 1.25, 1.15])
    worse = build.add_finalist([0.31, 0.12, 0.20, 0.24, 0.16])
    rival = build.add_finalist([1.15, 1.24, 1.10, 1.20, 1.21])
    condition = only_condition(build)
    assert condition.leader is not None
    assert condition.rival is not None
    assert (condition.leader.trial_id, condition.rival.trial_id) == (leader, rival)
    assert [finalist.trial_id for finalist in condition.tied] == [rival]
    found = strict(build)["conditions"][0]
    assert (found["verdict"], found["tied"]) == ("tie", [rival])
    assert found["comparisons"][worse]["is_separated"]
    assert found["comparisons"][worse]["level"] == pytest.approx(0.025)
    assert found["comparisons"][rival]["level"] == pytest.approx(0.05)
    assert found["more_seeds"] == found["comparisons"][rival]["more_seeds"] > 5
    assert leader not in found["comparisons"]


def test_the_one_who_is_hardest_to_tell_from_the_leader_keeps_it_from_winning(
    builder: type[Builder],
) -> None:
    """The runner-up is clearly worse; the third, who scatters, may yet be better."""
    build = builder(confirm={"finalists": 3, "seeds": 5})
    build.add_finalist([1.30, 1.31, 1.32, 1.30, 1.31])
    steady = build.add_finalist([1.20, 1.21, 1.22, 1.205, 1.21])
    unsteady = build.add_finalist([1.60, 0.60, 1.50, 0.70, 1.55])
    condition = only_condition(build)
    assert condition.runner_up is not None
    assert condition.runner_up.trial_id == steady
    assert condition.verdict == "tie"
    assert condition.rival is not None
    assert condition.rival.trial_id == unsteady
    assert strict(build)["conditions"][0]["tied"] == [unsteady]


def test_more_seeds_are_not_known_from_one_and_none_are_needed_by_a_winner(
    builder: type[Builder], compared: Builder
) -> None:
    build = builder(confirm={"seeds": 1})
    build.add_finalist([1.0])
    build.add_finalist([1.5])
    assert only_condition(build).more_seeds is None
    assert only_condition(compared).more_seeds is None
    equal = builder(confirm={"seeds": 2})
    equal.add_finalist([1.0, 1.1])
    equal.add_finalist([1.0, 1.1])
    assert only_condition(equal).more_seeds == math.inf
    assert strict(equal)["conditions"][0]["more_seeds"] is None


def test_a_comparison_is_told_in_the_unit_and_direction_of_the_objective(
    builder: type[Builder],
) -> None:
    build = builder(objective="val_loss_noisy")  # the loss is 2 - objective
    build.add_finalist([1.3, 1.42, 1.19, 1.31, 1.34])
    worse = build.add_finalist([1.0, 1.1, 0.9, 1.0, 1.05])
    found = strict(build)["conditions"][0]["comparisons"][worse]
    assert found["mean"] == pytest.approx(-0.302)
    assert found["interval"][0] < found["interval"][1] < 0.0


def test_who_was_separated_early_stands_behind_those_who_went_on(builder: type[Builder]) -> None:
    """Its few seeds were good ones for all: by its plain mean it would lead."""
    build = builder(confirm={"finalists": 3, "seeds": 3, "max_seeds": 6})
    early = build.add_finalist([1.90, 1.91, 1.92], lr=0.1)
    others = [
        build.add_finalist([2.0, 2.02, 2.03], lr=lr, model=model)
        for lr, model in ((0.01, "mlp1"), (0.02, "mlp2"))
    ]
    for number, other in enumerate(others):
        for seed, value in ((106, 1.0), (107, 1.2 + 0.1 * number), (108, 1.1)):
            build.add(epoch(value), finalist=other, seed=seed)
    condition = only_condition(build)
    assert [f.trial_id for f in condition.finalists] == [others[1], others[0], early]
    assert condition.verdict == "tie"
    assert condition.standing.comparisons[early].n == 3


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
