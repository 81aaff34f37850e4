"""The sample: known probabilities, one order for all sizes, and no stratum without a label."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.populations import made_up
from tune_noise.audit.sample import add_event, draw_sample, sample_event, strata_of

POPULATION, TRUTH = made_up(800)


def test_each_label_has_the_probability_of_its_stratum_and_all_add_up():
    sample = draw_sample(POPULATION, labels=100, seed=3)
    assert len(sample) == len(set(sample.examples.tolist())) == 100
    assert (sample.inclusion > 0).all()
    # The weights of Horvitz and Thompson count the whole population.
    assert (1.0 / sample.inclusion).sum() == pytest.approx(len(POPULATION))


def test_suspects_are_drawn_more_often_than_labels_that_nobody_doubts():
    sample = draw_sample(POPULATION, labels=100, seed=3)
    rows = [POPULATION.row_of[example] for example in sample.examples.tolist()]
    suspicion = POPULATION.judgements.suspicion
    assert suspicion[rows].mean() > 1.3 * suspicion.mean()


def test_every_label_is_drawn_as_often_as_its_probability_says():
    strata, drawn = strata_of(POPULATION), np.zeros(len(POPULATION))
    for seed in range(200):
        sample = draw_sample(POPULATION, labels=60, seed=seed)
        drawn[[POPULATION.row_of[example] for example in sample.examples.tolist()]] += 1
    expected = 200 * (sample.drawn / sample.sizes)[strata]
    assert np.abs(drawn - expected).max() < 5.5 * np.sqrt(expected.max())


@settings(max_examples=25)
@given(st.integers(20, 400), st.integers(0, 400))
def test_a_larger_sample_holds_the_smaller_one_and_is_what_one_draw_would_be(first, more):
    small = draw_sample(POPULATION, labels=first, seed=1)
    large = draw_sample(POPULATION, labels=first + more, seed=9, before=small)
    assert large.examples[:first].tolist() == small.examples.tolist()
    at_once = draw_sample(POPULATION, labels=first + more, seed=1)
    if (at_once.drawn >= small.drawn).all():
        assert set(large.examples.tolist()) == set(at_once.examples.tolist())
    replayed = add_event(add_event(None, sample_event(small)), sample_event(large, small))
    assert replayed.examples.tolist() == large.examples.tolist()
    assert replayed.inclusion.tolist() == large.inclusion.tolist()


def test_a_part_of_the_sample_has_each_stratum_nearly_in_proportion():
    sample = draw_sample(POPULATION, labels=200, seed=5)
    part = np.bincount(sample.strata[:100], minlength=len(sample.sizes))
    assert np.abs(part - sample.drawn / 2).max() <= 1.0


def test_a_sample_of_more_than_there_is_holds_everything():
    population, _ = made_up(30)
    sample = draw_sample(population, labels=100, seed=0)
    assert sorted(sample.examples.tolist()) == list(range(30))
    assert (sample.inclusion == 1.0).all()


def test_strata_part_agreement_and_suspicion():
    strata, judgements = strata_of(POPULATION), POPULATION.judgements
    agree = judgements.given == judgements.predicted
    for stratum in range(strata.max() + 1):
        assert len(set(agree[strata == stratum].tolist())) == 1
    # Suspicion falls from stratum to stratum of each part.
    bounds = [
        (judgements.suspicion[s := (strata == k)].min(), judgements.suspicion[s].max(), agree[s][0])
        for k in range(strata.max() + 1)
    ]
    for (low, _, before), (_, high, after) in pairwise(bounds):
        assert before != after or high <= low
