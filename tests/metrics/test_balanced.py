"""Balanced measures, against closed forms, derivations made again slowly, and simulation."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score

from tune_noise.metrics.balanced import balanced_accuracy, balanced_information
from tune_noise.metrics.information import information
from tune_noise.noise import dilute, flip, pair_flip, symmetric

K = 10


def shares(ratio, num_classes=K):
    """Class shares that fall from class to class, the first `ratio` times the last."""
    powers = ratio ** (-np.arange(num_classes) / (num_classes - 1))
    return powers / powers.sum()


def weighted_information(joint):
    """I(predicted; label) of a joint [predicted, label] whose labels are made equally frequent."""
    columns = joint.sum(axis=0)
    joint = joint[:, columns > 0] / columns[columns > 0] / np.count_nonzero(columns)
    independent = np.outer(joint.sum(axis=1), joint.sum(axis=0))
    cells = joint > 0
    return float((joint[cells] * np.log(joint[cells] / independent[cells])).sum())


def slow_estimate(predicted, noisy, num_classes):
    """The definition, one image after another."""
    flat = [label for labels in noisy for label in labels]
    present, total = sorted(set(flat)), 0.0
    for i, labels in enumerate(noisy):
        others = [(predicted[m], label) for m in range(len(noisy)) if m != i for label in noisy[m]]

        def share(label, k=predicted[i], pairs=others):
            column = [row for row, other in pairs if other == label]
            return (column.count(k) + 0.5) / (len(column) + 0.5 * num_classes)

        # The classes that this image bears lack its labels, all others are as they are.
        mean = sum(share(label) for label in present) / len(present)
        for label in labels:
            total += math.log(share(label) / mean) / (flat.count(label) * len(present))
    return total


def slow_jackknife(predicted, noisy, num_classes):
    """The spread of the plain information without one label each, its factor class by class."""
    joint = np.zeros((num_classes, num_classes))
    np.add.at(joint, (predicted, noisy[:, 0]), 1)
    moved = []
    for k, label in zip(predicted, noisy[:, 0], strict=True):
        number = joint[:, label].sum()
        if number == 1:
            moved.append(0.0)
            continue
        less = joint.copy()
        less[k, label] -= 1
        change = weighted_information(less) - weighted_information(joint)
        moved.append(change * math.sqrt((number - 1) / number))
    return math.sqrt(((np.array(moved) - np.mean(moved)) ** 2).sum())


@given(
    num_images=st.integers(2, 25),
    num_classes=st.integers(2, 5),
    copies=st.integers(1, 3),
    seed=st.integers(0, 2**32),
)
def test_it_equals_the_definition_derived_again_slowly(num_images, num_classes, copies, seed):
    random = np.random.default_rng(seed)
    predicted = random.integers(num_classes, size=num_images)
    noisy = random.integers(num_classes, size=(num_images, copies))
    estimate = balanced_information(predicted, noisy, num_classes)
    slow = slow_estimate(predicted.tolist(), noisy.tolist(), num_classes)
    assert estimate.nats == pytest.approx(slow, rel=1e-10, abs=1e-12)


@given(num_images=st.integers(2, 40), num_classes=st.integers(2, 5), seed=st.integers(0, 2**32))
def test_its_error_is_a_jackknife_of_the_information_of_the_table(num_images, num_classes, seed):
    random = np.random.default_rng(seed)
    predicted = random.integers(num_classes, size=num_images)
    noisy = random.integers(num_classes, size=(num_images, 1))
    error = balanced_information(predicted, noisy, num_classes).standard_error
    slow = slow_jackknife(predicted, noisy, num_classes)
    assert error == pytest.approx(slow, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("matrix", [np.eye(K), symmetric(K, 0.3), pair_flip(K, 0.45)])
@pytest.mark.parametrize("ratio", [1, 50])
def test_a_perfect_classifier_approaches_the_closed_form(matrix, ratio):
    random = np.random.default_rng(0)
    clean = random.choice(K, size=200_000, p=shares(ratio))
    estimate = balanced_information(clean, flip(clean, matrix, generator=random), K)
    expected = weighted_information(shares(ratio)[:, None] * matrix)
    assert estimate.nats == pytest.approx(expected, abs=4 * estimate.standard_error + 0.003)


def test_without_noise_it_is_log_k_whatever_the_shares_of_the_classes():
    assert weighted_information(np.diag(shares(50))) == pytest.approx(math.log(K))
    assert weighted_information(np.diag(shares(1))) == pytest.approx(math.log(K))


def joint_of(prior, confusion, matrix):
    """P(predicted, label) of a classifier with P(predicted | true) under noise T."""
    return (prior[:, None] * confusion).T @ matrix


@given(seed=st.integers(0, 2**32), num_classes=st.integers(2, 6))
def test_nothing_tells_more_about_the_weighted_label_than_the_true_class(seed, num_classes):
    random = np.random.default_rng(seed)
    prior = random.dirichlet(np.full(num_classes, 0.5)) + 1e-6
    prior /= prior.sum()
    matrix, confusion = random.dirichlet(np.ones(num_classes), size=(2, num_classes))
    best = weighted_information(joint_of(prior, np.eye(num_classes), matrix))
    assert weighted_information(joint_of(prior, confusion, matrix)) <= best + 1e-9


def test_weights_by_predicted_class_would_reward_losing_a_class():
    # Labels of the rare class 2 say nothing. To predict it for half of class 0 loses it, and gains.
    prior, matrix = np.array([0.5, 0.48, 0.02]), np.array([[1, 0, 0], [0, 1, 0], [0.5, 0.5, 0]])
    lost = np.array([[0.5, 0.0, 0.5], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]])

    def by_predicted(confusion):
        joint = joint_of(prior, confusion, matrix)
        return information_of(joint / joint.sum(axis=1, keepdims=True) / 3)

    def information_of(joint):
        independent = np.outer(joint.sum(axis=1), joint.sum(axis=0))
        cells = joint > 0
        return (joint[cells] * np.log(joint[cells] / independent[cells])).sum()

    assert by_predicted(lost) > by_predicted(np.eye(3)) + 0.1
    joints = [joint_of(prior, confusion, matrix) for confusion in (lost, np.eye(3))]
    assert weighted_information(joints[0]) < weighted_information(joints[1])


def simulated(noise, level, *, ratio, num_images, accuracy, draws, foreign=0.0):
    """Estimates and stated errors on fresh images of a classifier that errs at random."""
    random = np.random.default_rng(3)
    values = []
    for _ in range(draws):
        clean, guesses = random.choice(K, size=(2, num_images), p=shares(ratio))
        predicted = np.where(random.random(num_images) < accuracy, clean, guesses)
        if noise == "dilution":
            labels = dilute(clean, alpha=level, num_classes=K, generator=random)
        else:
            matrix = symmetric(K, level) if noise == "symmetric" else pair_flip(K, level)
            labels = flip(clean, matrix, generator=random)
        is_foreign = random.random(num_images) < foreign
        labels[is_foreign] = random.integers(K, size=(is_foreign.sum(), labels.shape[1]))
        estimate = balanced_information(predicted, labels, K)
        values.append((estimate.nats, estimate.standard_error))
    return np.array(values).T


NOISES = [("symmetric", 0.3), ("pair_flip", 0.45), ("dilution", 5)]


@pytest.mark.parametrize("accuracy", [1.0, 0.7])
@pytest.mark.parametrize(("num_images", "draws"), [(380, 600), (3000, 200)])
@pytest.mark.parametrize("ratio", [1, 50])
@pytest.mark.parametrize(("noise", "level"), NOISES)
def test_the_stated_error_is_the_spread_over_new_validation_sets(
    noise, level, ratio, num_images, draws, accuracy
):
    nats, stated = simulated(
        noise, level, ratio=ratio, num_images=num_images, accuracy=accuracy, draws=draws
    )
    # Classes with one to five labels have a larger spread than these few labels show.
    few = noise == "pair_flip" and (ratio, num_images) == (50, 380)
    tolerance = (0.35 if few else 0.15) + 2 / math.sqrt(2 * draws)
    assert math.sqrt((stated**2).mean()) == pytest.approx(nats.std(ddof=1), rel=tolerance)


@pytest.mark.parametrize("ratio", [1, 50])
@pytest.mark.parametrize(("noise", "level"), NOISES)
def test_an_estimate_never_flatters(noise, level, ratio):
    nats, _ = simulated(noise, level, ratio=ratio, num_images=380, accuracy=1.0, draws=300)
    if noise == "dilution":
        matrix = np.full((K, K), level / (1 + level) / K) + np.eye(K) / (1 + level)
    else:
        matrix = symmetric(K, level) if noise == "symmetric" else pair_flip(K, level)
    true = weighted_information(shares(ratio)[:, None] * matrix)
    assert nats.mean() < true + 2 * nats.std(ddof=1) / math.sqrt(300)


@pytest.mark.parametrize("num_images", [40, 380])
@pytest.mark.parametrize("ratio", [1, 50])
def test_predictions_that_know_nothing_are_not_rewarded(num_images, ratio):
    nats, _ = simulated(
        "symmetric", 0.3, ratio=ratio, num_images=num_images, accuracy=0.0, draws=200
    )
    assert nats.mean() < 0.0
    constant = np.zeros(num_images, dtype=np.int64)
    noisy = np.random.default_rng(0).choice(K, size=(num_images, 1), p=shares(ratio))
    assert balanced_information(constant, noisy, K).nats <= 0.0


def test_foreign_images_only_dilute():
    some, _ = simulated(
        "symmetric", 0.3, ratio=10, num_images=3000, accuracy=1.0, draws=20, foreign=0.3
    )
    worse, _ = simulated(
        "symmetric", 0.3, ratio=10, num_images=3000, accuracy=0.8, draws=20, foreign=0.3
    )
    none, _ = simulated("symmetric", 0.3, ratio=10, num_images=3000, accuracy=1.0, draws=20)
    assert 0.0 < worse.mean() < some.mean() < none.mean()


def test_a_lost_rare_class_costs_what_its_share_does_not_show():
    random = np.random.default_rng(0)
    clean = random.choice(K, size=5000, p=shares(50))
    lost = np.where(clean == K - 1, 0, clean)
    assert information(clean, clean[:, None], K).nats - information(
        lost, clean[:, None], K
    ).nats == pytest.approx(0.04, abs=0.02)
    difference = (
        balanced_information(clean, clean[:, None], K).nats
        - balanced_information(lost, clean[:, None], K).nats
    )
    assert difference == pytest.approx(2 * math.log(2) / K, abs=0.03)


@given(num_images=st.integers(1, 60), num_classes=st.integers(2, 6), seed=st.integers(0, 2**32))
def test_balanced_accuracy_is_scikit_learns(num_images, num_classes, seed):
    random = np.random.default_rng(seed)
    predicted, labels = random.integers(num_classes, size=(2, num_images))
    with warnings.catch_warnings():  # of a class that is predicted and not there
        warnings.simplefilter("ignore")
        expected = balanced_accuracy_score(labels, predicted)
    assert balanced_accuracy(predicted, labels[:, None]) == pytest.approx(expected)


@given(
    prior=st.floats(0.02, 0.98),
    wrong=st.tuples(st.floats(0.0, 0.45), st.floats(0.0, 0.45)),
    seed=st.integers(0, 2**32),
)
def test_of_two_classes_noise_moves_balanced_accuracy_along_a_line(prior, wrong, seed):
    """Menon et al. 2015, arXiv:1411.6447 and ICML 37: no rate and no share need be known."""
    matrix = np.array([[1 - wrong[0], wrong[0]], [wrong[1], 1 - wrong[1]]])
    shares_of = np.array([prior, 1 - prior])
    posterior = shares_of[:, None] * matrix / (shares_of @ matrix)  # true given noisy
    off = [posterior[1, 0], posterior[0, 1]]
    first, second = np.random.default_rng(seed).random(2)
    confusion = np.array([[first, 1 - first], [1 - second, second]])
    joint = joint_of(shares_of, confusion, matrix)
    noisy = np.trace(joint / joint.sum(axis=0)) / 2
    clean = np.trace(confusion) / 2
    assert noisy == pytest.approx((1 - sum(off)) * clean + sum(off) / 2)
