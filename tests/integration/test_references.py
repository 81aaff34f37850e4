"""Reference models of a real search: killed between two of them, it trains none again."""

import json
import signal

import pytest

from tests.support.shell import Shell, kill, recorded

from .test_search import pytestmark as warnings_of_mlflow
from .test_search import runs

pytestmark = [pytest.mark.long, *warnings_of_mlflow]

NAMES = ["majority", "nearest_mean", "knn", "logistic", "boosting"]


def test_a_search_killed_between_reference_models_trains_none_again(shell: Shell) -> None:
    space = shell.space(
        references=NAMES, trials=2, epochs=2, early_stopping=None, confirm={"seeds": 2}
    )
    folder = shell.folder / "runs" / "tiny"
    driver = shell.start("tune_noise.search", "--space", space)
    shell.wait_for(driver, lambda: len(recorded(folder, "reference")) >= 2, "two reference models")
    kill(*shell.processes())
    assert driver.wait() == -signal.SIGKILL
    before = recorded(folder, "reference")
    assert not recorded(folder, "finish")
    shell.search("--space", space, "--resume", "--quiet")
    after = recorded(folder, "reference")
    assert after[: len(before)] == before
    assert sorted(data["name"] for _, data in after) == sorted(NAMES)
    [condition] = json.loads((folder / "summary.json").read_text())["conditions"]
    by_name = {one["name"]: one for one in condition["references"]}
    # The digits are pictures.
    assert by_name.pop("boosting")["problem"] == "it takes features"
    assert all(one["metrics"]["test_accuracy_clean"]["n"] == 2 for one in by_name.values())
    tagged = [run.data.tags.get("tune_noise.reference") for run in runs(folder)]
    expected = [f"noise_rate=0.45 {name}" for name in by_name]
    assert sorted(filter(None, tagged)) == sorted(expected)
