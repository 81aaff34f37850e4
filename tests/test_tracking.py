import json
import math
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tune_noise.config.search import SearchConfig
from tune_noise.errors import UserError
from tune_noise.record import Event, Record
from tune_noise.tracking import (
    TrackingProcess,
    check_tracking_uri,
    default_tracking_uri,
    mask_password,
)
from tune_noise.tracking.mirror import Mirror
from tune_noise.tracking.store import connect

# MLflow and what it imports warn of their own future; ours stay errors.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow"),
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy"),
]
SEARCH = SearchConfig.model_validate(
    {
        "name": "methods",
        "title": "Which method survives?",
        "noise": "symmetric",
        "conditions": {"noise_rate": [0.2, 0.45]},
        "search": {
            "method": {"choice": ["standard", "co_teaching"]},
            "lr": {"loguniform": [1e-4, 1e-2]},
            "momentum": {"uniform": [0.1, 0.9], "when": {"optimizer": "sgd"}},
        },
        "epochs": 3,
    }
)
SEARCH_ID = "5eed" * 8
METRIC_NAMES = ("train_loss_noisy", "val_information_noisy", "val_accuracy_noisy")
PATIENCE_SECONDS = 30.0


class Script:
    """Writes the record of a synthetic search."""

    def __init__(self, output: Path) -> None:
        output.mkdir(parents=True, exist_ok=True)
        self.path = output / "record.db"
        self.record = Record(self.path)

    def search(self, search_id: str = SEARCH_ID) -> None:
        data = {
            "config": SEARCH.model_dump(mode="json", by_alias=True),
            "commit": "abc123",
            "versions": {},
            "dataset": {},
            "machine": {},
            "search_id": search_id,
        }
        self.record.append(Event("search", data=data))

    def ask(self, trial_id: str, *, rate: float = 0.2, finalist: str | None = None) -> None:
        condition = next(c for c in SEARCH.all_conditions if c.factors["noise_rate"] == rate)
        seeds = {"seed": 7 if finalist else 0, "noise_seed": 0}
        values = {"method": "co_teaching", "lr": 0.01}
        config = SEARCH.trial_config(condition, values, **seeds).model_dump()
        data = {
            "stack_id": trial_id,
            "stage": "confirm" if finalist else "search",
            "condition": condition.name,
            "config": config,
            "finalist": finalist,
        }
        start = Event("start", trial_id, {"realised_noise_rate": rate + 0.01})
        self.record.append(Event("ask", trial_id, data), start)

    def epoch(self, trial_id: str, epoch: int, *, metrics: bool = True) -> None:
        values = dict.fromkeys(METRIC_NAMES, 0.1 * epoch if metrics else None)
        data = {"epoch": epoch, "seconds": float(epoch), **values}
        data["test_accuracy_clean"] = 0.9
        self.record.append(Event("epoch", trial_id, data))

    def end(self, trial_id: str, status: str = "completed", reason: str = "") -> None:
        data = {"status": status, "stop_reason": reason}
        self.record.append(Event("end", trial_id, data))

    def trial(self, trial_id: str, *, epochs: int = 3, rate: float = 0.2) -> None:
        self.ask(trial_id, rate=rate)
        for epoch in range(1, epochs + 1):
            self.epoch(trial_id, epoch)
        self.end(trial_id)

    def whole_search(self) -> None:
        self.search()
        self.trial("t1")
        self.ask("t2", rate=0.45)
        self.epoch("t2", 1)
        self.end("t2", "stopped", "worse than two thirds at epoch 1")
        self.ask("t3", rate=0.45)
        self.epoch("t3", 1)
        self.epoch("t3", 2, metrics=False)
        self.end("t3", "diverged", "loss is not finite at epoch 2")
        self.ask("c1", finalist="t1")
        for epoch in (1, 2, 3):
            self.epoch("c1", epoch)
        self.end("c1")

    def finish(self) -> None:
        self.record.append(Event("finish"), durable=True)


class Found:
    """What MLflow holds of the search."""

    def __init__(self, uri: str, experiment: str = "default-test") -> None:
        # As the child does: a reader that comes first would make the tables, too, and collide.
        self.client = connect(uri)
        experiments = [e for e in [self.client.get_experiment_by_name(experiment)] if e]
        runs = self.client.search_runs([e.experiment_id for e in experiments], max_results=500)
        self.num_runs = len(runs)
        self.by_name: dict[str, Any] = {run.info.run_name: run for run in runs}

    def steps(self, trial_id: str, metric: str) -> list[int]:
        run_id = self.by_name[trial_id].info.run_id
        return [m.step for m in self.client.get_metric_history(run_id, metric)]

    def status(self, name: str) -> str:
        return str(self.by_name[name].info.status)


