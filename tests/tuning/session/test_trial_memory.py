"""What the sampler remembers of a long search."""

import random
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.samplers import TPESampler
from optuna.trial import TrialState

from tune_noise.tuning.session import trial_memory
from tune_noise.tuning.session.trial_memory import NUM_BEST, TrialMemory


def ask(study: optuna.Study, seed: int) -> tuple[optuna.Trial, dict[str, Any]]:
    study.sampler = TPESampler(seed=seed, multivariate=True, n_startup_trials=3)
    trial = study.ask()
    return trial, {"x": trial.suggest_float("x", 0.0, 1.0), "y": trial.suggest_int("y", 1, 9)}


def end(study: optuna.Study, trial: optuna.Trial, dice: random.Random) -> None:
    """Complete, stopped at some epoch, stopped without a value, or failed."""
    kind = dice.randrange(4)
    if kind == 0:
        study.tell(trial, dice.random())
    elif kind == 3:
        study.tell(trial, state=TrialState.FAIL)
    else:
        if kind == 1:
            trial.report(dice.random(), dice.choice([1, 3]))
        study.tell(trial, state=TrialState.PRUNED)


def study_of(memory: optuna.storages.BaseStorage) -> optuna.Study:
    return optuna.create_study(direction="maximize", storage=memory)


def test_while_all_trials_are_remembered_nothing_else_is_proposed() -> None:
    """As Optuna's own storage has it, trial by trial, with some that still run."""
    studies = [study_of(TrialMemory()), study_of(optuna.storages.InMemoryStorage())]
    running: list[list[optuna.Trial]] = [[], []]
    for number in range(60):
        asked = [ask(study, seed=number) for study in studies]
        assert asked[0][1] == asked[1][1]
        for study, (trial, _), waiting in zip(studies, asked, running, strict=True):
            waiting.append(trial)
            if len(waiting) > 3:
                end(study, waiting.pop(0), random.Random(number))
    assert [t.params for t in studies[0].trials] == [t.params for t in studies[1].trials]


@pytest.fixture
def small_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_memory, "MAX_SAMPLED", 20)


@pytest.mark.usefixtures("small_memory")
def test_of_a_long_search_the_open_the_best_and_as_many_others_are_seen_as_fit() -> None:
    study, dice = study_of(TrialMemory()), random.Random(0)
    values = {}
    for number in range(200):
        trial, _ = ask(study, seed=number)
        if number % 50 == 7:
            continue  # it still runs
        values[number] = dice.random()
        study.tell(trial, values[number])
    seen = {trial.number: trial for trial in study.trials}
    running = {7, 57, 107, 157}
    assert {n for n, trial in seen.items() if trial.state == TrialState.RUNNING} == running
    best = sorted(values, key=lambda n: -values[n])[:NUM_BEST]
    assert set(best) <= set(seen)
    others = set(seen) - set(best) - running
    # The sample is drawn without a look at the values: it holds some of the best, too.
    assert 20 - NUM_BEST <= len(others) <= 20
    assert list(seen) == sorted(seen)


@pytest.mark.usefixtures("small_memory")
def test_a_complete_trial_is_better_than_a_longer_and_that_better_than_a_shorter_one() -> None:
    """As TPE ranks them: a value after one epoch says little beside one after three."""
    study = study_of(TrialMemory())
    kinds = {}
    for number in range(120):
        trial, _ = ask(study, seed=number)
        kinds[number] = number % 4
        if number % 4 == 0:
            study.tell(trial, 0.1)
        else:
            if number % 4 < 3:
                trial.report(0.9, {1: 3, 2: 1}[number % 4])
            study.tell(trial, state=TrialState.PRUNED)
    best = [number for _, number in study._storage._best]
    assert [kinds[number] for number in best] == [0] * NUM_BEST
    first = [number for number in kinds if kinds[number] == 0][:NUM_BEST]
    assert best == first  # of equals the earlier ones


@pytest.mark.usefixtures("small_memory")
@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(60)))
def test_what_is_seen_does_not_depend_on_the_order_of_the_ends(order: list[int]) -> None:
    """A sampler that is rebuilt from the record hears of them in the order of asking."""

    def seen(ends: list[int]) -> list[int]:
        study = study_of(TrialMemory())
        asked = [study.ask() for _ in ends]
        for number in ends:
            end(study, asked[number], random.Random(number))
        return [trial.number for trial in study.trials]

    assert seen(order) == seen(list(range(60)))


@pytest.mark.usefixtures("small_memory")
def test_the_sample_is_fair() -> None:
    """Early and late trials are in it alike: of 4,000 in ten tenths, 20 are left."""
    study = study_of(TrialMemory())
    for _ in range(4000):
        study.tell(study.ask(), state=TrialState.FAIL)  # which is never among the best
    tenths = [trial.number // 400 for trial in study.trials]
    assert len(tenths) == 20
    # Of a fair sample no tenth holds more than 8: with a probability of 1 - 10 * 1e-4 (binomial).
    assert max(tenths.count(tenth) for tenth in range(10)) <= 8
