"""The objective, against closed forms, an independent derivation, and the table of its errors."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_noise.metrics.information import count_pairs, entropy, information, is_renamed
from tune_noise.noise import dilute, flip, pair_flip, symmetric

K = 10


def balanced(num_examples):
    return np.arange(num_examples, dtype=np.int64) // 2 % K  # both halves see every class


def mutual_information(matrix):
    """I(class; noisy label) of a channel T with uniform classes and uniform noisy labels."""
    cells = matrix[matrix > 0]
    return math.log(len(matrix)) + float((cells * np.log(cells)).sum()) / len(matrix)


def dilution_channel(alpha):
    return np.full((K, K), alpha / (1 + alpha) / K) + np.eye(K) / (1 + alpha)


def slow_information(predicted, noisy, num_classes):
    """The definition, one image after another: That of the other half, half a count per cell."""
    terms = []
    for i in range(len(predicted)):
        row = [0.5] * num_classes
        for j in range(len(predicted)):
            if j % 2 != i % 2 and predicted[j] == predicted[i]:
                for label in noisy[j]:
                    row[label] += 1.0
        terms.append(sum(math.log(row[label] / sum(row)) for label in noisy[i]) / len(noisy[i]))
    flat = [label for labels in noisy for label in labels]
    shares = [flat.count(label) / len(flat) for label in set(flat)]
    mean = sum(terms) / len(terms)
    variance = sum((term - mean) ** 2 for term in terms) / (len(terms) - 1)
    nats = -sum(share * math.log(share) for share in shares) + mean
    return nats, math.sqrt(variance / len(terms))


@given(
    num_images=st.integers(2, 30),
    num_classes=st.integers(2, 5),
    copies=st.integers(1, 4),
    seed=st.integers(0, 2**32),
)
def test_it_equals_the_definition_derived_again_slowly(num_images, num_classes, copies, seed):
    random = np.random.default_rng(seed)
    predicted = random.integers(num_classes, size=num_images)
    noisy = random.integers(num_classes, size=(num_images, copies))
    estimate = information(predicted, noisy, num_classes)
    expected = slow_information(predicted.tolist(), noisy.tolist(), num_classes)
    np.testing.assert_allclose(
        (estimate.nats, estimate.standard_error), expected, rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize(
    "matrix", [symmetric(K, 0.2), symmetric(K, 0.5), pair_flip(K, 0.45), np.eye(K)]
)
def test_a_perfect_classifier_approaches_the_information_of_the_channel(matrix):
    clean = balanced(200_000)
    noisy = flip(clean, matrix, generator=np.random.default_rng(0))
    estimate = information(clean, noisy, K)
    # A bias of about a tenth of K * K pseudo-counts and free cells in 100,000 is left.
    assert abs(estimate.nats - mutual_information(matrix)) < 5 * estimate.standard_error + 0.002


def test_a_perfect_classifier_of_clean_labels_knows_log_k():
    clean = balanced(100_000)
    estimate = information(clean, clean[:, None], K)
    assert estimate.nats == pytest.approx(math.log(K), abs=0.001)
    assert estimate.standard_error == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("num_images", [40, 126, 380])
def test_predictions_that_know_nothing_are_not_rewarded(num_images):
    random = np.random.default_rng(0)
    estimates = [
        information(
            random.integers(K, size=num_images), random.integers(K, size=(num_images, 1)), K
        ).nats
        for _ in range(300)
    ]
    # Plug-in information would be about (K - 1)**2 / 2N above 0; cross-fitting is below it.
    assert np.mean(estimates) < 0.0
    assert np.mean(estimates) > -0.6


def test_predictions_that_know_nothing_have_no_information_in_the_limit():
    random = np.random.default_rng(1)
    estimate = information(
        random.integers(K, size=200_000), random.integers(K, size=(200_000, 1)), K
    )
    assert abs(estimate.nats) < 0.002


def test_one_prediction_for_all_knows_nothing():
    noisy = flip(balanced(10_000), symmetric(K, 0.2), generator=np.random.default_rng(0))
    estimate = information(np.zeros(10_000, dtype=np.int64), noisy, K)
    assert -0.005 < estimate.nats <= 0.0


# noise, information of a perfect classifier, standard error at 126 and at 380 images: the table
# in the reference of the objective, computed there from the definition.
TABLE = [
    ("symmetric", 0.2, 1.363, 0.128, 0.074),
    ("symmetric", 0.5, 0.511, 0.098, 0.056),
    ("dilution", 1, 0.626, 0.075, 0.043),
    ("dilution", 5, 0.092, 0.017, 0.010),
    ("dilution", 10, 0.031, 0.007, 0.004),
    ("dilution", 20, 0.009, 0.003, 0.002),
]


def labels_under(noise, level, clean, generator):
    if noise == "dilution":
        return dilute(clean, alpha=level, num_classes=K, generator=generator)
    return flip(clean, symmetric(K, level), generator=generator)


@pytest.mark.parametrize(("noise", "level", "expected", "se_126", "se_380"), TABLE)
def test_the_information_of_the_table_is_the_channels(noise, level, expected, se_126, se_380):
    channel = dilution_channel(level) if noise == "dilution" else symmetric(K, level)
    assert mutual_information(channel) == pytest.approx(expected, abs=6e-4)


def spread_of_log_terms(channel, shares):
    """Standard deviation of log T[class, label] for labels drawn with `shares`."""
    logs = np.log(channel[0])
    return math.sqrt(float(shares @ logs**2 - (shares @ logs) ** 2))


@pytest.mark.parametrize(("noise", "level", "expected", "se_126", "se_380"), TABLE)
def test_the_standard_error_of_the_table_is_that_of_a_known_t_and_independent_labels(
    noise, level, expected, se_126, se_380
):
    channel = dilution_channel(level) if noise == "dilution" else symmetric(K, level)
    copies = 1 + level if noise == "dilution" else 1
    for table, num_images in ((se_126, 126), (se_380, 380)):
        error = spread_of_log_terms(channel, channel[0]) / math.sqrt(num_images * copies)
        assert error == pytest.approx(table, abs=6e-4)


@pytest.mark.parametrize(("noise", "level", "expected", "se_126", "se_380"), TABLE)
def test_with_many_images_the_stated_error_is_the_spread_of_the_log_terms(
    noise, level, expected, se_126, se_380
):
    clean, random = balanced(6000), np.random.default_rng(1)
    estimates = [
        information(clean, labels_under(noise, level, clean, random), K) for _ in range(40)
    ]
    if noise == "symmetric":
        error = spread_of_log_terms(symmetric(K, level), symmetric(K, level)[0])
    else:
        # The clean copy is certain; only the alpha uniform ones of the 1 + alpha vary.
        spread = spread_of_log_terms(dilution_channel(level), np.full(K, 1 / K))
        error = spread * math.sqrt(level) / (1 + level)
    error /= math.sqrt(6000)
    nats = np.array([estimate.nats for estimate in estimates])
    assert np.mean([e.standard_error for e in estimates]) == pytest.approx(error, rel=0.1)
    # 40 draws know their own spread to about 11 %.
    assert nats.std(ddof=1) == pytest.approx(error, rel=0.4)
    # K (K - 1) cells of That are counted on half of the labels: what cross-fitting costs.
    bias = K * (K - 1) / clean.size / (1 if noise == "symmetric" else 1 + level)
    assert nats.mean() == pytest.approx(expected - bias, abs=4 * error / math.sqrt(40) + 6e-4)


@pytest.mark.parametrize("num_images", [126, 380])
@pytest.mark.parametrize(("noise", "level", "expected", "se_126", "se_380"), TABLE)
def test_with_few_images_an_estimate_never_flatters_and_its_error_has_the_right_size(
    noise, level, expected, se_126, se_380, num_images
):
    clean, random = balanced(num_images), np.random.default_rng(7)
    estimates = [
        information(clean, labels_under(noise, level, clean, random), K) for _ in range(300)
    ]
    nats = np.array([estimate.nats for estimate in estimates])
    stated = np.mean([estimate.standard_error for estimate in estimates])
    # That is counted on few labels here: its own error lowers the estimate and adds a spread
    # that the stated error, which takes That as given, leaves out.
    labels = num_images * (1 + level if noise == "dilution" else 1)
    assert expected - 1.2 * K * K / labels < nats.mean() < expected
    assert 0.6 * nats.std(ddof=1) < stated < 1.2 * nats.std(ddof=1)


@pytest.mark.parametrize(("num_images", "table"), [(126, 0.098), (380, 0.056)])
def test_at_symmetric_50_percent_the_stated_error_is_the_tables(num_images, table):
    clean, random = balanced(num_images), np.random.default_rng(7)
    stated = [
        information(clean, labels_under("symmetric", 0.5, clean, random), K).standard_error
        for _ in range(300)
    ]
    assert np.mean(stated) == pytest.approx(table, rel=0.2)


@given(seed=st.integers(0, 2**32), num_classes=st.integers(2, 6))
def test_renaming_predicted_classes_changes_no_information_but_is_found(seed, num_classes):
    random = np.random.default_rng(seed)
    clean = np.repeat(np.arange(num_classes), 20)
    random.shuffle(clean)
    noisy = clean[:, None].copy()
    renaming = np.roll(np.arange(num_classes), 1)
    own, renamed = (
        information(clean, noisy, num_classes),
        information(renaming[clean], noisy, num_classes),
    )
    assert own.nats == pytest.approx(renamed.nats, rel=1e-12)
    assert own.standard_error == pytest.approx(renamed.standard_error, rel=1e-9)
    assert not is_renamed(clean, noisy, num_classes)
    assert is_renamed(renaming[clean], noisy, num_classes)


@pytest.mark.parametrize("matrix", [symmetric(K, 0.5), pair_flip(K, 0.45)])
def test_noise_below_the_diagonal_renames_nothing(matrix):
    clean = balanced(20_000)
    noisy = flip(clean, matrix, generator=np.random.default_rng(0))
    assert not is_renamed(clean, noisy, K)
    assert is_renamed((clean + 1) % K, noisy, K)


def test_a_tie_between_two_renamings_is_no_renaming():
    predicted = np.array([0, 0, 1, 1])
    assert not is_renamed(predicted, np.array([[0], [1], [0], [1]]), 2)


def test_renaming_two_classes_among_many_is_found():
    clean = balanced(1000)
    swapped = np.where(clean < 2, 1 - clean, clean)
    assert is_renamed(swapped, clean[:, None], K)


@given(seed=st.integers(0, 2**32), copies=st.integers(1, 4))
def test_pairs_are_counted_one_by_one(seed, copies):
    random = np.random.default_rng(seed)
    predicted, noisy = random.integers(4, size=20), random.integers(4, size=(20, copies))
    counts = np.zeros((4, 4), dtype=np.int64)
    for row, labels in zip(predicted, noisy, strict=True):
        for label in labels:
            counts[row, label] += 1
    np.testing.assert_array_equal(count_pairs(predicted, noisy, 4), counts)


def test_the_entropy_of_uniform_labels_is_log_k_and_of_one_label_zero():
    assert entropy(balanced(200)) == pytest.approx(math.log(K))
    assert entropy(np.full((5, 3), 4)) == 0.0


def test_the_copies_of_an_image_count_as_one_observation():
    clean, random = balanced(200), np.random.default_rng(0)
    noisy = flip(clean, symmetric(K, 0.5), generator=random)
    one = information(clean, noisy, K)
    same_four_times = information(clean, np.repeat(noisy, 4, axis=1), K)
    # Copies of one label make That sharper, but the error does not shrink by sqrt(4).
    assert same_four_times.standard_error > 0.9 * one.standard_error