def start(script: Script, uri: str) -> TrackingProcess:
    output = script.path.parent
    return TrackingProcess.start(
        script.path, tracking_uri=uri, experiment="default-test", output=output
    )


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def holds(uri: str, trial_id: str) -> Callable[[], bool]:
    """Whether MLflow holds an ended run of a trial."""

    def check() -> bool:
        path = Path(uri.removeprefix("sqlite:///"))
        if uri.startswith("sqlite") and not path.exists():
            return False
        found = Found(uri).by_name.get(trial_id)
        return found is not None and found.info.status != "RUNNING"

    return check


@pytest.fixture(autouse=True)
def _quiet_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Script]:
    script = Script(tmp_path / "runs" / "methods")
    yield script
    script.record.close()


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return default_tracking_uri(tmp_path / "runs")


def write_outputs(output: Path) -> None:
    condition = SEARCH.all_conditions[0]
    config = {"method": "co_teaching", "lr": 0.01, "seed": 0}
    entry = {"condition": condition.factors, "verdict": "winner", "winner": {"config": config}}
    tie = {"condition": {"noise_rate": 0.45}, "verdict": "tie", "winner": None}
    summary = {"search": {}, "conditions": [entry, tie]}
    (output / "summary.json").write_text(json.dumps(summary))
    (output / "report.html").write_text("<html></html>")
    (output / "winners" / condition.name).mkdir(parents=True)
    (output / "winners" / condition.name / "config.json").write_text("{}")


def test_a_search_is_mirrored_once_and_completely(script: Script, uri: str) -> None:
    output = script.path.parent
    process = start(script, uri)
    script.whole_search()
    write_outputs(output)
    script.finish()
    assert process.finish(timeout_seconds=PATIENCE_SECONDS) is None
    assert process.run_url is None
    check_whole_search(Found(uri), process)
    files = {
        f.relative_to(output.parent / "mlartifacts" / str(process.run_id)).as_posix()
        for f in (output.parent / "mlartifacts").rglob("*")
        if f.is_file()
    }
    assert files == {
        "artifacts/summary.json",
        "artifacts/report.html",
        "artifacts/winners/noise_rate=0.2/config.json",
    }
    # The same again: nothing new, nothing twice.
    again = start(script, uri)
    assert again.finish(timeout_seconds=PATIENCE_SECONDS) is None
    assert again.run_id == process.run_id
    check_whole_search(Found(uri), again)


def check_whole_search(found: Found, process: TrackingProcess) -> None:
    assert set(found.by_name) == {"methods", "t1", "t2", "t3", "c1"}
    assert found.num_runs == 5
    check_parent(found.by_name["methods"], process)
    statuses = {name: found.status(name) for name in ("t1", "t2", "t3", "c1")}
    expected = {"t1": "FINISHED", "t2": "FINISHED", "t3": "FAILED", "c1": "FINISHED"}
    assert statuses == expected
    for name in METRIC_NAMES:
        assert found.steps("t1", name) == found.steps("c1", name) == [1, 2, 3]
        assert found.steps("t2", name) == found.steps("t3", name) == [1]
    check_trial(found.by_name["t1"], process)
    assert found.by_name["t3"].data.tags["tune_noise.status"] == "diverged"
    assert "tune_noise.finalist" not in found.by_name["t2"].data.tags
    confirmed = found.by_name["c1"].data
    assert confirmed.tags["tune_noise.confirms"] == "t1"
    assert confirmed.tags["tune_noise.winner"] == "true"
    assert confirmed.params["seed"] == "7"


def check_parent(run: Any, process: TrackingProcess) -> None:
    assert run.info.run_id == process.run_id
    assert run.info.status == "FINISHED"
    assert run.data.tags["mlflow.note.content"] == "Which method survives?"
    assert run.data.tags["mlflow.source.git.commit"] == "abc123"
    assert run.data.tags["tune_noise.search"] == "methods"
    assert run.data.params["conditions"] == "noise_rate"


def check_trial(run: Any, process: TrackingProcess) -> None:
    data = run.data
    expected = {
        "mlflow.parentRunId": process.run_id,
        "tune_noise.search_id": SEARCH_ID,
        "tune_noise.trial_id": "t1",
        "tune_noise.stage": "search",
        "tune_noise.condition": "noise_rate=0.2",
        "tune_noise.method": "co_teaching",
        "tune_noise.status": "completed",
        "tune_noise.finalist": "true",
        "tune_noise.winner": "true",
    }
    assert expected.items() <= data.tags.items()
    assert data.params["lr"] == "0.01"
    assert data.params["noise_rate"] == "0.2"
    assert "momentum" not in data.params
    assert "alpha" not in data.params
    assert data.metrics["epochs"] == 3
    assert data.metrics["realised_noise_rate"] == pytest.approx(0.21)
    assert data.metrics["val_information_noisy_selected"] == pytest.approx(0.3)
    assert data.metrics["test_accuracy_clean_selected"] == pytest.approx(0.9)
    assert run.info.end_time >= run.info.start_time


