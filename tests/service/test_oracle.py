"""An objective of clean labels: only where it is declared, and then everything says so."""

import dataclasses
import io
import json

import pytest
from rich.console import Console

from tests.support.histories import Builder
from tune_noise.config.loader import build_search, build_trial
from tune_noise.config.metric_names import METRICS, ORACLE_OBJECTIVES, SEARCHABLE
from tune_noise.config.search import SearchConfig
from tune_noise.config.trial import TrialConfig
from tune_noise.errors import ConfigError
from tune_noise.reporting import condition_tables
from tune_noise.reporting.findings.summary import summarise
from tune_noise.reporting.page.page import render_page
from tune_noise.reporting.sentences import verdict_sentence
from tune_noise.service.dry_run import show_plan
from tune_noise.service.progress import SearchProgress
from tune_noise.tracking.content import search_tags, trial_tags
from tune_noise.training import Trial

all_oracles = pytest.mark.parametrize("objective", ORACLE_OBJECTIVES)


def space(**keys):
    raw = {"name": "x", "search": {"lr": {"loguniform": [0.001, 0.01]}}, "trials": 2, "epochs": 2}
    return build_search(raw | keys, source="x")


def refused(make, **keys):
    with pytest.raises(ConfigError) as caught:
        make(**keys)
    [problem] = caught.value.problems
    return problem.place, problem.message


@all_oracles
def test_undeclared_it_is_refused_and_the_message_names_the_key(objective):
    for make in (space, lambda **keys: build_trial(keys, source="--set")):
        place, message = refused(make, objective=objective)
        assert place == "objective"
        assert "measured with clean labels and may not steer a search" in message
        assert "unless `oracle: true` declares it" in message
        assert refused(make, objective=objective, oracle=False)[0] == "objective"


@all_oracles
def test_declared_it_steers_every_trial(objective):
    search = space(oracle=True, objective=objective)
    config = search.trial_config(search.all_conditions[0], {"lr": 0.001})
    assert (config.oracle, config.objective) == (True, objective)
    assert SearchConfig.model_validate(search.model_dump(by_alias=True)) == search


@pytest.mark.parametrize("keys", [{}, {"objective": "val_loss_noisy"}])
def test_an_oracle_that_nothing_uses_is_refused(keys):
    place, message = refused(space, oracle=True, **keys)
    assert place == "objective"
    assert "take oracle out" in message


def test_no_other_clean_metric_is_an_oracle_and_none_is_searchable():
    assert not set(ORACLE_OBJECTIVES) & set(SEARCHABLE)
    for name in METRICS:
        if name not in ORACLE_OBJECTIVES:
            with pytest.raises(ConfigError):
                space(oracle=True, objective=name)


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_it_is_declared_by_true_alone(value):
    assert refused(space, oracle=value, objective="val_loss_noisy")[0] == "oracle"


def test_it_is_a_key_of_the_space_and_no_field_to_search_or_fix():
    for part in ({"fixed": {"oracle": True}}, {"search": {"oracle": {"choice": [True, False]}}}):
        with pytest.raises(ConfigError, match="write it as the space's own key `oracle:`"):
            space(**part)


@all_oracles
def test_a_trial_selects_by_the_true_labels_of_its_validation_images(objective, few_digits):
    given = {"model": "perceptron", "lr": 0.01, "noise_rate": 0.5, "epochs": 5}
    trial = Trial([TrialConfig(oracle=True, objective=objective, **given)], few_digits)
    rows = [trial.train_epoch()[0] for _ in range(5)]
    values = [row[objective] for row in rows]
    best = max(values) if objective == "val_accuracy_clean" else min(values)
    assert trial.progress[0].best_epoch == values.index(best) + 1
    # Half of the noisy labels are wrong, so only true labels give such an accuracy.
    assert rows[-1]["val_accuracy_clean"] > 0.7 > rows[-1]["val_accuracy_noisy"]


def test_no_clean_validation_label_is_looked_at_without_the_declaration(few_digits):
    trial = Trial([TrialConfig(model="perceptron", epochs=1)], few_digits)
    assert trial.data.val_true_labels is None
    assert not set(trial.train_epoch()[0]) & set(ORACLE_OBJECTIVES)


def test_without_a_known_truth_it_is_refused(few_digits):
    dataset = dataclasses.replace(few_digits, true_labels=None)
    config = TrialConfig(oracle=True, objective="val_accuracy_clean", noise="given")
    with pytest.raises(ConfigError, match="oracle  needs true labels of the validation examples"):
        Trial([config], dataset)


@pytest.fixture
def confirmed():
    keys = {"oracle": True, "objective": "val_accuracy_clean"}
    keys |= {"search": {"lr": {"choice": [0.1, 0.2]}}}
    build = Builder(conditions={"noise_rate": [0.45]}, **keys)
    build.events[0].data["search_id"] = "a"
    for lr, value in ((0.1, 0.9), (0.2, 0.8)):
        shown = {"val_accuracy_clean": value, "test_accuracy_clean": value}
        finalist = build.add(shown, lr=lr)
        for seed in (11, 12, 13):
            build.add({**shown, "val_accuracy_clean": value + seed / 1e4}, finalist=finalist,
                      seed=seed, lr=lr)  # fmt: skip
    return build.history()


def test_the_verdict_the_table_the_page_and_the_summary_say_oracle(confirmed):
    summary = summarise(confirmed)
    assert summary.to_json()["search"]["oracle"] is True
    assert json.loads(json.dumps(summary.to_json()))["search"]["objective"] == "val_accuracy_clean"
    [condition] = summary.conditions
    assert "clean validation accuracy (oracle)" in verdict_sentence(condition)
    console = Console(file=io.StringIO(), width=200)
    for table in condition_tables(summary):
        console.print(table)
    assert "(oracle)" in console.file.getvalue()
    page = render_page(confirmed, summary, {}, [])
    assert "val_accuracy_clean (oracle)" in page
    assert "steered\nby clean labels" in page
    assert "and nothing else: not which labels are wrong" not in page


def test_mlflow_is_told_by_a_tag_that_a_fair_search_does_not_have(confirmed):
    assert search_tags(confirmed)["tune_noise.oracle"] == "true"
    trial = next(iter(confirmed.trials.values()))
    assert trial_tags(trial, confirmed, flags={})["tune_noise.oracle"] == "true"
    fair = Builder(conditions={"noise_rate": [0.45]})
    fair.events[0].data["search_id"] = "b"
    assert "tune_noise.oracle" not in search_tags(fair.history())


def test_the_preview_and_the_progress_say_oracle(few_digits, confirmed):
    search = space(oracle=True, objective="val_accuracy_clean", fixed={"model": "perceptron"})
    console = Console(file=io.StringIO(), width=200)
    show_plan(search, few_digits, console)
    assert "val_accuracy_clean (oracle: steered by clean labels)" in console.file.getvalue()
    console = Console(file=io.StringIO(), width=200)
    progress = SearchProgress(
        confirmed.config, confirmed, console=console, concurrent=1, quiet=False
    )
    console.print(progress.render())
    assert "val_accuracy_clean (oracle)" in console.file.getvalue()
    assert "; oracle" in progress.line()
