import pytest

from tune_noise.config.loader import build_search, build_trial, parse_assignments
from tune_noise.config.trial import TrialConfig
from tune_noise.errors import ConfigError


@pytest.mark.parametrize("name", ["conv9", "my_networks:small", "lab.vision.nets:Wide_2"])
def test_a_built_in_network_and_the_path_of_a_factory_are_models(name):
    assert TrialConfig(model=name).model == name
    assert build_trial(parse_assignments([f"model={name}"]), source="--set").model == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("conv99", "did you mean 'conv9'?"),
        ("network", "nor package.module:factory for a network of your own"),
        ("my networks:small", "must be written package.module:factory"),
        ("a:b:c", "must be written package.module:factory"),
        (":f", "must be written package.module:factory"),
        ("../x:f", "must be written package.module:factory"),
        ("a." * 200 + "b:f", "at most 200 of them"),
    ],
)
def test_any_other_name_is_refused_with_the_way_out(name, reason):
    with pytest.raises(ConfigError) as caught:
        build_trial({"model": name}, source="--set")
    assert reason in str(caught.value)


def test_a_space_may_search_over_built_in_and_own_networks_and_reports_all_wrong_ones():
    raw = {"name": "x", "search": {"model": {"choice": ["mlp1", "my_nets:small"]}}}
    assert build_search(raw, source="x").search["model"].choice == ["mlp1", "my_nets:small"]
    raw = {"name": "x", "search": {"model": {"choice": ["mlp11", "my nets:small", "mlp1"]}}}
    with pytest.raises(ConfigError) as caught:
        build_search(raw, source="x")
    assert [p.place for p in caught.value.problems] == ["search.model", "search.model"]


def test_dropout_applies_to_the_network_that_has_it():
    assert TrialConfig(model="conv9").dropout == 0.25
    assert TrialConfig(model="conv9", dropout=0.0).dropout == 0.0
    assert TrialConfig(model="mlp1").dropout is None
    assert TrialConfig(model="my_nets:small").dropout is None
    with pytest.raises(ConfigError, match="dropout  has no effect here: it applies only to model"):
        build_trial({"model": "mlp1", "dropout": 0.5}, source="--set")
