"""What other objectives would have chosen among the same trials."""

from pathlib import Path

import pandas as pd
import pytest

from tests.support.histories import Builder
from tune_noise.reporting import write_outputs
from tune_noise.reporting.findings.criteria import choices


def row(information: float, accuracy: float, loss: float, test: float | None = None) -> dict:
    found = {
        "val_information_noisy": information,
        "val_accuracy_noisy": accuracy,
        "val_loss_noisy": loss,
    }
    return found if test is None else found | {"test_accuracy_clean": test}


@pytest.fixture
def three(builder: type[Builder]) -> Builder:
    made = builder()
    made.add(row(1.0, 0.5, 0.9, 0.6), row(1.2, 0.4, 1.5, 0.9))
    made.add(row(0.8, 0.6, 1.0, 0.7), status="stopped")
    made.add(row(0.9, 0.3, 0.8, 0.95))
    return made


def test_each_criterion_chooses_its_own_best_epoch_of_all_trials(three: Builder) -> None:
    found = {c.criterion: c for c in choices(three.history().trials.values())}
    assert {name: (c.trial.trial_id, c.epoch["epoch"]) for name, c in found.items()} == {
        "val_information_noisy": ("t0001", 2),
        "val_accuracy_noisy": ("t0002", 1),
        "val_loss_noisy": ("t0003", 1),
        "test_accuracy_clean": ("t0003", 1),
    }
    assert [c.test_accuracy for c in found.values()] == [0.9, 0.7, 0.95, 0.95]
    assert [c.is_oracle for c in found.values()] == [False, False, False, True]


def test_without_a_test_set_there_is_no_oracle(builder: type[Builder]) -> None:
    made = builder()
    made.add(row(1.0, 0.5, 0.9))
    found = choices(made.history().trials.values())
    assert [c.criterion for c in found] == [
        "val_information_noisy",
        "val_accuracy_noisy",
        "val_loss_noisy",
    ]
    assert {c.test_accuracy for c in found} == {None}


def test_confirmation_trials_take_no_part(compared: Builder, tmp_path: Path) -> None:
    history = compared.history()
    write_outputs(history, tmp_path)
    table = pd.read_csv(tmp_path / "criteria.csv")
    stages = {history.trials[trial_id].stage for trial_id in table["trial_id"]}
    assert stages <= {"search"}


def test_the_page_shows_the_criteria(three: Builder, tmp_path: Path) -> None:
    write_outputs(three.history(), tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "What other objectives would have chosen" in page
    assert "test accuracy itself (oracle)" in page
    assert "95.0 %" in page
