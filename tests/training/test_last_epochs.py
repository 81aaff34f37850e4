"""A trial scored by the mean of its last epochs, from training to the report."""

import io

import pytest
import torch
from rich.console import Console

from tests.support.histories import Builder, epoch
from tune_noise.config.loader import build_search, build_trial
from tune_noise.config.trial import TrialConfig
from tune_noise.errors import ConfigError
from tune_noise.reporting import condition_tables
from tune_noise.reporting.figures.draw import draw
from tune_noise.reporting.findings.summary import summarise
from tune_noise.reporting.findings.trial_metrics import trial_metrics
from tune_noise.reporting.page.page import render_page
from tune_noise.service.dry_run import show_plan
from tune_noise.training import Trial


def config_of(**fields):
    return TrialConfig(**{"model": "perceptron", "lr": 0.01, "epochs": 5} | fields)


def trained(config, dataset, script):
    """A trial whose objective follows a script, and its weights after each epoch."""
    trial, values, weights = Trial([config], dataset), iter(script), []
    real = trial._evaluate

    def evaluate():
        [row] = real()
        return [row | {config.objective: next(values)}]

    trial._evaluate = evaluate
    while not trial.finished:
        trial.train_epoch()
        weights.append({k: v.clone() for k, v in trial.network.state_dict().items()})
    return trial, weights


@pytest.mark.parametrize(("last", "mean"), [(1, 0.4), (2, 0.5), (3, 1.6 / 3), (9, 0.48)])
def test_the_score_of_a_trial_is_the_mean_of_its_last_epochs(last, mean, few_digits):
    script = [0.2, 0.6, 0.6, 0.6, 0.4]
    trial, weights = trained(config_of(last_epochs=last), few_digits, script)
    [progress] = trial.progress
    assert progress.best_score == pytest.approx(mean)
    assert progress.best_epoch == 5
    for name, value in trial.replicate_weights(0).items():
        assert torch.equal(value, weights[4][name])


def test_a_smaller_loss_is_a_better_mean(few_digits):
    config = config_of(last_epochs=2, objective="val_loss_noisy")
    trial, _ = trained(config, few_digits, [1.0, 1.0, 1.0, 2.0, 4.0])
    assert trial.progress[0].best_score == -3.0


def test_patience_and_last_epochs_exclude_each_other():
    with pytest.raises(ConfigError, match="patience  waits for a better best epoch"):
        build_trial({"patience": 3, "last_epochs": 2}, source="--set")
    with pytest.raises(ConfigError, match=r"fixed\.patience  waits for a better best epoch"):
        space(fixed={"patience": 3})
    for part in ({"fixed": {"last_epochs": 2}}, {"search": {"last_epochs": {"int": [1, 5]}}}):
        with pytest.raises(ConfigError, match="write it as the space's own key `last_epochs:`"):
            space(**part)


def space(**keys):
    raw = {"name": "x", "search": {"lr": {"loguniform": [0.001, 0.01]}}, "last_epochs": 3}
    return build_search(raw | keys, source="x")


def test_the_key_of_a_space_reaches_its_trials():
    search = space()
    assert search.trial_config(search.all_conditions[0], {"lr": 0.01}).last_epochs == 3


@pytest.fixture
def searched():
    build = Builder(
        conditions={"noise_rate": [0.45]}, search={"lr": {"choice": [0.1, 0.2]}}, last_epochs=2
    )
    peak, steady = [0.9, 1.5, 0.7, 0.7], [0.9, 1.0, 1.0, 1.1]
    for lr, values in ((0.1, peak), (0.2, steady)):
        finalist = build.add(*map(epoch, values), lr=lr)
        for seed in (1, 2, 3):
            shown = [epoch(value + seed / 1000) for value in values]
            build.add(*shown, finalist=finalist, seed=seed, lr=lr)
    return build.history()


def test_a_history_scores_by_the_mean_and_keeps_number_and_time_of_the_last_epoch(searched):
    peak, steady = searched.of(condition="noise_rate=0.45", stage="search")
    assert peak.score == pytest.approx(0.7)
    assert steady.score == pytest.approx(1.05)
    assert steady.selected["epoch"] == 4
    assert steady.selected["seconds"] == steady.epochs[-1]["seconds"]
    assert trial_metrics(steady)["val_information_noisy"] == pytest.approx(1.05)
    assert trial_metrics(steady)["val_information_noisy_last"] == 1.1


def test_before_there_are_so_many_the_mean_is_that_of_the_epochs_there_are():
    build = Builder(last_epochs=10)
    build.add(epoch(0.5), epoch(0.7, val_renamed=1.0), epoch(0.9, val_renamed=1.0), status=None)
    [trial] = build.history().trials.values()
    assert trial.score == pytest.approx(0.7)
    assert trial.selected["val_renamed"] == 1.0  # a flag is that of most epochs


def test_the_verdict_follows_the_mean_and_the_report_says_so(searched):
    summary = summarise(searched)
    [condition] = summary.conditions
    assert condition.leader.config.lr == 0.2
    assert condition.leader.objective.mean == pytest.approx(1.052)
    page = render_page(searched, summary, draw(searched, summary), [])
    assert "mean of the last 2 epochs (nats)" in page
    assert "selected epoch (" not in page
    console = Console(file=io.StringIO(), width=200)
    for table in condition_tables(summary):
        console.print(table)
    shown = console.file.getvalue()
    assert "last 2" in shown
    assert "selected" not in shown


def test_the_preview_says_so(few_digits):
    console = Console(file=io.StringIO(), width=200)
    show_plan(space(fixed={"model": "perceptron"}), few_digits, console)
    assert "val_information_noisy, mean of the last 3 epochs" in console.file.getvalue()
    assert "validation examples cannot tell configurations apart" in console.file.getvalue()
