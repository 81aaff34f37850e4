"""What is said of classes: who is lost, to whom, and how far the figures can be trusted."""

from typing import Any

import numpy as np
import pytest

from tests.support.histories import Builder
from tests.support.noise_records import add_confirmations, told, told_classes
from tune_noise.noise import count_confusion
from tune_noise.reporting import verdict_sentence
from tune_noise.reporting.figures.draw import draw
from tune_noise.reporting.findings.classes import MAX_SHOWN, LabelKind, class_recalls
from tune_noise.reporting.findings.summary import ConditionSummary, summarise
from tune_noise.reporting.page.classes import classes_section

GOOD = [[90, 10, 0], [0, 40, 0], [4, 1, 5]]
LOST = [[90, 10, 0], [0, 40, 0], [9, 1, 0]]


def condition_of(build: Builder, noises: list[Any]) -> ConditionSummary:
    add_confirmations(build, noises)
    return summarise(build.history()).conditions[0]


@pytest.fixture
def pair(builder: type[Builder]) -> Builder:
    return builder(conditions={"noise_rate": [0.25]})


def test_the_lowest_recall_comes_first_with_what_is_predicted_instead(pair: Builder) -> None:
    recalls = condition_of(pair, [told_classes(GOOD, GOOD), told_classes(LOST, LOST)]).recalls
    rows = recalls["true"].classes
    assert [row.name for row in rows] == ["2", "0", "1"]
    assert [row.recall for row in rows] == pytest.approx([0.25, 0.9, 1.0])
    assert rows[0].instead == "0"
    assert rows[0].instead_share == pytest.approx(0.65)
    assert rows[2].instead is None
    assert rows[0].examples == 10
    assert rows[0].low < 0.25 < rows[0].high
    # Seeds that disagree on 10 images say less than the 10 images alone, where all seeds agree.
    same = class_recalls(
        condition_of(Builder(), [told_classes(GOOD, GOOD)] * 2).finalists[0], "true", None
    )
    assert same is not None
    width = same.classes[0].high - same.classes[0].low
    assert rows[0].high - rows[0].low > width


def test_a_class_that_is_never_predicted_is_warned_of(pair: Builder) -> None:
    kept = condition_of(pair, [told_classes(GOOD, GOOD)] * 2)
    assert kept.lost_classes == {}
    assert "never predicted" not in verdict_sentence(kept)
    half = condition_of(Builder(), [told_classes(LOST, LOST), told_classes(GOOD, GOOD)])
    assert "class 2 is never predicted (1 of 2 seeds)" in verdict_sentence(half)
    assert half.to_json()["classes"]["never_predicted"] == {"2": 1}
    # Predicted among the validation inputs, if only there.
    seen = condition_of(Builder(), [told_classes(LOST, GOOD)])
    assert seen.lost_classes == {}
    section = classes_section(half)
    assert section is not None
    assert [row["is_lost"] for row in section.rows] == [True, False, False]


def test_without_a_test_set_the_noisy_labels_alone_tell(pair: Builder) -> None:
    condition = condition_of(pair, [told_classes(None, LOST)])
    assert list(condition.recalls) == ["noisy"]
    assert condition.lost_classes == {"2": 1}
    assert draw_one(condition, pair) is not None


def draw_one(condition: ConditionSummary, build: Builder) -> Any:
    history = build.history()
    return draw(history, summarise(history)).get(("classes", condition.name))


def test_a_record_of_an_earlier_version_says_nothing(pair: Builder) -> None:
    condition = condition_of(pair, [told(), told()])
    assert condition.recalls == {}
    assert condition.to_json()["classes"] == {"never_predicted": {}}
    assert classes_section(condition) is None
    assert draw_one(condition, pair) is None


@pytest.mark.parametrize("num_classes", [100, 10_000])
def test_of_many_classes_the_worst_are_shown_and_the_rest_counted(
    pair: Builder, num_classes: int
) -> None:
    labels = np.repeat(np.arange(num_classes), 2)
    predicted = np.where(np.arange(len(labels)) % 7 == 0, 0, labels)
    plain = count_confusion(labels[:, None], predicted[None], num_classes).to_plain()
    noise = told() | {"confusion": {"true": plain, "noisy": plain}}
    condition = condition_of(pair, [noise, noise])
    section = classes_section(condition)
    assert section is not None
    assert len(section.rows) == MAX_SHOWN
    assert f"{num_classes - MAX_SHOWN:,} more are left out" in section.caption
    entry = condition.to_json()["classes"]["true"]
    assert (len(entry["lowest"]), entry["left_out"]) == (MAX_SHOWN, num_classes - MAX_SHOWN)
    drawing = draw_one(condition, pair)
    assert drawing.height < 700
    assert f"Recall of {num_classes:,} classes" in drawing.alt


def drawn(random: Any, images: int, spread: float, hard: float) -> list[Any]:
    """What five networks tell of the same images, of which `hard` shares are hard for all of them.

    Each seed draws its noisy labels afresh: three in ten are of the next class.
    """
    classes = 40
    chance = np.where(random.random(classes * images) < 0.3, 0.5 - hard, 0.9 + hard / 5)
    labels, noises = np.repeat(np.arange(classes), images), []
    for shift in np.clip(random.normal(0, spread, size=(5, classes)), -0.3, 0.1):
        is_right = random.random(len(labels)) < chance + np.repeat(shift, images)
        predicted = np.where(is_right, labels, (labels + 1) % classes)
        noisy = (labels + (random.random(len(labels)) < 0.3)) % classes
        confusions = {
            kind: count_confusion(of[:, None], predicted[None], classes).to_plain()
            for kind, of in (("true", labels), ("noisy", noisy))
        }
        noises.append(told() | {"confusion": confusions})
    return noises


@pytest.mark.parametrize("kind", ["true", "noisy"])
@pytest.mark.parametrize(("spread", "hard"), [(0.0, 0.0), (0.1, 0.0), (0.05, 0.45)])
@pytest.mark.parametrize("images", [10, 100])
def test_intervals_hold_the_recall_of_new_images_and_seeds(
    images: int, spread: float, hard: float, kind: LabelKind
) -> None:
    random, held = np.random.default_rng(0), []
    large = condition_of(Builder(), drawn(random, 2000, spread, hard))
    mean = np.mean([c.recall for c in large.recalls[kind].classes])
    for _ in range(10):
        condition = condition_of(Builder(), drawn(random, images, spread, hard))
        held += [c.low <= mean <= c.high for c in condition.recalls[kind].classes]
    assert np.mean(held) > 0.94
