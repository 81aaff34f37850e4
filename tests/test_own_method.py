"""The page about a method of one's own: its method passes the checks, and a faulty one does not."""

import re
import sys
from pathlib import Path

import pytest
import yaml

from tune_noise.config import declared
from tune_noise.config.loader import build_search, with_assignments
from tune_noise.errors import ConfigError
from tune_noise.testing import check_method

PAGE = (Path(__file__).parents[1] / "docs" / "own_method.md").read_text()
[METHOD, CHECK, VIEWS] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
[SPACE] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
# Replaced text of the method -> what the check must say.
FAULTS = {
    ('name="limit"', 'name="lr"'): "field lr is one that every trial has",
    ('name="limit"', 'name="tau"'): "field tau is declared otherwise by method co_teaching",
    ("default=4.0", "default=0.0"): "the default of limit is not a value of it",
    ("facts, *, limit", "facts, *, bound"): r"must be made as Truncated\(facts, limit=...\)",
    ("return outcome_of_kept(losses, kept)", "return losses"): "must return an Outcome",
    (
        "return outcome_of_kept(losses, kept)",
        "return outcome_of_kept(losses + losses.mean(), kept)",
    ): "know nothing of each other",
}


def write_module(folder: Path, name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> str:
    (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(folder)
    return f"{name}:Truncated"


@pytest.fixture(scope="module", autouse=True)
def _unload():
    """Forget the methods of this file: their fields would be fields of trials in other tests."""
    before = {family: dict(names) for family, names in declared._loaded.items()}
    yield
    for family, names in before.items():
        declared._loaded[family] = names
    for listener in declared._listeners:
        listener()


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("own")
    (folder / "my_methods.py").write_text(METHOD)
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


def test_the_method_of_the_page_passes_its_check(module: Path) -> None:
    exec(compile(CHECK, "docs/own_method.md", "exec"), {})


def test_the_method_with_two_views_passes_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_module(tmp_path, "my_views", VIEWS, monkeypatch)
    check_method("my_views:Consistent")


def test_its_field_is_searched_fixed_and_set_like_ours(module: Path) -> None:
    raw = {"name": "own", **yaml.safe_load(SPACE)}
    search = build_search(raw, source="page")
    assert search.search["limit"].kind == "uniform"
    assert search.own_parts == [("method", "my_methods:Truncated")]
    assert set(search.own_versions()) == {"method my_methods:Truncated"}
    fixed = with_assignments(raw, {"limit": 2.0, "method": "my_methods:Truncated"})
    assert fixed["fixed"]["limit"] == 2.0
    with pytest.raises(ConfigError, match=r"search.limit .*less than or equal to 100"):
        build_search(raw | {"search": raw["search"] | {"limit": {"uniform": [1, 200]}}}, source="x")


def test_a_method_that_cannot_be_imported_is_the_one_thing_that_is_reported() -> None:
    raw = {"name": "own", "fixed": {"method": "no_such_module:Method", "limit": 2.0}, "trials": 1}
    with pytest.raises(ConfigError) as caught:
        build_search(raw, source="page")
    [problem] = caught.value.problems
    assert problem.place == "fixed.method"
    assert "no_such_module cannot be imported" in str(problem)


@pytest.mark.parametrize("change", FAULTS)
def test_the_check_says_what_is_wrong(
    change: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = change
    assert old in METHOD
    name = f"faulty_{list(FAULTS).index(change)}"
    path = write_module(tmp_path, name, METHOD.replace(old, new), monkeypatch)
    with pytest.raises(AssertionError, match=FAULTS[change]):
        check_method(path)
