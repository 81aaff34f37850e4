import math
from typing import Any

import pytest
from pydantic import ValidationError

from tune_noise.config.conditional import field_default
from tune_noise.config.metric_names import METRICS, SEARCHABLE
from tune_noise.config.raw_space import RawSpace
from tune_noise.config.trial import TrialConfig, applies, describe_when, trial_fields, when
from tune_noise.methods.declarations import METHODS

# field -> values of other fields beside which it applies, and its default there
CONDITIONAL: dict[str, tuple[dict[str, Any], Any]] = {
    "val_fraction": ({}, 0.1),
    "alpha": ({"noise": "dilution"}, 5),
    "delta": ({"noise": "structured"}, 0.5),
    "confusion_order": ({"noise": "structured"}, "confusing"),
    "foreign_source": ({"noise": "foreign"}, "white"),
    "noise_rate": ({"noise": "pair_flip"}, 0.2),
    "class_map": ({"noise": "asymmetric"}, "7>1,2>7,5>6,6>5,3>8"),
    "transition_file": ({"noise": "matrix"}, None),
    "human_labels": ({"noise": "human"}, "worse"),
    "aggregation": ({"noise": "given"}, None),
    "human_file": ({"noise": "human"}, None),
    "dropout": ({"model": "conv9"}, 0.25),
    "input_dropout": ({"model": "mlp1"}, 0.0),
    **{
        field.name: ({"method": name}, field.default)
        for name, declaration in METHODS.items()
        for field in declaration.fields
    },
    "momentum": ({"optimizer": "sgd"}, 0.9),
    "lr_decay_start": ({"lr_schedule": "linear"}, 0.4),
    "logit_adjustment": ({}, 0.0),
    "class_weights": ({}, "none"),
}
IDLE = {
    "noise": "given",
    "model": "conv4",
    "method": "standard",
    "optimizer": "adam",
    "lr_schedule": "constant",
    "val_folds": 5,
    "class_balance": "equal",
}


def idle_for(field: str) -> dict[str, object]:
    """Return values beside which a field does not apply."""
    return {**IDLE, "noise": "symmetric"} if CONDITIONAL[field][0] == {"noise": "given"} else IDLE


def test_the_conditional_fields_are_those_tested_here() -> None:
    assert set(CONDITIONAL) == {name for name in trial_fields() if when(name)}


@pytest.mark.parametrize("field", CONDITIONAL)
def test_a_field_has_its_default_where_it_applies_and_none_where_not(field: str) -> None:
    values, default = CONDITIONAL[field]
    assert getattr(TrialConfig.model_validate(values), field) == default
    assert getattr(TrialConfig.model_validate({**values, field: None}), field) == default
    assert getattr(TrialConfig.model_validate(idle_for(field)), field) is None


@pytest.mark.parametrize("field", CONDITIONAL)
def test_setting_a_field_that_does_not_apply_is_an_error(field: str) -> None:
    _, default = CONDITIONAL[field]
    with pytest.raises(ValidationError, match=f"{field} has no effect here: it applies only to"):
        TrialConfig.model_validate(
            {
                **idle_for(field),
                field: default or ("majority" if field == "aggregation" else "some file"),
            }
        )


@pytest.mark.parametrize("field", CONDITIONAL)
def test_whether_a_field_applies_is_known_of_a_part_of_a_configuration(field: str) -> None:
    values, _ = CONDITIONAL[field]
    assert applies(field, values)
    assert not applies(field, idle_for(field))


def test_a_field_that_always_applies_needs_nothing_beside_it() -> None:
    assert applies("lr", {})
    assert describe_when("peers") == "method co_teaching"
    assert (
        describe_when("tau")
        == "method co_teaching, small_loss, jocor, co_teaching_plus or aum_prune"
    )
    assert describe_when("alpha") == "noise dilution, structured or foreign"


@pytest.mark.parametrize(
    ("values", "field", "default"),
    [
        ({"method": "co_teaching_plus"}, "warm_up_epochs", 0),
        ({"method": "gmm"}, "warm_up_epochs", 10),
        ({"method": "forward"}, "warm_up_epochs", 10),
        ({"method": "forward", "transition": "estimated"}, "warm_up_epochs", 10),
        ({"method": "forward", "transition": "known"}, "warm_up_epochs", 0),
        ({"method": "bootstrap_hard"}, "bootstrap_beta", 0.8),
        ({"method": "bootstrap_soft"}, "bootstrap_beta", 0.95),
    ],
    ids=str,
)
def test_a_default_may_depend_on_the_values_that_decide(
    values: dict[str, Any], field: str, default: float
) -> None:
    assert getattr(TrialConfig.model_validate(values), field) == default
    assert field_default(trial_fields()[field], values) == default
    assert RawSpace({"fixed": values}).possible(field) == [default]


