import numpy as np
import pytest

from tests.support.frames import frame
from tests.support.histories import Builder
from tune_noise.config.domains import Domain
from tune_noise.reporting.findings.importance import MIN_TRIALS, importances
from tune_noise.reporting.findings.searched_fields import full_length, position, searched_fields
from tune_noise.reporting.findings.summary import ConditionSummary, summarise
from tune_noise.reporting.page.importance import importance_section
from tune_noise.reporting.tables import importance_table

SEARCH = {
    "method": {"choice": ["standard", "co_teaching"]},
    "lr": {"loguniform": [1e-4, 1e-2]},
    "batch_size": {"choice": [32, 64, 128]},
    "tau": {"uniform": [0.1, 0.8], "when": {"method": "co_teaching"}},
}


def searched(build: Builder, number: int, *, effect: float = 1.0) -> Builder:
    """Trials whose objective follows lr alone but, for co-teaching, tau as much."""
    random = np.random.default_rng(3)
    for trial in range(number):
        lr, tau = 10 ** random.uniform(-4, -2), random.uniform(0.1, 0.8)
        values = {"lr": float(lr), "batch_size": int(random.choice([32, 64, 128]))}
        objective = 1.0 + effect * (np.log10(lr) + 3.0) / 2 + 0.01 * random.normal()
        if trial % 2:
            values |= {"method": "co_teaching", "tau": float(tau)}
            objective += effect * (tau - 0.45) / 0.7
        build.add({"val_information_noisy": float(objective)}, **values)
    return build


def condition_of(build: Builder) -> ConditionSummary:
    return summarise(build.history()).conditions[0]


def test_the_field_that_decides_is_the_important_one(builder: type[Builder]) -> None:
    condition = condition_of(searched(builder(search=SEARCH), 120))
    found = {each.field: each for each in condition.importances}
    assert set(found) == set(SEARCH)
    assert found["tau"].num_trials == 60
    assert found["lr"].num_trials == 120
    for name in ("lr", "tau"):
        assert found[name].share is not None
        assert found[name].share.low > 0.15
    idle = found["batch_size"].share
    assert idle is not None
    assert abs(idle.value) < 0.05
    assert condition.importances[0].field in ("lr", "tau")


def test_a_field_that_alone_decides_has_all_the_variance(builder: type[Builder]) -> None:
    build = builder(search={"lr": SEARCH["lr"], "batch_size": SEARCH["batch_size"]})
    random = np.random.default_rng(0)
    for _ in range(300):
        lr, size = float(10 ** random.uniform(-4, -2)), int(random.choice([32, 64, 128]))
        build.add({"val_information_noisy": 4.0 + float(np.log10(lr))}, lr=lr, batch_size=size)
    found = {each.field: each.share for each in condition_of(build).importances}
    # Half of E[(f(x) - f(x'))^2] is the variance, for f that needs this field alone.
    assert found["lr"] is not None
    assert found["lr"].value == pytest.approx(1.0, abs=0.1)


def test_nothing_is_told_where_nothing_matters(builder: type[Builder]) -> None:
    condition = condition_of(searched(builder(search=SEARCH), 60, effect=0.0))
    assert all(each.share is None for each in condition.importances)
    section = importance_section(condition)
    assert section is not None
    assert section.bars == []
    assert any("no better" in sentence for sentence in section.untold)


def test_few_trials_tell_nothing_and_the_page_says_so(builder: type[Builder]) -> None:
    summary = summarise(searched(builder(search=SEARCH), MIN_TRIALS - 1).history())
    [condition] = summary.conditions
    section = importance_section(condition)
    assert section is not None
    assert section.bars == []
    assert "Too few trials to tell: method (19)" in section.untold[0]
    table = frame(importance_table(summary))
    assert list(table["field"]) == list(SEARCH)
    assert table["importance"].isna().all()


def test_a_trial_that_a_rung_stopped_is_not_compared(builder: type[Builder]) -> None:
    build = builder(search=SEARCH)
    build.add({"val_information_noisy": 1.0}, lr=0.001)
    build.add({"val_information_noisy": 9.0}, lr=0.002, status="stopped")
    build.add({"val_information_noisy": 9.0}, lr=0.003, status="diverged")
    build.add({"val_information_noisy": 9.0}, lr=0.004, status=None)
    build.add(lr=0.005)
    trials = list(build.history().trials.values())
    assert [trial.trial_id for trial in full_length(trials)] == ["t0001"]


def test_the_same_trials_give_the_same_importance(builder: type[Builder]) -> None:
    history = searched(builder(search=SEARCH), 60).history()
    trials = list(history.trials.values())
    first, second = (importances(trials, history.config) for _ in range(2))
    assert first == second


def test_a_field_applies_where_its_condition_holds(builder: type[Builder]) -> None:
    history = searched(builder(search=SEARCH), 10).history()
    trials = list(history.trials.values())
    fields = {field.name: field for field in searched_fields(trials, history.config)}
    assert fields["tau"].is_active.tolist() == [False, True] * 5
    assert fields["lr"].is_active.all()


@pytest.mark.parametrize(
    ("domain", "value", "expected"),
    [
        ({"uniform": [1.0, 3.0]}, 1.5, 0.25),
        ({"loguniform": [1e-4, 1e-2]}, 1e-4, 0.0),
        ({"int": [2, 10]}, 6, 0.5),
        ({"choice": [None, 3, 10]}, None, 0.0),
        ({"choice": [None, 3, 10]}, 10, 1.0),
        ({"choice": ["a"]}, "a", 0.0),
    ],
)
def test_a_value_lies_where_its_range_says(
    domain: dict[str, list[object]], value: object, expected: float
) -> None:
    assert position(Domain.model_validate(domain), value) == pytest.approx(expected)


def test_the_table_reads_back(builder: type[Builder]) -> None:
    summary = summarise(searched(builder(search=SEARCH), 60).history())
    table = frame(importance_table(summary))
    told = table.dropna()
    assert (told["low"] <= told["importance"]).all()
    assert (told["importance"] <= told["high"]).all()
    assert table["importance"].dropna().is_monotonic_decreasing
