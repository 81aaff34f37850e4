"""The figures of how a search went, and of what becomes of wrong labels."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.histories import Builder
from tune_noise.reporting.figures.draw import draw
from tune_noise.reporting.figures.history import best_so_far
from tune_noise.reporting.findings.summary import summarise

WRONG = "train_wrong_predicted"
Epoch = Callable[..., dict[str, float]]


def shares(true: float, label: float) -> dict[str, float]:
    return {f"{WRONG}_true": true, f"{WRONG}_label": label, f"{WRONG}_other": 1 - true - label}


def test_memorisation_is_drawn_where_it_was_measured(
    builder: type[Builder], make_epoch: Epoch
) -> None:
    build = builder()
    finalist = build.add(make_epoch(1.0))
    for seed, label in ((1, 0.25), (2, 0.35)):
        curve = [make_epoch(1.0, **shares(0.6, label)) for _ in range(4)]
        build.add(*curve, finalist=finalist, seed=seed)
    history = build.history()
    drawing = draw(history, summarise(history))["memorisation", "all"]
    assert "60 % as their true class, 30 % as the label" in drawing.alt


def test_without_known_wrong_labels_there_is_no_memorisation_and_all_else(
    compared: Builder,
) -> None:
    history = compared.history()
    drawings = draw(history, summarise(history))
    name = "noise_rate=0.45"
    kinds = [kind for kind, condition in drawings if condition == name]
    assert kinds == ["learning_curves", "history", "parallel"]


def test_the_history_names_the_rungs_and_who_they_stopped(builder: type[Builder]) -> None:
    build = builder(early_stopping={"grace_epochs": 1, "reduction_factor": 3})
    build.add({"val_information_noisy": 1.0}, {"val_information_noisy": 1.5})
    build.add({"val_information_noisy": 0.5}, status="stopped")
    build.add({"val_information_noisy": 0.7}, status="diverged")
    history = build.history()
    for trial in history.trials.values():
        trial.rungs[1] = trial.status == "completed"
    alt = draw(history, summarise(history))["history", "all"].alt
    assert "Rungs at epoch 1 stopped 1 of the trials" in alt
    assert "The best, 1.5 nats, is trial 1 of 3" in alt


def test_a_wild_trial_does_not_flatten_the_others_and_is_counted(builder: type[Builder]) -> None:
    build = builder(objective="val_loss_noisy")
    for number in range(40):
        build.add({"val_loss_noisy": 1.0 + 0.01 * number})
    build.add({"val_loss_noisy": 1e9})
    history = build.history()
    caption = draw(history, summarise(history))["history", "all"].caption
    assert "1 of the trials lie far outside" in caption


@given(values=st.lists(st.one_of(st.none(), st.floats(-5, 5)), min_size=1, max_size=12))
@pytest.mark.parametrize("objective", ["val_information_noisy", "val_loss_noisy"])
def test_the_best_so_far_is_the_best_of_those_before(
    objective: str, values: list[float | None]
) -> None:
    build = Builder(objective=objective)
    for value in values:
        build.add(*([] if value is None else [{objective: value}]))
    trials = list(build.history().trials.values())
    shown = np.array([np.nan if value is None else value for value in values])
    found = best_so_far(shown, trials)
    best = max if objective == "val_information_noisy" else min
    for place in range(len(values)):
        seen = [value for value in values[: place + 1] if value is not None]
        expected = best(seen) if seen else np.nan
        np.testing.assert_array_equal(found[place], expected)


def test_parallel_coordinates_say_how_many_trials_they_leave_out(builder: type[Builder]) -> None:
    search = {
        "method": {"choice": ["standard", "co_teaching"]},
        "lr": {"loguniform": [1e-4, 1e-2]},
        "tau": {"uniform": [0.1, 0.8], "when": {"method": "co_teaching"}},
    }
    build = builder(search=search)
    build.add({"val_information_noisy": 1.0}, lr=0.001)
    build.add({"val_information_noisy": 1.3}, lr=0.002, method="co_teaching", tau=0.25)
    build.add({"val_information_noisy": 1.1}, lr=0.004, method="co_teaching", tau=0.5)
    build.add({"val_information_noisy": 9.0}, lr=0.003, status="stopped")
    history = build.history()
    drawing = draw(history, summarise(history))["parallel", "all"]
    assert "3 of 4 search trials" in drawing.caption
    assert "“none”" in drawing.caption
    assert "method co_teaching, lr 0.002, tau 0.25" in drawing.alt


def test_thousands_of_trials_make_no_heavy_figure(builder: type[Builder]) -> None:
    build = builder(search={"lr": {"loguniform": [1e-4, 1e-2]}})
    for number in range(1500):
        build.add({"val_information_noisy": 1.0 + 0.1 * np.sin(number)}, lr=1e-4 * 1.003**number)
    history = build.history()
    drawings = draw(history, summarise(history))
    assert b"<image" in drawings["history", "all"].svg
    assert "one in 6 is drawn" in drawings["parallel", "all"].caption
    assert max(len(drawing.svg) for drawing in drawings.values()) < 120_000


def test_a_figure_says_its_size_and_loads_nothing(compared: Builder) -> None:
    history = compared.history()
    drawing = draw(history, summarise(history))["history", "noise_rate=0.45"]
    root = ET.fromstring(drawing.svg)
    assert (drawing.width, drawing.height) == (499, 288)
    assert float((root.get("width") or "").removesuffix("pt")) == pytest.approx(0.75 * 499.2)
    assert not re.findall(rb'href="(?!#|data:)', drawing.svg)
