import math
from collections.abc import Callable

import pytest

from tests.support.frames import frame
from tests.support.histories import Builder
from tune_noise.config.trial import trial_fields
from tune_noise.reporting.findings.trial_metrics import trial_metrics
from tune_noise.reporting.tables import Table, epochs_table, trials_table

Epoch = Callable[..., dict[str, float]]


@pytest.fixture
def searched(builder: type[Builder], make_epoch: Epoch) -> Builder:
    build = builder()
    accuracies = {1: 0.5, 2: 0.9, 3: 0.7, 4: 0.6, 5: 0.4, 6: 0.2}
    informations = {1: 0.2, 2: 0.5, 3: 0.8, 4: 0.8, 5: 0.6, 6: 0.4}
    epochs = [make_epoch(informations[t], test_accuracy_clean=accuracies[t]) for t in accuracies]
    build.add(*epochs)
    build.add(epochs[0], status="stopped", stop_reason="rung at epoch 1")
    build.add(status=None)
    return build


def test_three_figures_of_test_accuracy_are_kept_apart(searched: Builder) -> None:
    metrics = trial_metrics(searched.history().trials["t0001"])
    assert metrics["test_accuracy_clean"] == 0.7  # at epoch 3, the earliest best objective
    assert metrics["test_accuracy_clean_last"] == 0.2
    assert metrics["test_accuracy_clean_last_mean"] == pytest.approx(0.3)  # a third of 6 epochs
    assert metrics["test_accuracy_clean_best"] == 0.9


def test_trials_csv_has_the_columns_that_it_promises(searched: Builder) -> None:
    table = frame(trials_table(searched.history()))
    columns = list(table.columns)
    fields = ["max_epochs" if f == "epochs" else f for f in trial_fields()]
    outcome = ["status", "stop_reason", "epochs", "selected_epoch", "realised_noise_rate"]
    start = ["trial_id", "stage", "condition", "finalist", *fields, *outcome, "seconds"]
    assert columns[: len(start)] == start
    assert len(set(columns)) == len(columns)
    assert {"val_information_noisy", "val_information_noisy_se"} < set(columns)
    assert {"val_information_noisy_last", "val_information_noisy_last_mean"} < set(columns)
    assert table["status"].tolist() == ["completed", "stopped", "running"]
    assert table["epochs"].tolist() == [6, 1, 0]
    assert table["max_epochs"].tolist() == [6, 6, 6]


def test_whole_numbers_stay_whole_and_what_does_not_apply_stays_empty(searched: Builder) -> None:
    lines = trials_table(searched.history()).csv().decode().splitlines()
    rows = [dict(zip(lines[0].split(","), line.split(","), strict=True)) for line in lines[1:]]
    assert rows[0]["selected_epoch"] == "3"
    assert rows[2]["selected_epoch"] == ""
    assert rows[0]["batch_size"] == "128"
    assert rows[0]["ramp_epochs"] == ""
    assert rows[0]["noise_rate"] == "0.2"


def test_a_search_without_a_test_set_has_no_such_column(builder: type[Builder]) -> None:
    build = builder(noise="given")
    build.add({"val_information_noisy": 0.5})
    columns = trials_table(build.history()).columns
    assert not [name for name in columns if name.startswith("test_")]


def test_epochs_csv_has_a_row_per_epoch(searched: Builder) -> None:
    table = frame(epochs_table(searched.history()))
    assert list(table.columns)[:3] == ["trial_id", "epoch", "seconds"]
    assert table["trial_id"].tolist() == ["t0001"] * 6 + ["t0002"]
    assert table["epoch"].tolist() == [1, 2, 3, 4, 5, 6, 1]


def test_a_search_without_trials_still_has_headings(builder: type[Builder]) -> None:
    history = builder().history()
    assert "trial_id" in trials_table(history).columns
    assert epochs_table(history).columns == ["trial_id", "epoch", "seconds"]


def test_a_cell_without_a_value_is_empty_and_a_comma_is_quoted() -> None:
    rows = [{"a": None, "b": math.nan, "c": "x, y", "d": False}, {"c": 0.1, "d": 3}]
    text = Table(["a", "b", "c", "d"], rows).csv().decode()
    assert text == 'a,b,c,d\n,,"x, y",False\n,,0.1,3\n'
