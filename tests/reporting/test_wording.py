import pytest

from tune_noise.reporting.statistics import Estimate, estimate
from tune_noise.reporting.wording import difference, with_interval


@pytest.mark.parametrize(
    ("values", "metric", "expected"),
    [
        ([0.99, 1.0, 0.98], "test_accuracy_clean", "99.0 % [96.5, 100.0]"),
        ([0.0, 0.01, 0.03], "val_accuracy_noisy", "1.3 % [0.0, 5.1]"),
        ([0.5, 0.51, 0.52], "test_accuracy_clean", "51.0 % [48.5, 53.5]"),
        # An amount of information may be anything, and an unmixed accuracy is above 1 by chance.
        ([0.99, 1.0, 0.98], "val_information_noisy", "0.990 nats [0.965, 1.015]"),
        ([1.0, 1.01, 1.02], "val_accuracy_clean_estimate", "101.0 % [98.5, 103.5]"),
    ],
)
def test_the_interval_of_a_fraction_stays_between_0_and_100_percent(values, metric, expected):
    assert with_interval(estimate(values), metric) == expected


def test_the_interval_of_a_difference_may_have_any_ends():
    paired = Estimate(3, 0.9, 0.1, (-0.05, 1.85))
    assert difference(paired, "val_accuracy_noisy") == ("90.0", "[-5.0, 185.0]")
