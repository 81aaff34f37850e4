"""What the page says of the noise."""

import html
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.histories import Builder
from tests.support.noise_records import add_confirmations, told
from tune_noise.noise import count_labels
from tune_noise.reporting import write_outputs
from tune_noise.reporting.cells import Cell
from tune_noise.reporting.findings.summary import summarise
from tune_noise.reporting.page.noise import NUM_LARGEST, NoiseSection, noise_section

RATES = {"val_noise_rate_estimate": 0.4, "val_noise_rate_estimate_se": 0.02}
KNOWN = {"val_accuracy_clean_estimate": 0.85, "val_accuracy_clean_estimate_se": 0.05}


def section(build: Builder) -> NoiseSection:
    found = noise_section(summarise(build.history()).conditions[0])
    assert found is not None
    return found


def told_by(build: Builder, noises: list[Any], **metrics: float) -> NoiseSection:
    add_confirmations(build, noises, **(metrics or RATES | KNOWN))
    return section(build)


@pytest.fixture
def pair(builder: type[Builder]) -> Builder:
    return builder(conditions={"noise_rate": [0.25]})


def test_rate_and_both_accuracies_stand_with_their_intervals(pair: Builder) -> None:
    found = told_by(pair, [told(), told()])
    assert found.facts == {
        "noise rate, estimated from above": "40.0 % [40.0, 40.0]",
        "noise rate, measured on the training labels": "25.0 %",
        "clean-equivalent accuracy, by the known matrix": "85.0 % [85.0, 85.0]",
        "clean-equivalent accuracy, by the estimated matrix": "at most 90.0 % [90.0, 90.0]",
    }
    text = " ".join(found.sentences)
    assert "largest deviation from the measured matrix is 0.0 points" in text
    assert "4 of 4 intervals hold the measured share" in text
    assert "It is not a measured accuracy" in text
    assert "2 fresh seeds" in found.source


def test_a_single_seed_has_the_error_of_its_labels(pair: Builder) -> None:
    found = told_by(pair, [told()])
    assert found.facts["noise rate, estimated from above"] == "40.0 % [36.1, 43.9]"
    assert "1 fresh seed:" in found.source


def test_a_bound_above_all_bounds_nothing(pair: Builder) -> None:
    found = told_by(pair, [told(bound=1.05), told(bound=1.01)])
    shown = found.facts["clean-equivalent accuracy, by the estimated matrix"]
    assert shown.startswith("no bound below 100 %: the estimate is 103.0 %")


def test_seeds_without_a_bound_are_counted_and_renamed_ones_named(pair: Builder) -> None:
    found = told_by(pair, [told(), told(), told(bound=None)], **RATES, val_renamed=1.0)
    shown = found.facts["clean-equivalent accuracy, by the estimated matrix"]
    assert shown == "at most 90.0 % [90.0, 90.0], from 2 of 3 seeds"
    assert found.sentences[0].startswith("In 3 of 3 seeds the classes look renamed")


def test_what_cannot_be_estimated_is_said_instead_of_a_number(pair: Builder) -> None:
    found = told_by(pair, [told(rows=(8, 0), bound=None)] * 2)
    text = " ".join(found.sentences)
    assert "Class 1 is never predicted: its row cannot be estimated." in text
    assert "by the estimated matrix: a class is never predicted." in text
    assert found.facts["clean-equivalent accuracy, by the estimated matrix"] == "cannot be told"
    assert found.rows["1"] == [Cell("-", ("25.0",)), Cell("-", ("75.0",))]


def test_too_few_predictions_are_another_reason(pair: Builder) -> None:
    found = told_by(pair, [told(bound=None)] * 2)
    assert "too few predictions" in " ".join(found.sentences)


@pytest.mark.parametrize(
    ("noise", "said"),
    [
        ("instance", "This noise depends on the input: the matrix is an average over inputs."),
        ("given", "Labels as given may depend on the input: the matrix is an average over inputs."),
        ("foreign", "Some labels go with foreign images, which are of no class"),
    ],
)
def test_noise_that_depends_on_the_image_is_said_to_be_averaged(
    builder: type[Builder], noise: str, said: str
) -> None:
    found = told_by(builder(noise=noise), [told(true=None)] * 2, **RATES)
    text = " ".join(found.sentences)
    assert said in text
    assert "measured matrix is" not in text
    assert "clean-equivalent accuracy, by the known matrix" not in found.facts
    assert ("count as one validation set" in text) == (noise == "given")


def test_without_a_leader_or_any_estimate_there_is_no_section(builder: type[Builder]) -> None:
    build = builder()
    build.add_finalist([1.0, 1.1])
    assert noise_section(summarise(build.history()).conditions[0]) is None
    empty = builder()
    assert noise_section(summarise(empty.history()).conditions[0]) is None


def many_classes(number: int) -> dict[str, Any]:
    """Class i is flipped to the next one, more often the larger i is."""
    classes = np.repeat(np.arange(number), 2 * number)
    place = np.arange(len(classes)) % (2 * number)
    noisy = np.where(place < classes, (classes + 1) % number, classes)
    found = count_labels(classes, noisy[:, None], number).to_plain()
    return told() | {"seen": found, "true": found}


def test_of_many_classes_the_largest_cells_off_the_diagonal_are_shown(pair: Builder) -> None:
    found = told_by(pair, [many_classes(30)])
    assert list(found.rows)[:3] == ["29 → 0", "28 → 29", "27 → 28"]
    assert len(found.rows) == NUM_LARGEST
    assert found.rows["29 → 0"][0].value == "48.3"
    assert "20 largest of 870 cells off the diagonal" in found.caption


@pytest.mark.parametrize("number", [2, 12, 30])
def test_the_page_shows_figure_and_table_that_a_reader_of_the_page_can_hear(
    number: int, pair: Builder, tmp_path: Path
) -> None:
    noise = told() if number == 2 else many_classes(number)
    add_confirmations(pair, [noise, noise], **(RATES | KNOWN))
    summary = write_outputs(pair.history(), tmp_path)
    found = noise_section(summary.conditions[0])
    assert found is not None
    page = (tmp_path / "report.html").read_text("utf-8")
    for sentence in (*found.sentences, found.source, found.caption, *found.facts.values()):
        assert html.escape(sentence, quote=False).replace("'", "&#39;") in page
    [table] = re.findall(r'<table class="matrix">.*?</table>', page, re.DOTALL)
    assert table.count('<th scope="row">') == len(found.rows)
    assert table.count('scope="col"') == 1 + len(found.columns)
    assert f"estimated {number} by {number} noise transition matrix beside the measured" in page
    assert (tmp_path / "figures" / "transition_noise_rate=0.25.svg").stat().st_size < 2_000_000
