"""The main job as a user runs it: real Ray, real MLflow on SQLite, real training."""

import csv
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from tests.support.shell import Shell, running_shell
from tune_noise.config.loader import build_search, read_space
from tune_noise.config.search import SearchConfig
from tune_noise.data import load_dataset
from tune_noise.training.saved_model import load_model

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow"),
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy"),
]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    with running_shell(tmp_path_factory.mktemp("smoke")) as shell:
        yield shell


@pytest.fixture(scope="module")
def printed(shell: Shell) -> str:
    """What the smoke search prints; --resume with nothing to resume starts afresh."""
    return shell.search("--space", "smoke", "--resume", "--max-concurrent", "2")


@pytest.fixture(scope="module")
def folder(shell: Shell, printed: str) -> Path:
    return shell.folder / "runs" / "smoke"


@pytest.fixture(scope="module")
def search(folder: Path) -> SearchConfig:
    return build_search(read_space(folder / "search.yaml"), source="search.yaml")


@pytest.fixture(scope="module")
def condition(search: SearchConfig) -> str:
    [condition] = search.all_conditions
    return condition.name


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def runs(folder: Path) -> list[Run]:
    client = MlflowClient(f"sqlite:///{folder.parent / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(folder.name)
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id], max_results=1000))


def test_the_output_folder_holds_what_is_promised(folder: Path, condition: str) -> None:
    for name in ("search.yaml", "trials.csv", "epochs.csv", "summary.json", "report.html"):
        assert (folder / name).stat().st_size > 0
    assert list((folder / "figures").glob("*.svg"))
    winner = folder / "winners" / condition
    model = {"weights.safetensors", "config.json"}
    suspects = {"suspects.csv", "suspects.json", "judged.safetensors"}
    registered = {"model_card.md", "registration.json"}
    assert {path.name for path in winner.iterdir()} == model | suspects | registered
    assert not (folder / "checkpoints").exists()
    assert (folder.parent / "mlflow.db").exists()


def test_the_trials_table_has_a_row_per_trial_and_the_promised_columns(
    folder: Path, search: SearchConfig
) -> None:
    trials = rows(folder / "trials.csv")
    wanted = {"trial_id", "stage", "status", "stop_reason", "epochs", "noise_rate"}
    wanted |= {"method", "lr", "tau", "model", "batch_size", "seed", "noise_seed"}
    assert wanted <= set(trials[0])
    stages = Counter(row["stage"] for row in trials)
    assert stages == {"search": search.trials, "confirm": 2 * search.confirm.seeds}
    assert {row["status"] for row in trials} <= {"completed", "stopped"}
    assert all(row["stop_reason"] for row in trials if row["status"] == "stopped")
    assert len({row["trial_id"] for row in trials}) == len(trials)
    methods = Counter(row["method"] for row in trials if row["stage"] == "search")
    assert methods["standard"] == methods["co_teaching"] == search.trials / 2


def test_the_epochs_table_agrees_with_the_trials(folder: Path) -> None:
    epochs = rows(folder / "epochs.csv")
    wanted = {"trial_id", "epoch", "val_information_noisy", "test_accuracy_clean"}
    assert wanted <= set(epochs[0])
    counted = Counter(row["trial_id"] for row in epochs)
    assert counted == {row["trial_id"]: int(row["epochs"]) for row in rows(folder / "trials.csv")}


def test_the_summary_has_a_verdict_per_condition(folder: Path, search: SearchConfig) -> None:
    summary = json.loads((folder / "summary.json").read_text("utf-8"))
    [found] = summary["conditions"]
    assert found["condition"] == search.all_conditions[0].factors
    assert found["verdict"] in {"winner", "tie"}
    assert set(found["compare"]) == {"standard", "co_teaching"}
    metric = found["winner"]["metrics"]["val_information_noisy"]
    assert {"n", "mean", "sd", "ci95"} <= set(metric)
    assert metric["n"] == search.confirm.seeds
    assert found["winner"]["config"]["method"] != found["runner_up"]["config"]["method"]
    assert "search" in summary


def test_the_report_needs_no_network(folder: Path, condition: str) -> None:
    page = (folder / "report.html").read_text("utf-8")
    assert not re.search(r"""(src|href)=["']https?://""", page)
    assert condition in page


def test_what_is_printed_is_readable_in_a_pipe_and_says_where_things_are(
    printed: str, folder: Path
) -> None:
    assert "\x1b" not in printed
    assert "\r" not in printed
    assert max(map(len, printed.splitlines())) < 250
    results, report, model, tracking, page = printed.strip().splitlines()[-5:]
    assert model.startswith("model    digits-symmetric-noise_rate=0.4-val_fraction=0.3 version 1 @")
    assert results == f"results  {folder}"
    assert report.startswith("report   ")
    assert report.endswith(str(folder / "report.html"))
    store = f"sqlite:///{folder.parent / 'mlflow.db'}"
    assert tracking == f"MLflow   mlflow ui --backend-store-uri {store}"
    assert page.strip().startswith("then open http://127.0.0.1:5000/#/experiments/")


