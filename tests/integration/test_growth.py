"""A finished search that is given more trials: what there was stays, the rest is added."""

import json

import pytest

from tests.support.shell import Shell
from tune_noise.training.saved_model import load_model

from .test_interrupted import history_of
from .test_search import pytestmark as warnings_of_mlflow
from .test_search import runs

pytestmark = [pytest.mark.long, *warnings_of_mlflow]


def test_a_finished_search_grows_and_its_outputs_with_it(shell: Shell) -> None:
    shell.search("--space", shell.space(), "--quiet")
    folder = shell.folder / "runs" / "tiny"
    before = history_of(folder)
    assert before.finished

    shell.run("tune-noise", "resume", str(folder), "--trials", "8", "--quiet")
    after = history_of(folder)
    assert after.finished
    assert after.config.trials == 8
    assert sum(trial.stage == "search" for trial in after.trials.values()) == 8
    for trial_id, trial in before.trials.items():
        assert after.trials[trial_id] == trial
    [entry] = json.loads((folder / "summary.json").read_text("utf-8"))["conditions"]
    [model] = [load_model(path) for path in (folder / "winners").iterdir()]
    assert model.about["verdict"] == entry["verdict"]
    assert model.about["trial_id"] in after.trials
    told = [run.data.tags.get("tune_noise.trial_id") for run in runs(folder)]
    assert sorted(filter(None, told)) == sorted(after.trials)
    assert {run.info.status for run in runs(folder)} <= {"FINISHED", "FAILED"}

    # Again, with nothing left to do: the outputs are written anew, the model is kept.
    model_file = next((folder / "winners").glob("*/weights.safetensors"))
    weights = model_file.read_bytes()
    (folder / "report.html").unlink()
    shell.run("tune-noise", "resume", str(folder), "--quiet")
    assert (folder / "report.html").exists()
    assert model_file.read_bytes() == weights
    refused = shell.run("tune-noise", "resume", str(folder), "--trials", "4", code=2)
    assert "trials: 8 there, 4 now (a search may grow, not shrink)" in refused


@pytest.mark.slow
def test_a_time_budget_in_which_nothing_begins_is_one_sentence_with_the_way_out(
    shell: Shell,
) -> None:
    asked = ["--space", shell.space(), "--quiet", "--time-budget", "0.001s"]
    process = shell.start("tune_noise.search", *asked)
    out, err = shell.ending_of(process, code=2)
    assert out == ""
    assert err.startswith("error: the time budget of 0.001 s was used up before the first trial")
    assert "warning" not in err
    assert err.strip().endswith("--time-budget 10m")
    shell.go_on(err)
    assert len(history_of(shell.folder / "runs" / "tiny").trials) > 4
