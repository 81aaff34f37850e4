"""The posterior, the transition matrix, the sharpening and the measures behind suspects."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import average_precision_score

from tune_noise.metrics.suspicion import (
    EXPONENTS,
    average_precision,
    detection,
    estimated_transition,
    matched,
    sharpened,
    shrunk,
    suspicion,
)
from tune_noise.noise import pair_flip, symmetric

NUM_CLASSES = 5


def drawn(matrix, *, number, sharpness, seed=0):
    """Images of known posterior, true classes drawn from it, labels drawn from T."""
    generator = np.random.default_rng(seed)
    logits = sharpness * generator.standard_normal((number, len(matrix)))
    posterior = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = np.array([generator.choice(len(matrix), p=row) for row in posterior])
    labels = np.array([generator.choice(len(matrix), p=matrix[k]) for k in truth])
    return posterior, truth, labels


def without_zeros(matrix):
    return (matrix + 1e-9) / (1.0 + 1e-9 * len(matrix))


def test_suspicion_is_the_posterior_by_bayes_rule():
    matrix = without_zeros(pair_flip(NUM_CLASSES, 0.4))
    posterior, _, labels = drawn(matrix, number=50, sharpness=2.0)
    found = suspicion(posterior, labels, matrix)
    for n, label in enumerate(labels):  # a second derivation, one example and one class at a time
        joint = [posterior[n, k] * matrix[k, label] for k in range(NUM_CLASSES)]
        assert found.probabilities[n] == pytest.approx(1.0 - joint[label] / sum(joint))


def test_of_all_labels_with_a_suspicion_that_share_is_wrong():
    matrix = without_zeros(pair_flip(NUM_CLASSES, 0.4))
    posterior, truth, labels = drawn(matrix, number=40_000, sharpness=2.0)
    found = suspicion(posterior, labels, matrix).probabilities
    for low in (0.1, 0.3, 0.5, 0.7, 0.9):
        among = np.abs(found - low) < 0.1
        # Five standard errors of a share.
        bound = 5 * 0.5 / np.sqrt(among.sum())
        assert (labels != truth)[among].mean() == pytest.approx(found[among].mean(), abs=bound)


def test_under_symmetric_noise_the_ranking_is_that_of_self_confidence():
    matrix = symmetric(NUM_CLASSES, 0.5)
    posterior, _, labels = drawn(matrix, number=500, sharpness=2.0)
    own = posterior[np.arange(500), labels]
    assert suspicion(posterior, labels, matrix).order.tolist() == np.argsort(own).tolist()


def test_a_flip_that_the_noise_does_not_make_is_no_reason_for_suspicion():
    matrix = without_zeros(pair_flip(3, 0.4))
    looks_like = np.array([[0.6, 0.4, 0.0], [0.0, 0.4, 0.6]])
    from_below, from_above = suspicion(looks_like, np.array([1, 1]), matrix).probabilities
    assert from_below == pytest.approx(0.5)  # 0.6 * 0.4 against 0.4 * 0.6
    assert from_above < 1e-6


def test_networks_that_are_sure_leave_every_figure_finite_and_ranked():
    sure = np.eye(3)[[0, 1, 2, 0]]
    found = suspicion(sure, np.array([0, 1, 1, 2]), without_zeros(symmetric(3, 0.2)))
    assert np.isfinite(found.log_odds).all()
    assert found.probabilities.tolist() == pytest.approx([0.0, 0.0, 1.0, 1.0])
    assert set(found.order[:2].tolist()) == {2, 3}


@pytest.mark.parametrize("matrix", [pair_flip(NUM_CLASSES, 0.4), symmetric(NUM_CLASSES, 0.4)])
def test_sure_networks_show_the_transition_matrix(matrix):
    truth = np.arange(20_000) % NUM_CLASSES
    generator = np.random.default_rng(0)
    labels = np.array([generator.choice(NUM_CLASSES, p=matrix[k]) for k in truth])
    probabilities = 0.1 / (NUM_CLASSES - 1) + (0.9 - 0.1 / (NUM_CLASSES - 1)) * np.eye(5)[truth]
    found = estimated_transition(probabilities, labels[:, None])
    # A thousand labels per row: five standard errors of a share of one half.
    np.testing.assert_allclose(found, matrix, atol=0.08)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    assert (found > 0.0).all()


def test_few_labels_of_symmetric_noise_give_a_matrix_that_is_nearly_symmetric():
    matrix, truth = symmetric(10, 0.3), np.arange(800) % 10
    generator = np.random.default_rng(1)
    labels = np.array([generator.choice(10, p=matrix[k]) for k in truth])
    probabilities = 0.05 / 9 + (0.95 - 0.05 / 9) * np.eye(10)[truth]
    # Twenty labels a row: their raw shares are off by up to 0.2.
    np.testing.assert_allclose(
        estimated_transition(probabilities, labels[:, None]), matrix, atol=0.07
    )


def test_a_class_that_is_never_predicted_has_the_common_row():
    probabilities = np.tile([0.7, 0.3, 0.0], (40, 1))
    probabilities[20:] = [0.3, 0.7, 0.0]
    found = estimated_transition(probabilities, np.repeat([[0], [1]], 20, axis=0))
    assert np.isfinite(found).all()
    assert found[2].argmax() == 2
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


@given(
    arrays(np.float64, (4, 3), elements=st.integers(0, 1000).map(float)),
    st.floats(0.05, 0.9),
)
def test_shrunk_shares_lie_between_the_rows_own_and_the_centre(counts, first):
    centre = np.array([first, (1 - first) / 2, (1 - first) / 2])
    found = shrunk(counts, centre)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    own = (counts + 1e-300) / np.maximum(counts.sum(axis=1, keepdims=True), 1e-300)
    own[counts.sum(axis=1) == 0.0] = centre
    assert (found >= np.minimum(own, centre) - 1e-12).all()
    assert (found <= np.maximum(own, centre) + 1e-12).all()
    assert (found > 0.0).all()


def test_rows_that_are_alike_are_drawn_together_and_rows_that_differ_are_not():
    centre = np.full(2, 0.5)
    alike = shrunk(np.array([[52.0, 48.0], [49.0, 51.0], [47.0, 53.0]]), centre)
    np.testing.assert_allclose(alike, 0.5, atol=1e-3)
    apart = shrunk(np.array([[98.0, 2.0], [3.0, 97.0]]), centre)
    np.testing.assert_allclose(apart, [[0.98, 0.02], [0.03, 0.97]], atol=0.01)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0, 4.0])
def test_sharpening_undoes_a_known_temperature(exponent):
    matrix = without_zeros(symmetric(NUM_CLASSES, 0.3))
    posterior, _, labels = drawn(matrix, number=20_000, sharpness=3.0)
    flat = posterior ** (1.0 / exponent)
    flat /= flat.sum(axis=1, keepdims=True)
    found = sharpened(flat, labels[:, None], matrix)
    # One step of the grid is a factor of 1.19.
    ratio = np.log(found[0, 0] / found[0, 1]) / np.log(flat[0, 0] / flat[0, 1])
    assert exponent / 1.2 < ratio < exponent * 1.2
    assert 1.0 in EXPONENTS


@given(
    st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=60).filter(
        lambda rows: any(wrong for _, wrong in rows)
    )
)
def test_average_precision_agrees_with_its_definition_and_with_scikit_learn(rows):
    scores = np.array([float(score) for score, _ in rows])
    is_wrong = np.array([wrong for _, wrong in rows])
    of_each = [is_wrong[scores >= score].mean() for score in scores[is_wrong]]
    found = average_precision(scores, is_wrong)
    assert found == pytest.approx(np.mean(of_each))
    assert found == pytest.approx(average_precision_score(is_wrong, scores))


def test_figures_that_do_not_exist_are_left_out():
    matrix = without_zeros(symmetric(3, 0.2))
    all_right = suspicion(np.eye(3), np.array([0, 1, 2]), matrix)
    assert detection(all_right, np.zeros(3, dtype=bool)) == {}
    assert detection(all_right, np.array([True, False, False])).keys() == {
        "recall",
        "average_precision",
    }


def test_detection_counts_what_is_more_likely_wrong_than_right():
    found = suspicion(np.eye(3)[[0, 0, 0, 0]], np.array([0, 1, 2, 2]), symmetric(3, 0.2))
    figures = detection(found, np.array([True, True, True, False]))
    assert figures["precision"] == pytest.approx(2 / 3)
    assert figures["recall"] == pytest.approx(2 / 3)


def test_matched_values_keep_their_order_and_get_the_distribution_of_the_reference():
    random = np.random.default_rng(0)
    values, reference = random.normal(size=(500, 2)), 3.0 + 2.0 * random.normal(size=80)
    new = matched(values, reference)
    np.testing.assert_array_equal(np.argsort(new, axis=None), np.argsort(values, axis=None))
    assert (new > 3.0).mean() == pytest.approx((reference > 3.0).mean(), abs=1 / 80)
    np.testing.assert_allclose(matched(reference, reference), reference, atol=1e-8)
