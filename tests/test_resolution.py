import numpy as np
import pytest

from tune_noise.config.loader import build_search
from tune_noise.config.trial import TrialConfig
from tune_noise.metrics.information import information
from tune_noise.noise import corrupt
from tune_noise.resolution import blind_conditions, estimation_cost, perfect_information

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
]


@pytest.mark.parametrize(("noise", "nats"), TABLE)
def test_a_perfect_classifier_tells_what_the_closed_form_says(noise, nats):
    assert perfect_information(TrialConfig(**noise), num_classes=10) == pytest.approx(
        nats, abs=6e-4
    )


def test_noise_that_is_not_known_has_no_closed_form():
    assert perfect_information(TrialConfig(noise="given"), num_classes=10) is None


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


def test_another_objective_is_not_judged_by_information(digits):
    assert blind_conditions(space(objective="val_accuracy_noisy"), digits) == []


@pytest.mark.parametrize("name", ["uniform", "symmetric", "pair_flip", "smoke"])
def test_the_shipped_spaces_choose_noise_that_their_data_can_see(name, digits):
    from tune_noise.search import resolve

    assert blind_conditions(resolve(name, {}, []), digits) == []
