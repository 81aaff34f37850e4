"""What is proposed, and what the sampler learns of each end."""

from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tuning.fake_trainer import FakeTrainer, fresh_record, make_search
from tune_noise.config.configurations import search_order
from tune_noise.config.search import SearchConfig
from tune_noise.history.replay import TrialHistory
from tune_noise.tuning.session.sampler import GroupSampler
from tune_noise.tuning.session.session import Session

COMPLETE, PRUNED = optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED
FAIL, RUNNING = optuna.trial.TrialState.FAIL, optuna.trial.TrialState.RUNNING


def sampler_of(search: SearchConfig, *, level: Any = None, trials: int = 20) -> GroupSampler:
    return GroupSampler(search, search.all_conditions[0], level, trials)


def trial_of(search: SearchConfig, trial_id: str, values: dict[str, Any]) -> TrialHistory:
    condition = search.all_conditions[0]
    config = search.trial_config(condition, values)
    return TrialHistory(trial_id, trial_id, "search", condition.name, config)


def end(trial: TrialHistory, status: Any, *scores: float) -> TrialHistory:
    trial.status = status
    trial.epochs = [
        {"epoch": epoch, "seconds": 1.0, trial.config.objective: score}
        for epoch, score in enumerate(scores, 1)
    ]
    return trial


def study_of(sampler: GroupSampler) -> optuna.Study:
    return sampler._study  # what Optuna was told is not visible otherwise


# Conditional fields.


def test_fields_that_decide_are_drawn_before_those_that_depend() -> None:
    search = make_search(
        search={
            "momentum": {"uniform": [0.1, 0.9], "when": {"model": "mlp1"}},
            "model": {"choice": ["mlp1", "mlp2"]},
            "tau": {"uniform": [0.1, 0.6]},
            "optimizer": {"choice": ["sgd", "adam"]},
            "method": {"choice": ["standard", "co_teaching"]},
        },
        compare=None,
    )
    order = search_order(search.search)
    assert order.index("model") < order.index("momentum")
    assert order.index("optimizer") < order.index("momentum")  # the trial's own rule
    assert order.index("method") < order.index("tau")


@pytest.mark.parametrize("kind", ["tpe", "random"])
def test_a_field_is_proposed_exactly_where_it_applies(kind: str) -> None:
    search = make_search(compare=None, sampler=kind)
    sampler = sampler_of(search, trials=30)
    methods = set()
    for number in range(30):
        values = sampler.ask(str(number))
        methods.add(values["method"])
        assert ("tau" in values) == (values["method"] == "co_teaching")
        trial = trial_of(search, str(number), values)
        sampler.tell(end(trial, "completed", values["lr"]))
    assert methods == {"standard", "co_teaching"}


def test_a_compared_level_is_given_and_decides() -> None:
    search = make_search()
    for level in search.levels:
        values = sampler_of(search, level=level).ask("first")
        assert values["method"] == level
        assert ("tau" in values) == (level == "co_teaching")


@settings(max_examples=40, deadline=None)
@given(
    st.floats(1e-6, 1e-2),
    st.floats(1.01, 1e3),
    st.integers(4, 60),
    st.integers(1, 60),
    st.sampled_from(["tpe", "random"]),
    st.integers(0, 5),
)
def test_every_value_lies_within_its_domain(
    low: float, ratio: float, least: int, span: int, kind: str, seed: int
) -> None:
    high = min(low * ratio, 10.0)
    search = make_search(
        search={
            "lr": {"loguniform": [low, high]},
            "batch_size": {"int": [least, least + span]},
            "val_fraction": {"uniform": [0.1, 0.3]},
            "patience": {"choice": [None, 3]},
        },
        compare=None,
        fixed=None,
        early_stopping=None,
        sampler=kind,
        seed=seed,
    )
    sampler = sampler_of(search, trials=8)
    for number in range(8):
        values = sampler.ask(str(number))
        assert low <= values["lr"] <= high
        assert least <= values["batch_size"] <= least + span
        assert isinstance(values["batch_size"], int)
        assert 0.1 <= values["val_fraction"] <= 0.3
        assert values["patience"] in (None, 3)
        sampler.tell(end(trial_of(search, str(number), values), "completed", values["lr"]))


