"""Several searches side by side: what may be compared, and how."""

import csv
import io
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from scipy import stats

from tests.support.histories import Builder, epoch
from tune_noise.history.replay import History
from tune_noise.reporting.comparison.compare import SearchComparison, compare_searches
from tune_noise.reporting.comparison.data import comparison_to_json
from tune_noise.reporting.comparison.page import write_comparison
from tune_noise.reporting.comparison.terminal import comparison_tables
from tune_noise.reporting.comparison.words import notes, overview, sentence
from tune_noise.reporting.statistics import paired_difference
from tune_noise.verdict.two_samples import difference_of

GOOD, BAD = [1.30, 1.34, 1.26, 1.32, 1.28], [1.10, 1.12, 1.08, 1.11, 1.09]
VALUES = st.lists(st.floats(-10, 10), min_size=2, max_size=6)


def search(
    objectives: list[float | None],
    *,
    shift: int = 0,
    fingerprint: str = "f1",
    method: str = "co_teaching",
    groups: np.ndarray | None = None,
    **space: Any,
) -> History:
    """A finished search with one finalist; `shift` moves its fresh seeds.

    Args:
        objectives: of its seeds.
        groups: the objective of each seed without each group of labels.
        shift: added to the seeds.
        fingerprint: of its data.
        method: of the finalist.
        **space: the space.
    """
    given = {"conditions": {"noise_rate": [0.45]}, "fixed": {"method": method}} | space
    build = Builder(**given)
    build.events[0].data["dataset"] = {"name": "digits", "fingerprint": fingerprint}
    first = build.add(epoch(1.0))
    for seed, objective in enumerate(objectives, start=101 + shift):
        shown = [] if objective is None else [epoch(objective)]
        status = "diverged" if objective is None else "completed"
        build.add(*shown, status=status, finalist=first, seed=seed)
        if groups is not None:
            build.events[-1].data["noise"] = {"objective_without": groups.tolist()}
    return build.history()


def standings(found: SearchComparison) -> list[dict[str, str]]:
    return [{e.label: task.standing(e) for e in task.entries} for task in found.tasks]


def test_shared_seeds_are_compared_in_pairs_and_others_by_welch() -> None:
    paired = compare_searches({"a": search(GOOD), "b": search(BAD)})
    apart = compare_searches({"a": search(GOOD), "b": search(BAD, shift=50)})
    [ours], [theirs] = (found.tasks[0].against for found in (paired, apart))
    assert ours.objective.is_paired
    assert not theirs.objective.is_paired
    assert ours.objective.mean == pytest.approx(0.2)
    assert theirs.objective.mean == pytest.approx(0.2)
    assert standings(paired) == standings(apart) == [{"a": "ahead", "b": "behind"}]
    assert "paired, n = 5 shared seeds" in sentence(paired.tasks[0])
    assert "Welch, n = 5 and 5 seeds" in sentence(apart.tasks[0])


def test_equal_seeds_with_labels_of_their_own_are_no_pairs() -> None:
    # The training seeds agree, the noise seeds do not: one space fixes its labels.
    one = search(GOOD, conditions={"noise_rate": [0.45], "noise_seed": [7]})
    other = search(BAD, conditions={"noise_rate": [0.45], "noise_seed": [8]})
    found = compare_searches({"a": one, "b": other})
    assert len(found.tasks) == 2
    assert found.differing == ["noise_seed"]


@pytest.mark.parametrize("shift", [0, 50])
def test_given_labels_that_all_seeds_share_are_a_sample_too(shift: int) -> None:
    # What each group of labels favours by chance is the larger part of 0.2 nats.
    chance = np.resize([0.02, -0.02], 20)
    given = {"noise": "given", "conditions": {}}
    first = search(GOOD, groups=1.3 + chance, **given)
    second = search(BAD, groups=1.1 - chance, shift=shift, **given)
    found = compare_searches({"a": first, "b": second})
    [against] = found.tasks[0].against
    # The jackknife: sqrt(19 / 20 * 20 * 0.04 ** 2).
    assert against.objective.label_error == pytest.approx(0.04 * np.sqrt(19))
    assert standings(found) == [{"a": "leading", "b": "not separated"}]
    assert "seeds on the same labels)" in sentence(found.tasks[0])
    # As it would be said by the seeds alone.
    alone = compare_searches({"a": first, "b": search(BAD, shift=shift, **given)})
    assert standings(alone) == [{"a": "ahead", "b": "behind"}]


