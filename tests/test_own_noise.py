"""The page about a noise and a network of one's own: they pass the checks, faulty ones do not."""

import re
import sys
from pathlib import Path

import pytest
import yaml

from tune_noise.config import declared
from tune_noise.config.loader import build_search
from tune_noise.noise.kinds import NOISES
from tune_noise.testing import check_model, check_noise

PAGE = (Path(__file__).parents[1] / "docs" / "own_noise.md").read_text()
[NOISE, NETWORK, CHECK] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
[SPACE] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
RETURN = "return (1 - self.slip_rate) * stays + self.slip_rate * moves"
DRAW = "\n\n    def draw(self, clean_labels, facts, generator):\n        "
# Replaced text -> what the check must say.
NOISE_FAULTS = {
    ('name="slip_rate"', 'name="lr"'): "field lr is one that every trial has",
    ("    slip_rate: float\n", "    rate: float\n"): "must take the fields that it declares",
    ("class Neighbours(Noise)", "class Neighbours"): "derives from tune_noise.noise.Noise",
    (RETURN, "return stays + moves"): "row 0 of the transition matrix sums to 2",
    ("class_conditional=True,", ""): "declares class_conditional=False",
    (
        RETURN,
        f"{RETURN}{DRAW}return np.stack([clean_labels, clean_labels], axis=1)",
    ): "must return int64 labels",
    (RETURN, f"{RETURN}{DRAW}return clean_labels[:, None] + 10"): r"labels in \[0, 10\)",
    (RETURN, f"{RETURN}{DRAW}return clean_labels[:, None].copy()"): "matrix and draw must agree",
    (
        RETURN,
        f"{RETURN}{DRAW}return super().draw(clean_labels, facts, np.random.default_rng())",
    ): "the same noise_seed draws other labels",
    (
        RETURN,
        f"{RETURN}{DRAW}return super().draw(clean_labels, facts, np.random.default_rng(0))",
    ): "another noise_seed draws the same labels",
}
NETWORK_FAULTS = {
    ('name="width"', 'name="lr"'): "field lr is one that every trial has",
    ("*, width)", "*, size)"): "unexpected keyword argument",
    ("nn.Linear(width, num_classes)", "nn.Linear(width, 3)"): "must map float images",
}


@pytest.fixture(autouse=True)
def _unload():
    """Forget what a test loads: its fields would be fields of trials in other tests."""
    before = {family: dict(names) for family, names in declared._loaded.items()}
    yield
    for family, names in before.items():
        declared._loaded[family] = names
    for listener in declared._listeners:
        listener()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in (("my_noise", NOISE), ("my_networks", NETWORK)):
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_the_noise_and_the_network_of_the_page_pass_their_checks(folder: Path) -> None:
    exec(compile(CHECK, "docs/own_noise.md", "exec"), {})


def test_their_fields_are_searched_and_made_conditions_like_ours(folder: Path) -> None:
    search = build_search({"name": "own", **yaml.safe_load(SPACE)}, source="page")
    assert [condition.factors for condition in search.all_conditions] == [
        {"slip_rate": 0.1},
        {"slip_rate": 0.3},
    ]
    config = search.trial_config(search.all_conditions[1], {"width": 9})
    assert config.declared_values("noise") == {"slip_rate": 0.3}
    assert config.declared_values("model") == {"width": 9}
    assert "width" not in declared.per_replicate_fields()


@pytest.mark.parametrize("change", NOISE_FAULTS)
def test_the_check_of_a_noise_says_what_is_wrong(change: tuple[str, str], folder: Path) -> None:
    name = f"faulty_noise_{list(NOISE_FAULTS).index(change)}"
    assert change[0] in NOISE
    (folder / f"{name}.py").write_text(NOISE.replace(*change))
    with pytest.raises(AssertionError, match=NOISE_FAULTS[change]):
        check_noise(f"{name}:Neighbours")


@pytest.mark.parametrize("change", NETWORK_FAULTS)
def test_the_check_of_a_network_says_what_is_wrong(change: tuple[str, str], folder: Path) -> None:
    name = f"faulty_network_{list(NETWORK_FAULTS).index(change)}"
    assert change[0] in NETWORK
    (folder / f"{name}.py").write_text(NETWORK.replace(*change))
    with pytest.raises(AssertionError, match=NETWORK_FAULTS[change]):
        check_model(f"{name}:narrow")


# The others need a file.
DRAWN_AT_ONCE = [name for name in NOISES if name not in ("matrix", "human")]


@pytest.mark.parametrize("noise", DRAWN_AT_ONCE)
def test_a_shipped_noise_passes_the_check(noise: str) -> None:
    fields = {"alpha": 5, "delta": 0.4} if "delta" in declared_fields(noise) else {}
    check_noise(noise, **fields)


def declared_fields(noise: str) -> set[str]:
    return {field.name for field in NOISES[noise].fields}


def test_a_shipped_network_passes_the_check() -> None:
    check_model("mlp1")