# Seeds and replay.


def proposals(search: SearchConfig, *, restarts: bool, count: int = 14) -> list[dict[str, Any]]:
    """What a serial search is proposed; with `restarts` each time by a sampler just rebuilt."""
    sampler = sampler_of(search, level="co_teaching", trials=count)
    ended: list[TrialHistory] = []
    found = []
    for number in range(min(count, sampler.num_trials)):
        if restarts:
            sampler = sampler_of(search, level="co_teaching", trials=count)
            for trial in ended:
                sampler.replay(trial)
        values = sampler.ask(str(number))
        found.append(values)
        trial = trial_of(search, str(number), values)
        status = ("completed", "stopped", "diverged", "failed")[number % 4]
        scores = [] if status == "diverged" else [values["tau"], values["tau"] + 0.1]
        ended.append(end(trial, status, *scores))
        sampler.tell(trial)
    return found


@pytest.mark.parametrize("kind", ["tpe", "random", "grid"])
def test_a_rebuilt_sampler_proposes_what_the_old_one_would_have(kind: str) -> None:
    domains = make_search().search
    search = make_search(
        search={
            "method": {"choice": ["standard", "co_teaching"]},
            "lr": {"loguniform": list(domains["lr"].bounds), "points": 3},
            "tau": {"uniform": [0.1, 0.6], "points": 2, "when": {"method": "co_teaching"}},
            "patience": {"choice": [None, 20]},
        },
        sampler=kind,
        trials=24,
    )
    whole = proposals(search, restarts=False)
    assert proposals(search, restarts=True) == whole
    assert {values["patience"] for values in whole} == {None, 20}


@pytest.mark.parametrize("kind", ["tpe", "random"])
def test_conditions_levels_and_seeds_draw_from_streams_of_their_own(kind: str) -> None:
    search = make_search(sampler=kind)
    first, second = search.all_conditions
    drawn = [
        GroupSampler(search, first, "standard", 9).ask("t")["lr"],
        GroupSampler(search, second, "standard", 9).ask("t")["lr"],
        GroupSampler(search, first, "co_teaching", 9).ask("t")["lr"],
        GroupSampler(make_search(sampler=kind, seed=1), first, "standard", 9).ask("t")["lr"],
    ]
    assert len(set(drawn)) == 4
    assert GroupSampler(search, first, "standard", 9).ask("t")["lr"] == drawn[0]


def test_trials_that_still_run_count_as_asked_after_a_restart() -> None:
    search = make_search()
    sampler = sampler_of(search, level="co_teaching")
    trial = trial_of(search, "open", sampler.ask("open"))
    again = sampler_of(search, level="co_teaching")
    again.replay(trial)
    assert again.num_asked == 1
    assert study_of(again).trials[0].state == RUNNING
    assert again.ask("next") == sampler.ask("next")
    again.tell(end(trial, "completed", 0.5))
    assert study_of(again).trials[0].state == COMPLETE


# What Optuna is told.


@pytest.mark.parametrize(
    ("status", "scores", "state", "value"),
    [
        ("completed", [0.1, 0.3, 0.2], COMPLETE, 0.3),  # at the selected epoch
        ("stopped", [0.1, 0.2], PRUNED, 0.2),
        ("stopped", [], PRUNED, None),
        ("diverged", [], PRUNED, None),
        ("diverged", [0.4], PRUNED, None),
        ("failed", [0.1], FAIL, None),
        ("completed", [], PRUNED, None),
    ],
)
def test_an_end_is_told_as_what_it_is(
    status: str, scores: list[float], state: Any, value: float | None
) -> None:
    search = make_search()
    sampler = sampler_of(search, level="standard")
    sampler.tell(end(trial_of(search, "t", sampler.ask("t")), status, *scores))
    [told] = study_of(sampler).trials
    assert (told.state, told.value) == (state, value)
    if state == PRUNED and value is not None:
        assert told.intermediate_values == {len(scores): value}
    else:
        assert told.intermediate_values == {}