def test_the_leader_of_a_tie_is_compared_at_its_share_of_the_error() -> None:
    build = Builder(conditions={"noise_rate": [0.45]}, fixed={"method": "co_teaching"})
    build.events[0].data["dataset"] = {"name": "digits", "fingerprint": "f1"}
    build.add_finalist(GOOD, lr=0.01)
    build.add_finalist([value + 0.02 * (-1) ** place for place, value in enumerate(GOOD)], lr=0.02)
    found = compare_searches({"a": build.history(), "b": search(BAD)})
    assert [against.level for against in found.tasks[0].against] == [0.025]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"fingerprint": "f2"}, "fingerprint"),
        ({"noise": "symmetric"}, "noise"),
        ({"conditions": {"noise_rate": [0.2]}}, "noise_rate"),
        ({"objective": "val_accuracy_noisy"}, "objective"),
        ({"last_epochs": 1}, "last_epochs"),
        ({"fixed": {"method": "co_teaching", "train_size": 500}}, "train_size"),
        ({"fixed": {"method": "co_teaching", "val_fraction": 0.2}}, "val_fraction"),
        ({"conditions": {"noise_rate": [0.45], "batch_size": [64]}}, "batch_size"),
    ],
)
def test_another_task_is_never_compared_and_the_difference_is_named(
    change: dict[str, Any], field: str
) -> None:
    found = compare_searches({"a": search(GOOD), "b": search(BAD, **change)})
    assert standings(found) == [{"a": "alone"}, {"b": "alone"}]
    assert found.differing == [field]
    assert f"may not be compared: they differ in {field} (" in overview(found)


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": 12},
        {"method": "standard"},
        {"conditions": {}, "fixed": {"method": "standard", "noise_rate": 0.45}},
        {"fixed": {"method": "standard", "lr": 0.01, "batch_size": 64}},
    ],
)
def test_how_it_is_learnt_makes_no_other_task(change: dict[str, Any]) -> None:
    found = compare_searches({"a": search(GOOD), "b": search(BAD, **change)})
    assert standings(found) == [{"a": "ahead", "b": "behind"}]
    assert found.differing == []


def test_a_factor_that_another_search_sets_to_the_same_value_is_the_same_task() -> None:
    one = search(GOOD, conditions={"noise_rate": [0.45], "batch_size": [64]})
    same = search(BAD, fixed={"method": "co_teaching", "batch_size": 64})
    assert len(compare_searches({"a": one, "b": same}).tasks) == 1
    searched = search(BAD, search={"batch_size": {"choice": [64, 128]}})
    found = compare_searches({"a": one, "b": searched})
    assert len(found.tasks) == 2
    assert "batch_size (64, left to the sampler)" in overview(found)


def test_the_best_is_ahead_only_of_those_it_is_separated_from() -> None:
    near = [value + 0.03 * (-1) ** place for place, value in enumerate(GOOD)]
    found = compare_searches({"a": search(GOOD), "b": search(near), "c": search(BAD)})
    [task] = found.tasks
    assert task.verdict == "tie"
    assert sorted(standings(found)[0].values()) == ["behind", "leading", "not separated"]
    assert standings(found)[0]["c"] == "behind"
    # Holm: the clearer of two comparisons is judged at half the error.
    assert [each.level for each in task.against] == [0.05, 0.025]


def test_of_a_loss_less_is_better_and_the_difference_keeps_its_sign() -> None:
    low = search(GOOD, objective="val_loss_noisy")  # the loss is 2 less the objective
    high = search(BAD, objective="val_loss_noisy")
    found = compare_searches({"high": high, "low": low})
    [task] = found.tasks
    assert standings(found) == [{"low": "ahead", "high": "behind"}]
    assert task.against[0].objective.mean == pytest.approx(-0.2)


def test_too_few_seeds_and_missing_leaders_decide_nothing() -> None:
    one = compare_searches({"a": search([1.4]), "b": search(BAD)})
    assert standings(one) == [{"a": "leading", "b": "not separated"}]
    assert "one seed, too few for an interval" in sentence(one.tasks[0])
    none = compare_searches({"a": search([None]), "b": search(BAD)})
    assert standings(none) == [{"b": "alone", "a": "unconfirmed"}]
    begun = Builder(conditions={"noise_rate": [0.45]}).history(finished=False)
    found = compare_searches({"a": begun, "b": search(BAD)})
    assert [entry.label for entry in found.untold] == ["a"]
    said = " ".join(notes(found))
    assert "a: noise_rate=0.45 has not begun" in said
    assert "Not finished, so this may change: a" in said


def test_other_versions_are_named() -> None:
    newer = search(BAD)
    newer.search["versions"] = {"torch": "3.0"}
    said = " ".join(notes(compare_searches({"a": search(GOOD), "b": newer})))
    assert "different versions of torch: 2.13.0, 3.0" in said


def test_only_the_chosen_conditions_trials_are_its_cost() -> None:
    build = Builder(conditions={"noise_rate": [0.2, 0.45]}, fixed={"method": "co_teaching"})
    low, high = build.config.all_conditions
    build.add(epoch(1.0), epoch(1.1), condition=low)
    build.add(epoch(1.0), condition=high)
    found = compare_searches({"a": build.history()})
    costs = [task.entries[0].cost for task in found.tasks]
    assert [(cost.trials, cost.epochs, cost.network_epochs) for cost in costs] == [
        (1, 2, 4), (1, 1, 2),
    ]  # fmt: skip


