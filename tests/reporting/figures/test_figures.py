import xml.etree.ElementTree as ET

import numpy as np
import pytest

from tests.support.histories import Builder
from tune_noise.config.declared import names
from tune_noise.config.trial import TrialConfig
from tune_noise.reporting.figures.accuracy import accuracy_figure, noise_factor, points
from tune_noise.reporting.figures.curves import epoch_values
from tune_noise.reporting.figures.draw import draw
from tune_noise.reporting.figures.palette import colour, line_colours, marker
from tune_noise.reporting.findings.summary import summarise
from tune_noise.reporting.sentences import TEST_ACCURACY

PNG_START = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("name", ["many", "compared"])
def test_every_figure_is_a_png_and_an_svg_with_a_text(
    name: str, request: pytest.FixtureRequest
) -> None:
    history = request.getfixturevalue(name).history()
    summary = summarise(history)
    drawings = draw(history, summary)
    for condition in summary.conditions:
        assert ("learning_curves", condition.name) in drawings
    assert ("accuracy", "") in drawings
    for drawing in drawings.values():
        assert drawing.png.startswith(PNG_START)
        assert ET.fromstring(drawing.svg).tag.endswith("svg")
        assert drawing.alt
        assert drawing.caption


def test_the_same_search_gives_the_same_bytes(compared: Builder) -> None:
    history = compared.history()
    first, second = (draw(history, summarise(history))["accuracy", ""] for _ in range(2))
    assert first == second


def test_confirmed_values_come_before_those_of_the_search(many: Builder) -> None:
    summary = summarise(many.history())
    found = {(p.method, p.model): p for p in points(summary.conditions[2], TEST_ACCURACY)}
    assert {key: p.is_confirmed for key, p in found.items()} == {
        ("standard", "mlp1"): False,
        ("standard", "conv4"): True,
        ("co_teaching", "mlp1"): False,
        ("co_teaching", "conv4"): True,
    }
    assert found["co_teaching", "conv4"].estimate.n == 5
    assert found["co_teaching", "mlp1"].estimate.ci95 is None
    assert noise_factor(summary) == "noise_rate"


def test_one_condition_has_no_noise_axis(compared: Builder) -> None:
    assert noise_factor(summarise(compared.history())) is None


def test_every_level_of_a_compared_field_has_its_points(builder: type[Builder]) -> None:
    build = builder(
        conditions={"noise_rate": [0.2, 0.45]},
        search={"patience": {"choice": [None, 10, 3]}, "lr": {"choice": [0.1, 0.2]}},
        compare="patience",
    )
    for condition in build.config.all_conditions:
        for patience, objective in ((None, 1.1), (10, 1.3), (3, 1.2)):
            found = [objective, objective + 0.01]
            build.add_finalist(found, condition=condition, patience=patience, lr=0.1)
            build.add_finalist([0.5, 0.6], condition=condition, patience=patience, lr=0.2)
    history = build.history()
    summary = summarise(history)
    shown = points(summary.conditions[0], TEST_ACCURACY)
    assert [(p.series, p.estimate.mean) for p in shown] == [
        ("standard, patience null", pytest.approx(0.5525)),
        ("standard, patience 10", pytest.approx(0.6525)),
        ("standard, patience 3", pytest.approx(0.6025)),
    ]
    alt = draw(history, summary)["accuracy", ""].alt
    assert "standard, patience null on mlp1" in alt


def test_the_legend_of_many_methods_lies_within_the_figure(builder: type[Builder]) -> None:
    methods = names("method")
    build = builder(search={"method": {"choice": methods}}, compare="method", epochs=30)
    for method in methods:
        build.add_finalist([1.1, 1.2], method=method)
    history = build.history()
    plot = accuracy_figure(history, summarise(history))
    assert plot is not None
    figure = plot[0]
    figure.draw_without_rendering()
    [legend] = figure.legends
    box = legend.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1


def test_a_search_without_epochs_has_no_figures(builder: type[Builder]) -> None:
    build = builder()
    build.add(status="failed")
    history = build.history()
    assert draw(history, summarise(history)) == {}


def test_before_the_final_the_best_search_trials_are_drawn(
    builder: type[Builder], compared: Builder
) -> None:
    build = builder()
    build.add({"val_information_noisy": 0.5})
    history = build.history(finished=False)
    drawings = draw(history, summarise(history))
    assert "unconfirmed" in drawings["learning_curves", "all"].alt
    assert "unconfirmed" in drawings["accuracy", ""].alt


def test_seeds_of_unequal_length_keep_their_place(builder: type[Builder]) -> None:
    build = builder()
    build.add({"val_loss_noisy": 1.0}, {"val_loss_noisy": 2.0})
    build.add({"val_loss_noisy": 3.0})
    trials = list(build.history().trials.values())
    expected = np.array([[1.0, 2.0], [3.0, np.nan]])
    np.testing.assert_array_equal(epoch_values(trials, "val_loss_noisy"), expected)


def test_methods_and_networks_look_different() -> None:
    methods = names("method")
    assert len({colour(method) for method in methods}) == len(methods)
    models = ["perceptron", "mlp1", "mlp2", "mlp4", "conv4", "conv9_small"]
    assert len({marker(model) for model in models}) == len(models)


def test_lines_of_one_figure_are_told_apart_by_colour() -> None:
    methods = [TrialConfig(method="standard"), TrialConfig(method="co_teaching")]
    assert line_colours(methods) == [colour("standard"), colour("co_teaching")]
    networks = [TrialConfig(model=model) for model in ("mlp1", "conv4", "perceptron")]
    assert len(set(line_colours(networks))) == 3
    assert line_colours(networks)[::-1] == line_colours(networks[::-1])
    assert len(set(line_colours([TrialConfig(lr=lr) for lr in (0.1, 0.2)]))) == 2


def test_networks_of_users_own_are_drawn_apart_from_the_built_in_ones() -> None:
    own = "my_networks:small"
    assert marker(own) == marker(own)
    assert marker(own) not in {marker(model) for model in names("model")}
    configs = [TrialConfig(model=model) for model in ("mlp1", own, "conv9", "resnet18")]
    assert len(set(line_colours(configs))) == 4
