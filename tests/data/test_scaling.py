"""Scaling of features: closed forms, and what it may look at."""

import numpy as np
import pytest
import torch

from tune_noise.data.resident import ResidentFeatures
from tune_noise.data.scaling import feature_statistics, fit_scaling

FEATURES = np.random.default_rng(0).normal(3.0, 2.0, (10_000, 5)).astype(np.float32)
EVERY = np.arange(len(FEATURES))


def scaled(features, method, among):
    scaling = fit_scaling(features, method, among=among)
    return scaling.resident(features, "cpu").batch(torch.arange(len(features))).numpy()


def test_standard_features_have_mean_0_and_deviation_1_over_the_training_examples():
    among = EVERY[::3]
    rows = scaled(FEATURES, "standard", among)[among]
    np.testing.assert_allclose(rows.mean(axis=0), 0.0, atol=1e-5)
    np.testing.assert_allclose(rows.std(axis=0), 1.0, atol=1e-5)


def test_examples_that_do_not_train_have_no_part_in_it():
    changed = FEATURES.copy()
    changed[1::2] = 1e6
    among = EVERY[::2]
    for method in ("standard", "unit", "none"):
        first, second = (scaled(x, method, among)[among] for x in (FEATURES, changed))
        np.testing.assert_array_equal(first, second)


def test_unit_rows_have_a_mean_square_of_1_and_a_row_of_zeros_stays():
    rows = scaled(np.concatenate([FEATURES, np.zeros((1, 5), np.float32)]), "unit", EVERY)
    np.testing.assert_allclose(np.square(rows[:-1]).mean(axis=1), 1.0, rtol=1e-6)
    assert (rows[-1] == 0).all()


def test_no_scaling_leaves_features_as_they_are():
    np.testing.assert_array_equal(scaled(FEATURES, "none", EVERY), FEATURES)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6 + 0.1, -3e-20])
def test_a_constant_feature_becomes_0(value):
    features = FEATURES.copy()
    features[:, 2] = value
    _, std = feature_statistics(features, EVERY)
    assert std[2] == 1.0
    np.testing.assert_allclose(scaled(features, "standard", EVERY)[:, 2], 0.0, atol=0.1)


def test_features_are_wrapped_without_a_copy():
    resident = ResidentFeatures(
        FEATURES, mean=np.zeros(5), std=np.ones(5), unit=False, device="cpu"
    )
    assert resident._rows.data_ptr() == FEATURES.ctypes.data


def test_features_of_another_type_are_refused():
    with pytest.raises(ValueError, match=r"float32 \[N, D\], got float64"):
        ResidentFeatures(np.zeros((2, 3)), mean=[0] * 3, std=[1] * 3, unit=False, device="cpu")
