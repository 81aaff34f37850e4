"""How many epochs a search gives one compiled step to pay for itself."""

import pytest

from tune_noise.config.search import SearchConfig
from tune_noise.training import step_choice
from tune_noise.training.step_choice import Compiling
from tune_noise.tuning.compiling import compiling_of
from tune_noise.tuning.trainable import FALLBACK

from .actors import actor, news_of, stack_of


def search(**fields):
    return SearchConfig.model_validate({"name": "a", "trials": 40, "epochs": 27} | fields)


@pytest.mark.parametrize(
    ("fields", "slots", "epochs"),
    [
        ({}, 4, 27 * 10),
        # Trials that are stopped at the first rung are the rule, not the exception.
        ({"early_stopping": {"grace_epochs": 3}}, 4, 3 * 10),
        ({"search": {"model": {"choice": ["mlp1", "mlp2"]}}}, 4, 27 * 5),
        ({"search": {"lr": {"loguniform": [0.001, 0.1]}}}, 4, 27 * 10),
        ({"conditions": {"noise_rate": [0.2, 0.4]}}, 4, 27 * 20),
        ({"conditions": {"train_size": [100, 200]}}, 4, 27 * 10),
        # A trial is trained to its end by one process.
        ({}, 1000, 27),
    ],
)
def test_alike_trials_share_what_one_process_compiles(fields, slots, epochs):
    assert compiling_of(search(**fields), slots=slots).expected_epochs == epochs


@pytest.mark.parametrize(("written", "mode"), [("auto", "auto"), (True, "on"), (False, "off")])
def test_yamls_on_and_off_are_words_here(written, mode):
    found = search(resources={"compile": written})
    assert found.resources.compile == mode
    assert compiling_of(found, slots=1).mode == mode


def test_an_actor_reports_how_it_trains(tmp_path, few_digits):
    made = actor(stack_of("t", epochs=1), few_digits, tmp_path, [], compiling=Compiling("auto"))
    result = made.step()
    told = "plain: the training is too short for compiling to pay"
    assert news_of(result)["facts"]["step"] == told
    assert FALLBACK not in result


def test_where_it_would_pay_an_actor_says_that_there_is_no_compiler(
    tmp_path, few_digits, monkeypatch
):
    monkeypatch.setattr(step_choice, "has_compiler", lambda: False)
    compiling = Compiling("auto", 1e9)
    made = actor(stack_of("t", epochs=1), few_digits, tmp_path, [], compiling=compiling)
    result = made.step()
    assert news_of(result)["facts"]["step"] == "plain: no C++ compiler is found"
    assert result[FALLBACK].startswith("training steps are not compiled: no C++ compiler")