def test_a_killed_process_continues_without_duplicates(script: Script, uri: str) -> None:
    process = start(script, uri)
    script.search()
    for number in range(40):
        script.trial(f"t{number}")
    wait_for(holds(uri, "t3"))
    os.kill(process.pid, signal.SIGKILL)
    script.trial("late")
    script.finish()
    # `finish` notices that its process is gone and starts another.
    assert process.finish(timeout_seconds=PATIENCE_SECONDS) is None
    found = Found(uri)
    assert found.num_runs == len(found.by_name) == 42
    assert {run.info.status for run in found.by_name.values()} == {"FINISHED"}
    for name in ("t0", "t3", "t39", "late"):
        assert found.steps(name, "val_information_noisy") == [1, 2, 3]


def test_an_interrupted_search_is_killed_and_runs_again_on_resume(script: Script, uri: str) -> None:
    script.search()
    script.ask("long")
    for epoch in range(1, 151):
        script.epoch("long", epoch)
    assert start(script, uri).finish(timeout_seconds=PATIENCE_SECONDS) is None
    found = Found(uri)
    assert (found.status("methods"), found.status("long")) == ("KILLED", "KILLED")
    resumed = start(script, uri)
    wait_for(lambda: Found(uri).status("methods") == "RUNNING")
    for epoch in range(151, 161):
        script.epoch("long", epoch)
    script.end("long")
    script.finish()
    assert resumed.finish(timeout_seconds=PATIENCE_SECONDS) is None
    found = Found(uri)
    assert (found.status("methods"), found.status("long")) == ("FINISHED", "FINISHED")
    assert Counter(found.steps("long", "train_loss_noisy")) == Counter(range(1, 161))