@given(VALUES, VALUES)
def test_welch_agrees_with_scipy(first: list[float], second: list[float]) -> None:
    found = difference_of(dict(enumerate(first)), dict(enumerate(second, start=100)))
    assert found is not None
    assert found.error is not None
    if min(np.ptp(first), np.ptp(second)) < 1e-3:
        return  # scipy warns of what rounding does there
    expected = stats.ttest_ind(first, second, equal_var=False)
    low, high = found.interval(0.05) or (np.nan, np.nan)
    wanted = expected.confidence_interval(0.95)
    assert (low, high) == pytest.approx((wanted.low, wanted.high), rel=1e-6, abs=1e-9)
    if found.mean > 0.0:
        assert found.p_value == pytest.approx(expected.pvalue, abs=1e-9)
    else:
        assert found.p_value == 1.0


@given(VALUES, VALUES)
def test_pairs_agree_with_the_paired_difference_of_finalists(
    first: list[float], second: list[float]
) -> None:
    ours, theirs = dict(enumerate(first)), dict(enumerate(second))
    found, expected = difference_of(ours, theirs), paired_difference(ours, theirs)
    assert found is not None
    assert expected is not None
    assert found.mean == pytest.approx(expected.mean)
    assert found.interval(0.05) == pytest.approx(expected.ci95, abs=1e-9)
    separated = found.p_value < 0.05
    low, _ = found.interval(0.05) or (0.0, 0.0)
    assert separated == (low > 0.0) or found.p_value == pytest.approx(0.05, abs=1e-6)


def test_without_any_spread_every_difference_is_certain() -> None:
    found = difference_of({1: 1.0, 2: 1.0}, {3: 0.5, 4: 0.5})
    assert found is not None
    assert (found.p_value, found.interval(0.05)) == (0.0, (0.5, 0.5))
    equal = difference_of({1: 1.0, 2: 1.0}, {3: 1.0, 4: 1.0})
    assert equal is not None
    assert equal.p_value == 1.0
    assert difference_of({}, {1: 1.0}) is None


def test_page_tables_and_figure_say_the_same(tmp_path: Path) -> None:
    found = compare_searches(
        {
            "first": search(GOOD),
            "<second>": search(BAD, shift=50),
            "third": search(BAD, noise="symmetric"),
            "empty": search([None], noise="symmetric"),
        }
    )
    write_comparison(found, tmp_path / "both.html")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "both.csv", "both.html", "both.png", "both.svg", "both_differences.csv",
    ]  # fmt: skip
    page = (tmp_path / "both.html").read_text()
    assert "<second>" not in page
    assert "&lt;second&gt;" in page
    assert "http" not in page.split("data:image")[0]
    assert page.count("<table") == 2
    data = comparison_to_json(found)
    json.dumps(data, allow_nan=False)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "both.csv").read_text())))
    assert [(row["task"], row["search"], row["standing"]) for row in rows] == [
        ("1", "first", "ahead"), ("1", "<second>", "behind"),
        ("2", "third", "alone"), ("2", "empty", "unconfirmed"),
    ]  # fmt: skip
    assert float(rows[0]["objective_mean"]) == pytest.approx(1.30)
    text = (tmp_path / "both_differences.csv").read_text()
    differences = list(csv.DictReader(io.StringIO(text)))
    assert [row["metric"] for row in differences] == [
        "val_information_noisy", "test_accuracy_clean",
    ]  # fmt: skip
    assert differences[0]["method"] == "welch"
    assert float(differences[0]["low"]) == data["tasks"][0]["differences"][0]["low"]
    console = Console(file=io.StringIO(), width=80)
    for table in comparison_tables(found):
        console.print(table)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(len, printed.splitlines())) <= 80
    for word in ("first", "0.20", "[0.1", "Welch", "65.0 ± 1.6", "no leader is confirmed"):
        assert word in printed


def test_between_equals_the_best_is_ahead_in_one_search_of_twenty() -> None:
    # The two-sided test errs in 5 %; 1,500 draws have a standard error of 0.6 points.
    generator = np.random.default_rng(3)
    ahead = 0
    for _ in range(1500):
        first, second = generator.normal(size=5), generator.normal(size=4)
        best, other = sorted((first, second), key=lambda values: -values.mean())
        seeds = itertools.count()
        found = difference_of(
            {next(seeds): value for value in best}, {next(seeds): value for value in other}
        )
        ahead += found is not None and found.p_value <= 0.05
    assert 0.03 < ahead / 1500 < 0.07


def test_a_search_whose_event_lacks_the_data_is_a_task_of_its_own() -> None:
    build = Builder(conditions={"noise_rate": [0.45]}, fixed={"method": "co_teaching"})
    build.add(epoch(1.0))
    found = compare_searches({"a": build.history(), "b": search(BAD)})
    assert len(found.tasks) == 2