def test_signs_are_replaced_where_the_encoding_lacks_them(shell: Shell, folder: Path) -> None:
    ascii_only = ["env", "PYTHONIOENCODING=ascii", sys.executable, "-m"]
    for command in (["tune_noise.status"], ["tune_noise.report"]):
        done = subprocess.run(
            [*ascii_only, *command, str(folder)],
            env=shell.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert re.search(r"\d \+- \d", done.stdout)


def test_a_result_for_a_program_is_complete_or_the_command_says_that_it_is_not(
    shell: Shell, folder: Path
) -> None:
    status = [sys.executable, "-m", "tune_noise.status", str(folder)]
    for arguments, code, error in (
        ([], 0, ""),
        (["--json"], 1, "error: standard output cannot be written: No space left on device\n"),
    ):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [*status, *arguments],
                env=shell.environment,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        assert (done.returncode, done.stderr) == (code, error)


def test_mlflow_has_one_run_per_search_finalist_and_trial_each_inside_what_it_belongs_to(
    folder: Path,
) -> None:
    found = runs(folder)
    stages = ("summary", "finalist", "search", "confirm", "reference")
    of = {s: [run for run in found if run.data.tags["tune_noise.stage"] == s] for s in stages}
    [parent] = of["summary"]
    assert "mlflow.parentRunId" not in parent.data.tags
    # Of digits all but gradient boosting.
    assert len(of["reference"]) == 4
    for run in of["finalist"] + of["search"] + of["reference"]:
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
    inside = {run.data.tags["mlflow.parentRunId"] for run in of["confirm"]}
    assert inside == {run.info.run_id for run in of["finalist"]}
    trial_ids = sorted(row["trial_id"] for row in rows(folder / "trials.csv"))
    trials = of["search"] + of["confirm"]
    assert sorted(run.data.tags["tune_noise.trial_id"] for run in trials) == trial_ids
    assert len(found) == 1 + len(of["finalist"]) + len(of["reference"]) + len(trials)
    assert {run.info.status for run in found} == {"FINISHED"}


def test_the_winner_predicts_the_test_set_with_exactly_the_recorded_accuracy(
    folder: Path, condition: str
) -> None:
    model = load_model(folder / "winners" / condition)
    digits = load_dataset("digits")
    assert digits.test_inputs is not None
    accuracy = float((model.predict(digits.test_inputs) == digits.test_labels).mean())
    metrics: dict[str, Any] = model.about["metrics_of_these_weights"]
    name = "test_accuracy_clean"
    if model.config.method == "co_teaching":  # its networks vote by their average prediction
        name = "test_accuracy_clean_ensemble"
    assert accuracy == pytest.approx(metrics[name], abs=1e-12)
    [row] = [r for r in rows(folder / "trials.csv") if r["trial_id"] == model.about["trial_id"]]
    assert float(row[name]) == pytest.approx(accuracy, abs=1e-12)


def test_a_finished_search_is_resumed_without_ray_and_changes_nothing(
    shell: Shell, folder: Path, condition: str
) -> None:
    before = {name: (folder / name).read_bytes() for name in ("trials.csv", "search.yaml")}
    count = len(runs(folder))
    out = shell.run("tune-noise", "resume", str(folder))
    assert f"results  {folder}" in out
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert len(runs(folder)) == count
    assert (folder / "winners" / condition / "weights.safetensors").exists()


def test_a_report_is_written_again_from_the_record(shell: Shell, folder: Path) -> None:
    before = (folder / "summary.json").read_bytes()
    for name in ("summary.json", "report.html", "trials.csv"):
        (folder / name).unlink()
    out = shell.run("tune-noise", "report", str(folder))
    assert out.strip().endswith(f"report   {folder / 'report.html'}")
    assert (folder / "summary.json").read_bytes() == before
    assert (folder / "report.html").exists()
    assert (folder / "trials.csv").exists()


def test_the_same_folder_without_resume_and_another_search_are_refused(
    shell: Shell, folder: Path
) -> None:
    err = shell.run("tune_noise.search", "--space", "smoke", code=2)
    assert f"{folder} holds a search already: continue it with --resume" in err
    err = shell.run("tune_noise.search", "--space", "smoke", "--trials", "4", "--resume", code=2)
    assert f"{folder} holds another search" in err
    assert "trials: 8 there, 4 now" in err


def test_the_tables_for_the_results_pages_are_read_from_the_record(
    printed: str, folder: Path
) -> None:
    assert printed
    for option in ([], ["--pool"]):
        command = [sys.executable, "benchmarks/tables.py", *option, str(folder)]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
        assert "test accuracy itself (oracle)" in run.stdout
        assert "| noise_rate=0.4" in run.stdout or "### noise_rate=0.4" in run.stdout


def test_the_resolved_search_is_a_space_that_runs_again(shell: Shell, folder: Path) -> None:
    space = str(folder / "search.yaml")
    out = shell.search("--space", space, "--name", "again", "--dry-run")
    assert "again: " in out
    assert not (shell.folder / "runs" / "again").exists()
