"""Labels counted by class, against counting by hand."""

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tune_noise.noise import LabelCounts, count_labels, total


@st.composite
def labelled(draw):
    number, copies = draw(st.integers(1, 40)), draw(st.integers(1, 4))
    num_classes = draw(st.integers(2, 6))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    classes = random.integers(num_classes, size=number)
    return classes, random.integers(num_classes, size=(number, copies)), num_classes


@given(labelled())
def test_labels_and_their_squares_are_counted_image_by_image(case):
    classes, noisy, num_classes = case
    found = count_labels(*case)
    labels, squares = np.zeros((2, num_classes, num_classes))
    for own, row in zip(classes, noisy, strict=True):
        for j in range(num_classes):
            times = (row == j).sum()
            labels[own, j] += times
            squares[own, j] += times**2
    np.testing.assert_array_equal(found.labels, labels)
    np.testing.assert_array_equal(found.squares, squares)
    np.testing.assert_array_equal(found.images, [(classes == k).sum() for k in range(num_classes)])
    seen = found.images > 0
    np.testing.assert_allclose(found.matrix[seen].sum(axis=1), 1.0)
    assert np.isnan(found.matrix[~seen]).all()


@given(labelled())
def test_counts_come_back_from_plain_values_and_hold_no_empty_cell(case):
    found = count_labels(*case)
    plain = json.loads(json.dumps(found.to_plain(), allow_nan=False))
    again = LabelCounts.from_plain(plain)
    for name in ("labels", "squares", "images"):
        np.testing.assert_array_equal(getattr(again, name), getattr(found, name))
    assert again.copies == found.copies
    assert len(plain["cells"]) == np.count_nonzero(found.labels)
    assert ("squares" in plain) == (found.copies > 1)


@given(labelled(), st.integers(1, 5))
def test_a_sum_divided_is_what_it_was(case, times):
    found = count_labels(*case)
    again = total([found] * times).divided(times)
    np.testing.assert_allclose(again.labels, found.labels)
    np.testing.assert_allclose(again.squares, found.squares)
    np.testing.assert_allclose(again.images, found.images)


@given(labelled())
def test_the_order_of_the_images_and_the_names_of_the_classes_do_not_matter(case):
    classes, noisy, num_classes = case
    found = count_labels(*case)
    turned = count_labels(classes[::-1], noisy[::-1, ::-1], num_classes)
    np.testing.assert_array_equal(turned.labels, found.labels)
    order = np.roll(np.arange(num_classes), 1)
    renamed = count_labels(order[classes], order[noisy], num_classes)
    np.testing.assert_array_equal(renamed.squares[np.ix_(order, order)], found.squares)