def test_an_objective_that_is_minimised_is_told_with_its_sign_turned() -> None:
    search = make_search(objective="val_loss_noisy")
    sampler = sampler_of(search, level="standard")
    sampler.tell(end(trial_of(search, "t", sampler.ask("t")), "completed", 3.0, 1.0, 2.0))
    assert study_of(sampler).trials[0].value == -1.0


@pytest.mark.parametrize("kind", ["tpe", "random"])
def test_no_optuna_trial_is_left_running_at_the_end(tmp_path: Path, kind: str) -> None:
    search = make_search(sampler=kind)
    with fresh_record(tmp_path / "record.db", search) as record:
        session = Session(search, record)
        trainer = FakeTrainer(session, diverges=lambda config: config.lr > 0.03)
        trainer.run()
        for when in ("after the search", "after a restart"):
            studies = [study_of(sampler) for sampler in session._samplers.values()]
            states = {trial.state for study in studies for trial in study.trials}
            assert RUNNING not in states, when
            assert optuna.trial.TrialState.WAITING not in states, when
            assert sum(len(study.trials) for study in studies) == 2 * search.trials
            session = Session(search, record)


# Configurations that were tried.

FOUR = {"lr": {"choice": [0.001, 0.01]}, "batch_size": {"choice": [32, 64]}}


def few_search(**changes: Any) -> SearchConfig:
    plain = {"search": FOUR, "compare": None, "fixed": None, "early_stopping": None, "trials": 12}
    return make_search(**{**plain, **changes})


@pytest.mark.parametrize("kind", ["tpe", "random"])
def test_no_configuration_is_proposed_twice_and_all_of_them_are(kind: str) -> None:
    search = few_search(sampler=kind)
    sampler = sampler_of(search, trials=12)
    assert sampler.num_trials == 4
    points = []
    while sampler.has_proposals:
        values = sampler.ask(str(len(points)))
        assert values is not None
        points.append(tuple(values.items()))
        # The best so far is what a sampler would try again.
        trial = trial_of(search, str(len(points) - 1), values)
        sampler.tell(end(trial, "completed", values["lr"]))
    assert len(points) == len(set(points)) == 4


@pytest.mark.parametrize("kind", ["tpe", "random"])
def test_a_sampler_rebuilt_between_repetitions_proposes_the_same(kind: str) -> None:
    search = few_search(
        search={
            "lr": {"choice": [0.001, 0.01, 0.1]},
            "method": {"choice": ["standard", "co_teaching"]},
            "tau": {"choice": [0.2, 0.4, 0.6]},
        },
        fixed={"ramp_epochs": 1},
        sampler=kind,
    )
    found: list[list[Any]] = []
    for restarts in (False, True):
        sampler, ended, points = sampler_of(search), list[TrialHistory](), list[Any]()
        while sampler.has_proposals:
            if restarts:
                sampler = sampler_of(search)
                for trial in ended:
                    sampler.replay(trial)
            values = sampler.ask(str(len(points)))
            assert values is not None
            trial = end(trial_of(search, str(len(points)), values), "completed", values["lr"])
            points.append(values)
            ended.append(trial)
            sampler.tell(trial)
        found.append(points)
    assert found[0] == found[1]
    assert len(found[0]) == 3 * (1 + 3)


