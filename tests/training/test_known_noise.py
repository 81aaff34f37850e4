import numpy as np
import pytest

from tune_noise.config.trial import TrialConfig
from tune_noise.noise import check_transition_matrix, dilution_matrix, structured_matrix
from tune_noise.training import with_material
from tune_noise.training.known_noise import known_matrix, noise_of

ORDER = np.array([[(i + r) % 10 for r in range(1, 10)] for i in range(10)])
EXTRAS = {"order/confusing": ORDER, "matrix/T.csv": np.full((10, 10), 0.1)}


def matrix_of(num_classes=10, **fields):
    return known_matrix(TrialConfig(**fields), num_classes, EXTRAS)


@pytest.mark.parametrize(
    "fields",
    [
        {"noise": "given"},
        {"noise": "instance"},
        {"noise": "human", "human_file": "h.pt"},
        {"noise": "foreign"},
        {"noise": "foreign", "foreign_source": "mnist"},
    ],
    ids=str,
)
def test_a_noise_without_a_matrix_of_its_own_has_none(fields):
    assert matrix_of(**fields) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"noise": "dilution", "alpha": 7},
        {"noise": "structured", "alpha": 7},
        {"noise": "structured", "alpha": 7, "confusion_order": "random"},
        {"noise": "foreign", "foreign_source": "own"},
        {"noise": "symmetric", "noise_rate": 0.3},
        {"noise": "pair_flip", "noise_rate": 0.3},
        {"noise": "asymmetric", "noise_rate": 0.3},
        {"noise": "matrix", "transition_file": "T.csv"},
    ],
    ids=str,
)
def test_every_other_noise_has_a_row_stochastic_one(fields):
    matrix = matrix_of(**fields)
    assert matrix.dtype == np.float64
    assert matrix.shape == (10, 10)
    check_transition_matrix(matrix)


def test_asymmetric_noise_has_the_closed_form_of_its_map():
    matrix = matrix_of(num_classes=3, noise="asymmetric", noise_rate=0.25, class_map="0>2,2>1")
    np.testing.assert_allclose(matrix, [[0.75, 0, 0.25], [0, 1, 0], [0, 0.25, 0.75]])


def test_images_of_the_data_set_itself_are_dilution():
    matrix = matrix_of(noise="foreign", alpha=4, foreign_source="own")
    np.testing.assert_array_equal(matrix, dilution_matrix(10, 4))
    np.testing.assert_array_equal(matrix, matrix_of(noise="dilution", alpha=4))


def test_the_orders_of_structured_noise_are_each_other_turned_round():
    fields = {"noise": "structured", "alpha": 20, "delta": 0.9}
    confusing = matrix_of(**fields)
    np.testing.assert_array_equal(confusing, structured_matrix(20, delta=0.9, order=ORDER))
    reverse = matrix_of(**fields, confusion_order="reverse")
    for i in range(10):
        np.testing.assert_allclose(reverse[i, ORDER[i]], confusing[i, ORDER[i][::-1]])


def test_a_random_order_is_fixed_by_the_noise_seed_and_needs_no_material():
    fields = {"noise": "structured", "alpha": 20, "delta": 0.9, "confusion_order": "random"}
    first, again, other = (
        known_matrix(TrialConfig(**fields, noise_seed=seed, seed=seed * 5), 10, {})
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"noise": "symmetric"}, None),
        ({"noise": "structured"}, "order/confusing"),
        ({"noise": "structured", "confusion_order": "reverse"}, "order/confusing"),
        ({"noise": "structured", "confusion_order": "random"}, None),
        ({"noise": "foreign"}, "images/white"),
        ({"noise": "foreign", "foreign_source": "own"}, None),
        ({"noise": "matrix"}, None),
        ({"noise": "matrix", "transition_file": "a/T.csv"}, "matrix/a/T.csv"),
        ({"noise": "human", "human_file": "h.pt"}, "labels/worse/h.pt"),
    ],
    ids=str,
)
def test_material_has_one_name_for_all_who_need_the_same(fields, key):
    material = noise_of(TrialConfig(**fields)).material
    assert (None if material is None else material.key) == key


def test_the_confusion_order_of_the_data_is_what_structured_noise_uses(digits):
    config = TrialConfig(noise="structured", alpha=10, delta=1.0)
    extras = with_material(digits, [config]).extras
    matrix = known_matrix(config, 10, extras)
    np.testing.assert_array_equal(
        np.argsort(-matrix + 9 * np.eye(10), axis=1, kind="stable")[:, :9],
        extras["order/confusing"],
    )
