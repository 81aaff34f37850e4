import math
from typing import Any

import pytest
from pydantic import ValidationError

from tune_noise.config.trial import TrialConfig, applies, describe_when, when
from tune_noise.metrics.names import METRICS, SEARCHABLE

# field -> values of other fields beside which it applies, and its default there
CONDITIONAL: dict[str, tuple[dict[str, Any], Any]] = {
    "alpha": ({"noise": "dilution"}, 5),
    "noise_rate": ({"noise": "pair_flip"}, 0.2),
    "dropout": ({"model": "conv9"}, 0.25),
    "tau": ({"method": "co_teaching"}, 0.2),
    "ramp_epochs": ({"method": "co_teaching"}, 10),
    "exponent": ({"method": "co_teaching"}, 1.0),
    "momentum": ({"optimizer": "sgd"}, 0.9),
    "lr_decay_start": ({"lr_schedule": "linear"}, 0.4),
}
IDLE = {"noise": "given", "method": "standard", "optimizer": "adam", "lr_schedule": "constant"}


def test_the_conditional_fields_are_those_tested_here() -> None:
    assert set(CONDITIONAL) == {name for name in TrialConfig.model_fields if when(name)}


@pytest.mark.parametrize("field", CONDITIONAL)
def test_a_field_has_its_default_where_it_applies_and_none_where_not(field: str) -> None:
    values, default = CONDITIONAL[field]
    assert getattr(TrialConfig.model_validate(values), field) == default
    assert getattr(TrialConfig.model_validate({**values, field: None}), field) == default
    assert getattr(TrialConfig.model_validate(IDLE), field) is None


@pytest.mark.parametrize("field", CONDITIONAL)
def test_setting_a_field_that_does_not_apply_is_an_error(field: str) -> None:
    _, default = CONDITIONAL[field]
    with pytest.raises(ValidationError, match=f"{field} has no effect here: it applies only to"):
        TrialConfig.model_validate({**IDLE, field: default})


@pytest.mark.parametrize("field", CONDITIONAL)
def test_whether_a_field_applies_is_known_of_a_part_of_a_configuration(field: str) -> None:
    values, _ = CONDITIONAL[field]
    assert applies(field, values)
    assert not applies(field, IDLE)


def test_a_field_that_always_applies_needs_nothing_beside_it() -> None:
    assert applies("lr", {})
    assert describe_when("tau") == "method co_teaching"
    assert describe_when("noise_rate") == "noise symmetric or pair_flip"


def test_a_trial_survives_being_written_down() -> None:
    before = TrialConfig.model_validate({"method": "co_teaching", "noise": "dilution", "alpha": 20})
    assert TrialConfig.model_validate(before.model_dump(mode="json")) == before
    assert TrialConfig.model_validate(before.model_dump(mode="json", exclude_none=True)) == before


def test_a_trial_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        TrialConfig().lr = 0.1  # type: ignore[misc]


@pytest.mark.parametrize("name", METRICS)
def test_only_a_noisy_validation_metric_may_be_the_objective(name: str) -> None:
    if name in SEARCHABLE:
        assert TrialConfig(objective=name).objective == name
        assert name.startswith("val_")
        assert name.endswith("_noisy")
    else:
        with pytest.raises(ValidationError, match="may not steer a search"):
            TrialConfig(objective=name)


@pytest.mark.parametrize(
    "values",
    [
        {"noise_rate": 1},
        {"noise_rate": -0.1},
        {"noise_rate": math.nan},
        {"method": "co_teaching", "tau": 1.0},
        {"method": "co_teaching", "ramp_epochs": 0},
        {"noise": "dilution", "alpha": -1},
        {"val_fraction": 0},
        {"val_fraction": 0.6},
        {"lr": 0},
        {"lr": math.inf},
        {"lr": "0.1"},
        {"batch_size": 3},
        {"batch_size": 64.0},
        {"epochs": 0},
        {"epochs": True},
        {"patience": 0},
        {"seed": -1},
        {"model": "mlp3"},
        {"learning_rate": 0.1},
    ],
    ids=str,
)
def test_a_value_out_of_its_range_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TrialConfig.model_validate(values)
