import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.support.noisy_labels import corrupt
from tune_noise.config.loader import build_search
from tune_noise.config.trial import TrialConfig
from tune_noise.metrics.information import information
from tune_noise.service.resolution import blind_conditions, estimation_cost, perfect_information
from tune_noise.training import with_material

# Information of a perfect classifier over ten classes of equal size, in nats: closed forms.
TABLE = [
    ({"noise": "symmetric", "noise_rate": 0.2}, 1.363),
    ({"noise": "symmetric", "noise_rate": 0.5}, 0.511),
    ({"noise": "dilution", "alpha": 1}, 0.626),
    ({"noise": "dilution", "alpha": 5}, 0.092),
    ({"noise": "dilution", "alpha": 10}, 0.031),
    (
        {"noise": "pair_flip", "noise_rate": 0.45},
        np.log(10) + 0.45 * np.log(0.45) + 0.55 * np.log(0.55),
    ),
    ({"noise": "symmetric", "noise_rate": 0.0}, np.log(10)),
    ({"noise": "structured", "alpha": 5, "delta": 0.0, "confusion_order": "random"}, 0.092),
    ({"noise": "foreign", "alpha": 5, "foreign_source": "own"}, 0.092),
    # One class of ten flips to another with probability 1/2: noisy labels are 1/20, 3/20 and
    # eight times 1/10 of all, and only a label of the flipped class is in doubt.
    (
        {"noise": "asymmetric", "noise_rate": 0.5, "class_map": "3>8"},
        np.log(20) / 20 + 3 * np.log(20 / 3) / 20 + 0.8 * np.log(10) - 0.1 * np.log(2),
    ),
]


@pytest.mark.parametrize(("noise", "nats"), TABLE)
def test_a_perfect_classifier_tells_what_the_closed_form_says(noise, nats):
    assert perfect_information(TrialConfig(**noise), num_classes=10) == pytest.approx(
        nats, abs=6e-4
    )


@pytest.mark.parametrize("noise", ["given", "human", "instance", "foreign"])
def test_noise_that_is_not_known_has_no_closed_form(noise):
    assert perfect_information(TrialConfig(noise=noise), num_classes=10) is None


@given(weights=arrays(np.float64, (5, 5), elements=st.floats(0.01, 1)))
def test_the_information_of_any_matrix_is_that_of_the_joint_table(weights):
    matrix = weights / weights.sum(axis=1, keepdims=True)
    config = TrialConfig(noise="matrix", transition_file="T.csv")
    # Second derivation: the definition, the sum over joint p of log p / (row share, column share).
    joint = matrix / 5
    expected = (joint * np.log(joint / joint.sum(axis=0) / 0.2)).sum()
    found = perfect_information(config, 5, {"matrix/T.csv": matrix})
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("images", [380, 2000])
def test_the_cost_of_estimation_is_what_simulated_classifiers_lose(images):
    # Independent derivation: run the estimator on perfect predictions and see what it misses.
    config = TrialConfig(noise="dilution", alpha=5)
    clean = np.arange(images) % 10
    found = []
    for seed in range(40):
        labels = corrupt(
            "dilution", clean, num_classes=10, generator=np.random.default_rng(seed), alpha=5
        )
        order = np.random.default_rng(seed).permutation(images)
        found.append(information(clean[order], labels[order], 10).nats)
    lost = perfect_information(config, 10) - np.mean(found)
    assert lost == pytest.approx(estimation_cost(10, images * 6), rel=0.25)


def space(**changes):
    raw = {"name": "x", "noise": "dilution", "conditions": {"alpha": [0, 2, 20]}, "trials": 1}
    return build_search(raw | changes, source="x")


def test_conditions_that_the_validation_set_cannot_see_are_named(digits):
    [sentence] = blind_conditions(space(fixed={"val_fraction": 0.3}), digits)
    assert sentence.startswith("alpha=20: ")
    assert "raise val_fraction" in sentence


def test_the_material_of_the_data_set_tells_what_can_be_seen(digits, tmp_path):
    np.savetxt(tmp_path / "T.csv", np.full((10, 10), 0.1), delimiter=",")
    raw = {"noise": "matrix", "conditions": {"transition_file": [str(tmp_path / "T.csv")]}}
    search = space(**raw)
    dataset = with_material(digits, [search.trial_config(c, {}) for c in search.all_conditions])
    [sentence] = blind_conditions(search, dataset)
    assert "a perfect classifier tells 0 nats" in sentence


def test_structured_noise_is_seen_as_well_as_its_labels_allow(digits):
    raw = {
        "noise": "structured",
        "conditions": {"alpha": [20], "delta": [0.0, 1.0]},
        "fixed": {"confusion_order": "random", "val_fraction": 0.3},
    }
    # At delta 1 half of the classes are as good as excluded: that tells more than chance does.
    [sentence] = blind_conditions(space(**raw), digits)
    assert sentence.startswith("alpha=20,delta=0.0: ")


def test_another_objective_is_not_judged_by_information(digits):
    assert blind_conditions(space(objective="val_accuracy_noisy"), digits) == []


@pytest.mark.parametrize("name", ["uniform", "symmetric", "pair_flip", "smoke"])
def test_the_shipped_spaces_choose_noise_that_their_data_can_see(name, digits):
    from tune_noise.config.loader import read_search

    assert blind_conditions(read_search(name), digits) == []