@pytest.mark.parametrize("kind", ["tpe", "random"])
def test_a_branch_without_a_range_is_tried_once_beside_one_that_has_any_number(kind: str) -> None:
    search = few_search(
        search={
            "method": {"choice": ["standard", "co_teaching"]},
            "tau": {"uniform": [0.1, 0.6]},
        },
        fixed={"ramp_epochs": 1},
        sampler=kind,
    )
    sampler = sampler_of(search, trials=30)
    methods = []
    for number in range(30):
        values = sampler.ask(str(number))
        assert values is not None
        methods.append(values["method"])
        score = 1.0 if values["method"] == "standard" else 0.1
        sampler.tell(end(trial_of(search, str(number), values), "completed", score))
    assert methods.count("standard") == 1


def test_where_nothing_new_is_drawn_the_search_ends_with_fewer_trials_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if there were too many configurations to list those that are left.
    monkeypatch.setattr("tune_noise.tuning.session.sampler.MAX_GRID_POINTS", 0)
    monkeypatch.setattr("tune_noise.tuning.session.sampler.MAX_DRAWS", 3)
    search = few_search(conditions={})
    with fresh_record(tmp_path / "record.db", search) as record:
        session = Session(search, record)
        FakeTrainer(session).run()
        assert session.finished
        tried = session.history.of(condition="all", stage="search")
        assert len({trial.config for trial in tried}) == len(tried) < 4
        [warning] = session.history.warnings
        assert warning.endswith(f"its search ends with {len(tried)} trials")
        finalists = {trial.finalist for trial in session.history.trials.values()} - {None}
        assert len(finalists) == len(tried)  # of the three that are asked for


# Grids.


def grid_search(**changes: Any) -> SearchConfig:
    domains = {
        "method": {"choice": ["standard", "co_teaching"]},
        "lr": {"loguniform": [0.001, 0.1], "points": 3},
        "tau": {"uniform": [0.1, 0.5], "points": 5, "when": {"method": "co_teaching"}},
    }
    given = {"search": domains, "sampler": "grid", "trials": 30, "compare": None, **changes}
    return make_search(**given)


def test_a_grid_has_each_distinct_point_once() -> None:
    search = grid_search()
    sampler = sampler_of(search, trials=search.trials)
    assert sampler.num_trials == 3 * (1 + 5)  # standard has no tau
    points = [tuple(sampler.ask(str(n)).items()) for n in range(sampler.num_trials)]
    assert len(set(points)) == 18
    lrs = {dict(point)["lr"] for point in points}
    assert sorted(lrs) == pytest.approx([0.001, 0.01, 0.1])
    assert max(lrs) <= 0.1
    assert min(lrs) >= 0.001


def test_a_grid_is_searched_to_its_end_and_no_further(tmp_path: Path) -> None:
    search = grid_search(compare="method", early_stopping=None)
    with fresh_record(tmp_path / "record.db", search) as record:
        session = Session(search, record)
        FakeTrainer(session).run()
        assert session.finished
        trials = session.history.of(condition="noise_rate=0.2", stage="search")
    methods = [trial.config.method for trial in trials]
    assert (methods.count("standard"), methods.count("co_teaching")) == (3, 15)
    assert len({(t.config.method, t.config.lr, t.config.tau) for t in trials}) == 18


@given(st.integers(1, 40), st.integers(1, 6))
def test_the_trials_of_a_condition_are_dealt_out_evenly(trials: int, levels: int) -> None:
    models = ["perceptron", "mlp1", "mlp2", "mlp4", "conv4", "conv9_small"][:levels]
    trials = max(trials, levels)
    search = make_search(
        search={"model": {"choice": models}, "lr": {"uniform": [0.1, 0.2]}},
        compare="model",
        confirm=None,
        fixed=None,
        early_stopping=None,
        trials=trials,
        sampler="random",
    )
    from tune_noise.tuning.session.session import _group_samplers

    shares = [sampler.num_trials for sampler in _group_samplers(search, {}).values()]
    assert len(shares) == 2 * levels
    assert sum(shares) == 2 * trials
    assert max(shares) - min(shares) <= 1