def test_a_space_knows_all_defaults_that_a_field_may_take() -> None:
    def warm_ups(*methods: str, **fixed: Any) -> set[int]:
        raw = {"search": {"method": {"choice": list(methods)}}, "fixed": fixed}
        return set(RawSpace(raw).possible("warm_up_epochs"))

    assert warm_ups("standard", "elr") == set()
    assert warm_ups("co_teaching_plus", "gmm") == {0, 10}
    assert warm_ups("gmm", "forward", transition="known") == {0, 10}
    assert warm_ups("forward", transition="known") == {0}
    assert warm_ups("forward", warm_up_epochs=3) == {3}
    # What cannot be a value is another rule's word.
    assert RawSpace({"fixed": {"method": [[]]}}).possible("warm_up_epochs") == []


@pytest.mark.parametrize(
    ("values", "networks", "passes"),
    [
        ({}, 1, 1),
        ({"method": "co_teaching"}, 2, 1),
        ({"method": "co_teaching", "peers": 5}, 5, 1),
        ({"method": "jocor"}, 2, 1),
        ({"method": "small_loss"}, 1, 1),
        ({"method": "standard_ensemble"}, 2, 1),
        ({"method": "standard_long"}, 1, 2),
    ],
    ids=str,
)
def test_a_configuration_knows_what_an_epoch_of_it_costs(
    values: dict[str, Any], networks: int, passes: int
) -> None:
    config = TrialConfig.model_validate(values)
    assert (config.num_networks, config.passes_per_epoch) == (networks, passes)


def test_a_method_that_never_begins_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"warm_up_epochs \(10\) must be below epochs \(10\)"):
        TrialConfig(method="gmm", epochs=10)
    assert TrialConfig(method="gmm", epochs=11).warm_up_epochs == 10
    assert TrialConfig(method="co_teaching_plus", epochs=1).warm_up_epochs == 0


def test_a_matrix_is_known_of_synthetic_noise_only() -> None:
    with pytest.raises(ValidationError, match="transition known needs noise dilution"):
        TrialConfig(method="forward", transition="known", noise="given")


def test_a_trial_survives_being_written_down() -> None:
    before = TrialConfig.model_validate({"method": "co_teaching", "noise": "dilution", "alpha": 20})
    assert TrialConfig.model_validate(before.model_dump(mode="json")) == before
    assert TrialConfig.model_validate(before.to_plain()) == before


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
        {"method": "co_teaching", "peers": 1},
        {"method": "co_teaching", "peers": 9},
        {"method": "gmm", "warm_up_epochs": -1},
        {"method": "forward", "transition": "guessed"},
        {"method": "jocor", "jocor_lambda": 1.0},
        {"method": "elr", "elr_lambda": -0.1},
        {"method": "elr", "elr_beta": 1.0},
        {"method": "gmm", "gmm_threshold": 1.0},
        {"method": "gce", "gce_q": 0.0},
        {"method": "gce", "gce_q": 1.1},
        {"method": "sce", "sce_alpha": 0.0},
        {"method": "sce", "sce_beta": -1.0},
        {"method": "bootstrap_soft", "bootstrap_beta": 1.1},
        {"method": "label_smoothing", "smoothing": 1.0},
        {"method": "infinite_batch", "h_alpha": -1.0},
        {"method": "mixup", "mixup_alpha": 0.0},
        {"noise": "dilution", "alpha": -1},
        {"noise": "structured", "delta": 1.1},
        {"noise": "structured", "delta": -0.1},
        {"noise": "structured", "confusion_order": "likely"},
        {"noise": "foreign", "foreign_source": ""},
        {"noise": "foreign", "foreign_source": "a\nb.npz"},
        {"noise": "asymmetric", "noise_rate": 1.0},
        {"noise": "matrix", "transition_file": "a\x1b.csv"},
        {"noise": "human", "human_labels": "worst"},
        {"train_size": 1},
        {"train_size": 0.5},
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