@pytest.mark.parametrize("request_name", ["create_run", "log_batch", "set_terminated"])
def test_a_request_whose_answer_is_lost_is_not_repeated(
    script: Script, uri: str, request_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    real = getattr(MlflowClient, request_name)
    num_calls = 0

    def lossy(*arguments: Any, **named: Any) -> Any:
        nonlocal num_calls
        num_calls += 1
        answer = real(*arguments, **named)
        if num_calls in (1, 3):
            raise ConnectionError("the answer was lost")
        return answer

    monkeypatch.setattr(MlflowClient, request_name, lossy)
    script.search()
    script.trial("t1")
    script.trial("t2")
    script.finish()
    mirror = Mirror(tracking_uri=uri, experiment="default-test", output=script.path.parent)
    for event in script.record.events():
        mirror.observe(event)
    for _ in range(2):
        with pytest.raises(ConnectionError):
            mirror.deliver(is_last=True, deadline=math.inf)
    mirror.deliver(is_last=True, deadline=math.inf)
    found = Found(uri)
    assert found.num_runs == len(found.by_name) == 3
    assert {run.info.status for run in found.by_name.values()} == {"FINISHED"}
    for name in ("t1", "t2"):
        assert found.steps(name, "train_loss_noisy") == [1, 2, 3]


def test_two_first_searches_at_once_share_a_new_store(tmp_path: Path, uri: str) -> None:
    scripts = [Script(tmp_path / "runs" / name) for name in ("a", "b")]
    processes = [start(script, uri) for script in scripts]
    for script, search_id in zip(scripts, ("aa", "bb"), strict=True):
        script.search(search_id)
        script.trial("t1")
        script.finish()
        script.record.close()
    assert [p.finish(timeout_seconds=PATIENCE_SECONDS) for p in processes] == [None, None]
    assert Found(uri).num_runs == 4


def test_the_process_ends_when_the_driver_is_killed(script: Script, uri: str) -> None:
    script.search()
    script.trial("t1")
    code = (
        "import sys, time; from pathlib import Path; from tune_noise.tracking import *\n"
        "path = Path(sys.argv[1])\n"
        "p = TrackingProcess.start(path, tracking_uri=sys.argv[2], experiment='default-test',"
        " output=path.parent)\n"
        "print(p.pid, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(script.path), uri]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout
        pid = int(driver.stdout.readline())
        driver.kill()
    wait_for(lambda: not is_alive(pid))
    found = Found(uri)
    assert (found.status("methods"), found.status("t1")) == ("KILLED", "FINISHED")
    assert found.steps("t1", "train_loss_noisy") == [1, 2, 3]


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # a container's first process may not collect the dead


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def mlflow_server(folder: Path, port: int) -> Iterator[str]:
    """An MLflow server that keeps its runs in a folder; gone, with its workers, at the end."""
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--workers", "1"]
    command += ["--port", str(port), "--backend-store-uri", f"sqlite:///{folder}/server.db"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    with (folder / "log").open("ab") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: answers(url))
        yield url
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def answers(url: str) -> bool:
    try:
        check_tracking_uri(url)
    except UserError:
        return False
    return True


def test_all_arrives_though_the_server_goes_away_and_comes_back(
    script: Script, tmp_path: Path
) -> None:
    port = free_port()
    script.search()
    with mlflow_server(tmp_path / "server", port) as url:
        process = start(script, url)
        script.trial("t1")
        wait_for(holds(url, "t1"))
        for number in range(2, 30):
            script.trial(f"t{number}")
        wait_for(holds(url, "t2"))
    log = script.path.parent / "tracking.log"
    wait_for(lambda: "delivery failed" in log.read_text())
    script.trial("t30")
    (script.path.parent / "report.html").write_text("<html></html>")
    script.finish()
    with mlflow_server(tmp_path / "server", port) as url:
        assert process.finish(timeout_seconds=PATIENCE_SECONDS) is None
        found = Found(url)
        artifacts = found.client.list_artifacts(process.run_id)
    assert process.run_url == f"{url}/#/experiments/{process.experiment_id}/runs/{process.run_id}"
    assert [file.path for file in artifacts] == ["report.html"]
    check_thirty_trials(tmp_path)


def check_thirty_trials(tmp_path: Path) -> None:
    found = Found(f"sqlite:///{tmp_path}/server/server.db")
    assert found.num_runs == len(found.by_name) == 31
    assert {run.info.status for run in found.by_name.values()} == {"FINISHED"}
    for number in range(1, 31):
        assert found.steps(f"t{number}", "val_accuracy_noisy") == [1, 2, 3]


def test_a_server_that_stays_away_costs_a_warning_with_a_way_out(script: Script) -> None:
    script.search()
    script.trial("t1")
    process = start(script, f"http://ada:secret@127.0.0.1:{free_port()}")
    warning = process.finish(timeout_seconds=2.0)
    assert warning
    assert "--resume" in warning
    assert process.run_id is None
    output = script.path.parent
    written = warning + "".join(
        (output / f"tracking.{kind}").read_text() for kind in ("log", "json")
    )
    assert "secret" not in written


def test_an_unreachable_server_is_one_clear_message_within_seconds() -> None:
    began = time.monotonic()
    with pytest.raises(UserError) as caught:
        check_tracking_uri(f"http://ada:secret@127.0.0.1:{free_port()}")
    assert time.monotonic() - began < 6.0
    assert "no MLflow server answered" in str(caught.value)
    assert "mlflow server --host" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_server_that_accepts_and_never_answers_is_given_up_within_seconds() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()
        with pytest.raises(UserError, match="no MLflow server answered"):
            check_tracking_uri(f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert time.monotonic() - began < 6.0


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("file:///tmp/mlruns", "no longer stores runs in a plain folder"),
        ("./mlruns", "no longer stores runs in a plain folder"),
        ("ftp://host/x", "'ftp' is not supported"),
        ("http://", "no host name"),
        ("sqlite://", "no file in it"),
        ("sqlite:////dev/null/mlflow.db", "we may not write in /dev/null"),
        ("postgresql+nosuchdriver://ada:secret@127.0.0.1:1/x", "no database answered"),
    ],
)
def test_an_unusable_uri_is_refused(uri: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        check_tracking_uri(uri)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("Dear diary, this is no database")
    with pytest.raises(UserError, match="is not a SQLite database"):
        check_tracking_uri(f"sqlite:///{tmp_path}/notes.db")


def test_the_default_store_of_a_new_output_folder_is_accepted(tmp_path: Path) -> None:
    check_tracking_uri(default_tracking_uri(tmp_path / "not" / "yet"))
    assert not (tmp_path / "not").exists()


def test_importing_tracking_does_not_import_mlflow() -> None:
    code = "import sys, tune_noise.tracking; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("http://ada:se@cret@host:5000/x", "http://***@host:5000/x"),
        ("postgresql://u@h/db?password=secret&x=1", "postgresql://***@h/db?password=***&x=1"),
        ("sqlite:////runs/mlflow.db", "sqlite:////runs/mlflow.db"),
    ],
)
def test_passwords_are_masked(text: str, masked: str) -> None:
    assert mask_password(text) == masked
