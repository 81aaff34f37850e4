"""Information about several annotators' answers: closed forms, and the definition derived again."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.metrics.known import plain_information
from tune_noise.metrics.answers import Answers, answers_information
from tune_noise.metrics.information import entropy, information

K = 4
# Of each annotator: keeps a label, renames every class, answers at random.
RENAMED = (np.arange(K) + 1) % K


def slow_estimate(predicted, table, num_classes):
    """The definition, one answer after another, from tables that are counted for each again."""
    items, annotators = range(len(table)), range(table.shape[1])

    def log_share(classes, item, annotator, from_others):
        def count(whose, label=None):
            return sum(
                table[i, w] >= 0 and label in (None, table[i, w])
                for i in items
                for w in whose
                if i != item and classes[i] == classes[item]
            )

        own, others = [annotator], [w for w in annotators if w != annotator]
        label = table[item, annotator]
        row = count(others) + num_classes / 2
        strength = min(from_others, row)
        shared = (count(others, label) + 0.5) / row
        return math.log((count(own, label) + strength * shared) / (count(own) + strength))

    answered = [(i, w) for i in items for w in annotators if table[i, w] >= 0]

    def mean(classes, from_others):
        return sum(log_share(classes, i, w, from_others) for i, w in answered) / len(answered)

    untold, few = np.zeros_like(predicted), max(10, num_classes)
    return mean(predicted, few) - max(mean(untold, few), mean(untold, math.inf))


@given(
    num_items=st.integers(2, 12),
    num_annotators=st.integers(1, 4),
    num_classes=st.integers(2, 5),
    seed=st.integers(0, 2**32),
)
def test_it_equals_the_definition_derived_again_slowly(
    num_items, num_annotators, num_classes, seed
):
    random = np.random.default_rng(seed)
    table = random.integers(-1, num_classes, size=(num_items, num_annotators))
    table[:2, 0] = 0
    predicted = random.integers(num_classes, size=num_items)
    estimate = answers_information(predicted, Answers.of(table, num_classes))
    assert estimate.nats == pytest.approx(
        slow_estimate(predicted, table, num_classes), rel=1e-9, abs=1e-10
    )


@given(seed=st.integers(0, 2**32), num_classes=st.integers(2, 30))
def test_of_one_annotator_it_differs_from_the_information_of_the_counts_by_a_constant(
    seed, num_classes
):
    """So configurations are ranked alike, and differ alike: only what is 0 is another matter."""
    random = np.random.default_rng(seed)
    labels = random.integers(num_classes, size=(40, 1))
    one, other = random.integers(num_classes, size=(2, 40))
    answers = Answers.of(labels, num_classes)
    gain = answers_information(one, answers).nats - answers_information(other, answers).nats
    expected = [plain_information(predicted, labels, num_classes) for predicted in (one, other)]
    assert gain == pytest.approx(expected[0] - expected[1], abs=1e-9)


def answers_of(truth, annotators, *, seed=0, share=0.5):
    """Answers of annotators to items of these classes; a function of truth makes each column."""
    random = np.random.default_rng(seed)
    table = np.stack([annotator(truth, random) for annotator in annotators], axis=1)
    return Answers.of(np.where(random.random(table.shape) < share, table, -1), K)


def right(truth, random):
    return truth


def adversary(truth, random):
    return RENAMED[truth]


def spammer(truth, random):
    return random.integers(K, size=len(truth))


def noisy(truth, random):
    return np.where(random.random(len(truth)) < 0.7, truth, random.integers(K, size=len(truth)))


@pytest.mark.parametrize("annotators", [[right] * 3, [adversary] * 3, [right, adversary]])
def test_the_truth_says_all_about_answers_that_follow_from_it(annotators):
    """I(class; answer | annotator) = H(answer | annotator) = log K, also if classes are renamed."""
    truth = np.arange(4000) % K
    estimate = answers_information(truth, answers_of(truth, annotators))
    assert estimate.nats == pytest.approx(math.log(K), abs=0.03)


def test_it_is_the_mean_over_answers_of_what_each_annotator_tells():
    truth = np.arange(4000) % K
    answers = answers_of(truth, [right, spammer])
    share = (answers.annotators == 0).mean()
    estimate = answers_information(truth, answers)
    assert estimate.nats == pytest.approx(share * math.log(K), abs=0.03)


def test_one_table_for_all_would_not_see_what_a_table_for_each_sees():
    """Half of the annotators rename the classes: one table says that answers are at random."""
    truth = np.arange(2000) % 2
    table = np.stack([truth, truth, 1 - truth, 1 - truth], axis=1)
    assert answers_information(truth, Answers.of(table, 2)).nats == pytest.approx(
        math.log(2), abs=0.03
    )
    assert information(truth, table, 2).nats == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("annotators", [[right] * 5, [spammer] * 5, [noisy] * 200])
def test_predictions_that_say_nothing_have_no_information(annotators):
    truth = np.arange(400) % K
    answers = answers_of(truth, annotators, share=min(1.0, 5 / len(annotators)))
    random = [np.random.default_rng(seed).integers(K, size=400) for seed in range(100, 105)]
    assert -0.1 < answers_information(np.zeros_like(truth), answers).nats <= 0.0
    for predicted in random:
        estimate = answers_information(predicted, answers)
        assert -0.1 < estimate.nats < 2 * estimate.standard_error


def test_of_spammers_nothing_can_be_known():
    truth = np.arange(2000) % K
    estimate = answers_information(truth, answers_of(truth, [spammer] * 8))
    assert estimate.nats == pytest.approx(0, abs=0.02)
    assert estimate.nats < 2 * estimate.standard_error


def test_few_answers_of_many_annotators_give_about_what_the_truth_tells():
    """59 annotators with four answers each: 0.7 right, so that a class tells 0.606 nats."""
    right_share = 0.7 + 0.3 / K
    shares = np.array([right_share, *[0.3 / K] * (K - 1)])
    information_of_truth = math.log(K) + (shares * np.log(shares)).sum()
    truth = np.arange(100) % K
    estimates = [
        answers_information(truth, answers_of(truth, [noisy] * 59, seed=seed, share=2.5 / 59))
        for seed in range(20)
    ]
    mean = np.mean([estimate.nats for estimate in estimates])
    assert mean == pytest.approx(information_of_truth, rel=0.1)


def test_the_standard_error_is_that_of_the_simulation():
    estimates = []
    for seed in range(60):
        truth = np.random.default_rng(1000 + seed).integers(K, size=150)
        answers = answers_of(truth, [noisy, adversary, spammer] * 5, seed=seed, share=0.2)
        estimates.append(answers_information(truth, answers))
    spread = np.std([estimate.nats for estimate in estimates], ddof=1)
    errors = np.mean([estimate.standard_error for estimate in estimates])
    assert 0.8 < errors / spread < 1.4


def test_the_order_of_items_and_annotators_changes_nothing():
    random = np.random.default_rng(0)
    table = random.integers(-1, K, size=(60, 7))
    predicted = random.integers(K, size=60)
    items, annotators = random.permutation(60), random.permutation(7)
    estimate = answers_information(predicted, Answers.of(table, K))
    again = answers_information(predicted[items], Answers.of(table[items][:, annotators], K))
    assert again.nats == pytest.approx(estimate.nats, abs=1e-12)


def test_entropy_bounds_it():
    truth = np.arange(400) % K
    assert answers_information(truth, answers_of(truth, [right])).nats < entropy(truth)
