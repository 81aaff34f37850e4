import pytest
from pydantic import ValidationError

from tune_noise.config.metric_names import DEFAULT_OBJECTIVE, METRICS, SEARCHABLE, sign
from tune_noise.config.trial import TrialConfig


def test_no_metric_of_clean_labels_is_searchable():
    for name, metric in METRICS.items():
        if "clean" in name or name.startswith(("test_", "train_label_", "train_wrong_")):
            assert not metric.searchable


def test_every_searchable_metric_is_measured_on_noisy_validation_and_has_a_direction():
    assert SEARCHABLE
    for name in SEARCHABLE:
        assert name.startswith("val_")
        assert name.endswith("_noisy")
        assert METRICS[name].direction is not None


def test_a_name_says_split_and_labels():
    for name, metric in METRICS.items():
        assert metric.name == name
        if name != "forget_rate":
            assert name.partition("_")[0] in {"train", "val", "test"}
        if name.endswith(("accuracy", "loss", "information")):
            pytest.fail(f"{name} does not say whether its labels are clean or noisy")


def test_the_default_objective_is_the_information_about_noisy_labels():
    assert DEFAULT_OBJECTIVE == "val_information_noisy"
    assert DEFAULT_OBJECTIVE in SEARCHABLE


@pytest.mark.parametrize("name", [name for name in METRICS if name not in SEARCHABLE])
def test_no_trial_takes_a_metric_that_may_not_steer(name):
    with pytest.raises(ValidationError, match="may not steer a search"):
        TrialConfig(objective=name)


@pytest.mark.parametrize("name", SEARCHABLE)
def test_the_sign_makes_the_better_value_the_larger(name):
    lower_is_better = "loss" in name
    assert sign(name) == (-1.0 if lower_is_better else 1.0)
