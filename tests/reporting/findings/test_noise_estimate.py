"""Matrix, noise rate and accuracy from the record: pooling over seeds, and their intervals."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from tests.metrics.known import NOISES, K, known_transition, over
from tests.support.frames import frame
from tests.support.histories import Builder, epoch
from tests.support.noise_records import TRUE, add_confirmations, told
from tests.support.noisy_labels import corrupt
from tune_noise.noise import count_labels, total
from tune_noise.reporting.findings.noise_estimate import (
    noise_estimate,
    observations,
    pooled_observations,
)
from tune_noise.reporting.findings.summary import ConditionSummary, Summary, summarise
from tune_noise.reporting.statistics import estimate, share_interval, t_quantile, with_errors
from tune_noise.reporting.tables import TRANSITION_COLUMNS, Table, transition_table

RATES = {"val_noise_rate_estimate": 0.4, "val_noise_rate_estimate_se": 0.02}


@given(hits=st.integers(0, 60), misses=st.integers(0, 60))
def test_the_interval_of_a_share_is_wilsons(hits: int, misses: int) -> None:
    number = max(1, hits + misses)
    expected = binomtest(hits, number).proportion_ci(method="wilson")
    low, high = share_interval(np.array([hits / number]), np.array([float(number)]))
    assert low[0] == pytest.approx(expected.low, abs=1e-6)
    assert high[0] == pytest.approx(expected.high, abs=1e-6)


def test_fresh_labels_give_the_t_interval_and_shared_ones_add_their_own_error() -> None:
    values, errors = [0.40, 0.44, 0.42], [0.03, 0.04, 0.05]
    assert with_errors(values, errors, share_labels=False) == estimate(values)
    shared = with_errors(values, errors, share_labels=True)
    of_labels = 1.959964 * math.sqrt((0.03**2 + 0.04**2 + 0.05**2) / 3)
    of_seeds = t_quantile(3) * 0.02 / math.sqrt(3)
    assert shared.ci95 is not None
    assert shared.ci95[1] - shared.mean == pytest.approx(math.hypot(of_labels, of_seeds))
    alone = with_errors([0.4], [0.03], share_labels=False)
    assert alone.ci95 == pytest.approx((0.4 - 1.959964 * 0.03, 0.4 + 1.959964 * 0.03))


def of_seeds(
    random: np.random.Generator, noise: dict[str, Any], *, seeds: int, images: int, worst: float
) -> list[Any]:
    """Counts of each seed on the same images; a seed calls up to `worst` of them the next class."""
    clean, found = random.integers(K, size=images), []
    for _ in range(seeds):
        wrong = random.random(images) < worst * random.random()
        noisy = corrupt(**noise, clean_labels=clean, num_classes=K, generator=random)
        found.append(count_labels(np.where(wrong, (clean + 1) % K, clean), noisy, K))
    return found


@pytest.mark.parametrize(
    ("seeds", "worst", "least"), [(1, 0.0, 0.93), (5, 0.0, 0.93), (5, 0.3, 0.87)]
)
@over(NOISES)
def test_the_intervals_of_the_cells_hold_what_is_there_whatever_a_single_network_errs(
    noise: dict[str, Any], seeds: int, worst: float, least: float
) -> None:
    random, matrix = np.random.default_rng(3), known_transition(**noise, num_classes=K)
    # What a seed errs is evenly spread up to `worst`, so half of it on average.
    errs = worst / 2
    mixed = (1 - errs) * matrix + errs * np.roll(matrix, 1, axis=0)
    held = []
    for _ in range(200):
        found = of_seeds(random, noise, seeds=seeds, images=250, worst=worst)
        worth = pooled_observations(found, share_labels=False)
        low, high = share_interval(total(found).matrix, worth)
        held.append((low <= mixed + 1e-12) & (mixed <= high + 1e-12))
    # By kind of cell: those on the diagonal, and the others that can be. Of seeds that err by up
    # to 30 % five are few, and all cells of a seed err together: 90 % instead of 95.
    own = np.eye(K, dtype=bool)
    for cells in (own, ~own & (matrix > 0)):
        assert np.array(held)[:, cells].mean() > least


def test_a_row_of_images_with_one_label_is_worth_its_images_and_clusters_are_seen() -> None:
    classes = np.array([0] * 6 + [1] * 4)
    single = count_labels(classes, np.array([0, 0, 0, 1, 1, 1, 1, 1, 0, 0])[:, None], 2)
    np.testing.assert_array_equal(observations(single), [[6, 6], [4, 4]])
    # All labels of an image alike: worth no more than the images, less what few images know.
    alike = count_labels(
        classes, np.repeat(np.array([0, 0, 0, 1, 1, 1, 1, 1, 0, 0]), 5).reshape(-1, 5), 2
    )
    assert (observations(alike) <= observations(single)).all()
    # Each image with three labels of one kind and three of the other: the share is sure.
    mixed = count_labels(classes, np.tile([0, 0, 0, 1, 1, 1], (10, 1)), 2)
    np.testing.assert_array_equal(observations(mixed), [[6, 6], [4, 4]])


def test_labels_that_all_seeds_share_are_not_counted_twice() -> None:
    random = np.random.default_rng(0)
    noise = {"noise": "symmetric", "noise_rate": 0.4}
    [one] = of_seeds(random, noise, seeds=1, images=200, worst=0.0)
    shared = pooled_observations([one] * 5, share_labels=True)
    np.testing.assert_allclose(shared, observations(one))
    np.testing.assert_allclose(pooled_observations([one] * 5, share_labels=False), 5 * shared)


def only(build: Builder) -> tuple[Summary, ConditionSummary]:
    summary = summarise(build.history())
    return summary, summary.conditions[0]


def test_seeds_and_networks_are_pooled_as_their_labels_allow(builder: type[Builder]) -> None:
    build = builder(conditions={"noise_rate": [0.45]})
    add_confirmations(build, [told(networks=2), told(networks=2)], **RATES)
    found = noise_estimate(only(build)[1].finalists[0])
    assert found.matrix is not None
    # Two networks of two seeds: each cell's share is that of `told`, from 2 x 8 images a row.
    np.testing.assert_allclose(found.matrix.values, [[0.75, 0.25], [0.25, 0.75]])
    low, high = share_interval(np.array([0.25]), np.array([16.0]))
    assert found.matrix.low[0, 1] == pytest.approx(low[0])
    assert found.matrix.high[0, 1] == pytest.approx(high[0])
    np.testing.assert_allclose(found.matrix.truth, np.array(TRUE) / 100)
    assert found.rate is not None
    assert found.rate.mean == 0.4
    assert found.true_rate == 0.25
    assert found.accuracy_bound is not None
    assert found.accuracy_bound.mean == pytest.approx(0.9)
    assert found.known_accuracy is None


def test_a_bound_that_most_seeds_do_not_have_is_not_given(builder: type[Builder]) -> None:
    build = builder(conditions={"noise_rate": [0.45]})
    add_confirmations(build, [told(), told(bound=None)], **RATES)
    assert noise_estimate(only(build)[1].finalists[0]).accuracy_bound is None


def test_a_seed_that_diverged_and_an_old_record_tell_nothing(builder: type[Builder]) -> None:
    build = builder(conditions={"noise_rate": [0.45]})
    add_confirmations(build, [None, None], **RATES)
    summary, condition = only(build)
    found = noise_estimate(condition.finalists[0])
    assert found.matrix is None
    assert found.rate is not None
    assert transition_table(summary) == Table(list(TRANSITION_COLUMNS), [])


def test_the_table_has_a_row_per_cell_with_empty_fields_for_what_is_unknown(
    builder: type[Builder],
) -> None:
    build = builder(conditions={"noise_rate": [0.45]})
    add_confirmations(build, [told(rows=(8, 0), true=None)], **RATES)
    table = frame(transition_table(only(build)[0]))
    assert list(table.columns) == list(TRANSITION_COLUMNS)
    assert list(zip(table["true_class"], table["noisy_label"], strict=True)) == [
        (0, 0), (0, 1), (1, 0), (1, 1),
    ]  # fmt: skip
    assert table["truth"].isna().all()
    assert table["estimate"].tolist()[:2] == [0.75, 0.25]
    assert table.loc[2:, ["estimate", "low", "high"]].isna().all(axis=None)
    sums = table.groupby("true_class")["estimate"].sum(min_count=1)
    assert sums[0] == 1.0
    assert pd.isna(sums[1])


def test_of_very_many_classes_only_cells_that_hold_something_are_in_the_table(
    builder: type[Builder],
) -> None:
    build = builder(conditions={"noise_rate": [0.45]})
    counts = count_labels(np.arange(120), (np.arange(120)[:, None] + 1) % 120, 120)
    found = told() | {"seen": counts.to_plain(), "true": None}
    add_confirmations(build, [found], **RATES)
    assert len(transition_table(only(build)[0]).rows) == 120


def test_the_summary_holds_the_figures(builder: type[Builder]) -> None:
    build = builder(conditions={"noise_rate": [0.45]})
    shown = RATES | {"val_accuracy_clean_estimate": 0.8, "val_accuracy_clean_estimate_se": 0.05}
    add_confirmations(build, [told(), told()], **shown)
    [entry] = only(build)[0].to_json()["conditions"]
    assert entry["noise_estimate"]["noise_rate"]["mean"] == 0.4
    assert entry["noise_estimate"]["accuracy_from_known_matrix"]["mean"] == 0.8
    assert entry["noise_estimate"]["accuracy_at_most"]["n"] == 2
    unfinished = builder(conditions={"noise_rate": [0.45]})
    unfinished.add(epoch(0.5), status=None)
    assert only(unfinished)[0].to_json()["conditions"][0]["noise_estimate"] is None
