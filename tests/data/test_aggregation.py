"""One label of several answers: closed forms, and what no order of rows changes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_noise.data.aggregation import agreement, dawid_skene, drawn_votes, majority
from tune_noise.data.dataset import Dataset

tables = st.builds(
    lambda seed, n, w, k: np.random.default_rng(seed).integers(-1, k, size=(n, w)),
    st.integers(0, 2**32),
    *(st.integers(1, 20), st.integers(1, 6), st.integers(2, 5)),
)


def as_data(answers, num_classes=3) -> Dataset:
    labels = majority(answers)
    return Dataset(
        name="answers",
        train_inputs=np.random.default_rng(0).random((len(labels), 2), dtype=np.float32),
        train_labels=labels,
        true_labels=None,
        test_inputs=None,
        test_labels=None,
        num_classes=num_classes,
        answers=answers,
        annotators=tuple(f"w{w}" for w in range(answers.shape[1])),
    )


@given(tables)
def test_the_majority_has_the_most_votes(answers):
    for row, label in zip(answers.tolist(), majority(answers).tolist(), strict=True):
        votes = [answer for answer in row if answer >= 0]
        assert (label == -1) == (not votes)
        assert votes.count(label) == max(map(votes.count, votes), default=0)


@given(tables, st.randoms(use_true_random=False))
def test_the_order_of_items_changes_no_label(answers, random):
    order = random.sample(range(len(answers)), len(answers))
    assert majority(answers[order]).tolist() == majority(answers)[order].tolist()


def test_of_two_equal_votes_the_annotator_counts_who_agrees_more_often_with_others():
    # The second annotator contradicts the third on the last item, and agreed with the first twice.
    answers = np.array([[0, 0, 1], [2, 2, 0], [1, 1, -1], [-1, 2, 0]])
    agreed, asked = agreement(answers)
    assert agreed.tolist() == [3, 3, 0]
    assert asked.tolist() == [5, 6, 5]
    assert majority(answers).tolist() == [0, 2, 1, 2]


def test_of_votes_that_nothing_tells_apart_the_first_class_wins():
    assert majority(np.array([[2, 1, -1], [-1, -1, -1]])).tolist() == [1, -1]


def test_every_answer_is_drawn_as_often_as_every_other():
    answers = np.array([[0, 1, 1], [2, -1, -1], [-1, -1, -1]])
    generator = np.random.default_rng(0)
    drawn = np.stack([drawn_votes(answers, generator) for _ in range(3000)])
    assert drawn[:, 0].mean() == pytest.approx(2 / 3, abs=0.03)
    assert drawn[:, 1:].tolist() == [[2, -1]] * 3000


def test_dawid_and_skene_outvote_two_spammers_who_agree():
    """Two annotators always say 0, three are right nine times of ten: the majority is misled."""
    pytest.importorskip("crowdkit")
    random = np.random.default_rng(0)
    truth = random.integers(3, size=300)
    right = np.where(
        random.random((300, 3)) < 0.9, truth[:, None], random.integers(3, size=(300, 3))
    )
    answers = np.column_stack([np.zeros((300, 2), dtype=np.int64), right])
    answers[random.random(answers.shape) < 0.4] = -1
    answers[(answers < 0).all(axis=1), 0] = 0
    by_majority = (majority(answers) == truth).mean()
    labels = dawid_skene(as_data(answers))
    assert (labels == truth).mean() > by_majority + 0.05
    order = random.permutation(300)
    assert np.array_equal(dawid_skene(as_data(answers[order])), labels[order])


def test_answers_are_part_of_the_fingerprint_and_names_of_annotators_are_not():
    answers = np.array([[0, 0], [1, 1], [0, 1]])
    one, same, other = as_data(answers), as_data(answers), as_data(answers[:, :1])
    assert one.fingerprint == same.fingerprint
    assert np.array_equal(one.train_labels, other.train_labels)
    assert one.fingerprint != other.fingerprint
