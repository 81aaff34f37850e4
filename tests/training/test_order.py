import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tune_noise.config.trial import TrialConfig
from tune_noise.training.order import epoch_order, split_batches

ORDERS = ["shuffled", "clean_first", "clean_last"]


def order_of(example_order="shuffled", *, epoch=0, num_examples=50, is_clean=None, **fields):
    if is_clean is None:
        is_clean = torch.arange(num_examples) % 3 == 0
    labels = torch.zeros(num_examples, dtype=torch.int64)
    config = TrialConfig(example_order=example_order, **fields)
    return epoch_order(config, epoch=epoch, noisy_labels=labels, is_clean=is_clean)


@pytest.mark.parametrize("example_order", ORDERS)
@given(
    seed=st.integers(0, 2**40),
    epoch=st.integers(0, 1000),
    num_examples=st.integers(1, 100),
    share=st.floats(0, 1),
)
def test_every_order_is_a_permutation_fixed_by_seed_and_epoch(
    example_order, seed, epoch, num_examples, share
):
    is_clean = torch.rand(num_examples, generator=torch.Generator().manual_seed(seed)) < share
    given = {"seed": seed, "epoch": epoch, "num_examples": num_examples, "is_clean": is_clean}
    order = order_of(example_order, **given)
    np.testing.assert_array_equal(np.sort(order), np.arange(num_examples))
    np.testing.assert_array_equal(order, order_of(example_order, **given))


@pytest.mark.parametrize("example_order", ORDERS)
def test_epochs_and_seeds_differ_and_the_noise_seed_changes_nothing(example_order):
    order = order_of(example_order)
    assert not np.array_equal(order, order_of(example_order, epoch=1))
    assert not np.array_equal(order, order_of(example_order, seed=1))
    for other in ({"noise_seed": 7}, {"lr": 0.5}, {"model": "conv4"}, {"batch_size": 4}):
        np.testing.assert_array_equal(order, order_of(example_order, **other))


@pytest.mark.parametrize("example_order", ["clean_first", "clean_last"])
def test_clean_examples_come_first_or_last_each_part_shuffled(example_order):
    is_clean = torch.arange(60) % 3 == 0
    order = order_of(example_order, num_examples=60, is_clean=is_clean)
    first, last = (20, 40) if example_order == "clean_first" else (40, 20)
    clean = is_clean.numpy()[order]
    assert (clean[:first] == (example_order == "clean_first")).all()
    assert (clean[-last:] == (example_order == "clean_last")).all()
    shuffled = order_of("shuffled", num_examples=60)
    for part in (order[:first], order[-last:]):
        np.testing.assert_array_equal(part, shuffled[np.isin(shuffled, part)])
        assert not np.array_equal(part, np.sort(part))


@given(labels=st.lists(st.integers(0, 5), min_size=1, max_size=80), seed=st.integers(0, 2**40))
def test_balanced_epochs_draw_each_label_and_each_example_of_it_alike(labels, seed):
    config = TrialConfig(class_balance="equal", seed=seed)
    order = epoch_order(config, epoch=0, noisy_labels=torch.tensor(labels), is_clean=None)
    assert len(order) == len(labels)
    times = np.bincount(order, minlength=len(labels))
    of_label = [times[np.array(labels) == label] for label in set(labels)]
    assert np.ptp([drawn.sum() for drawn in of_label]) <= 1
    assert max(np.ptp(drawn) for drawn in of_label) <= 1


@given(
    num_examples=st.integers(1, 500), batch_size=st.integers(1, 200), replicates=st.integers(1, 3)
)
def test_batches_are_complete_equal_within_1_and_as_few_as_possible(
    num_examples, batch_size, replicates
):
    order = torch.arange(replicates * num_examples).view(replicates, num_examples)
    batches = split_batches(order, batch_size)
    sizes = [batch.shape[1] for batch in batches]
    assert torch.equal(torch.cat(batches, dim=1), order)
    assert max(sizes) <= batch_size
    assert max(sizes) - min(sizes) <= 1
    assert len(batches) == math.ceil(num_examples / batch_size)
