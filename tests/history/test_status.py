"""How a search stands, from its folder alone."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.postgres_server import PostgresServer
from tests.support.scripted_search import SEARCH, Script
from tune_noise.errors import UserError
from tune_noise.history.replay import History, Stage, TrialHistory
from tune_noise.history.status import SearchState, read_light_history, read_state
from tune_noise.history.time_left import most_at_once
from tune_noise.record import Event, Record, RecordPlace
from tune_noise.record.reach import holder
from tune_noise.service.status_lines import lines, state_to_json
from tune_noise.system.lock import own_folder

RUN = Event("run", data={"host": "ada", "pid": 7, "time_budget_seconds": None})


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Script]:
    """Of a search that has begun."""
    script = Script(tmp_path / "runs" / "methods")
    script.search()
    script.record.append(RUN)
    yield script
    script.record.close()


def state(script: Script) -> SearchState:
    return read_state(script.output)


def test_a_search_runs_as_long_as_a_process_owns_its_folder(script: Script) -> None:
    assert state(script).status == "interrupted"
    with own_folder(script.output):
        found = state(script)
        assert (found.status, found.host, found.pid, found.runs) == ("running", "ada", 7, 1)
        assert state_to_json(found)["continue"] is None
    interrupted = state_to_json(state(script))
    assert interrupted["continue"].endswith(f"resume {script.output}")
    script.finish()
    assert state(script).status == "finished"
    with own_folder(script.output):  # its outputs are written
        assert state(script).status == "finished"


def test_each_condition_tells_its_trials_its_best_and_its_confirmations(script: Script) -> None:
    script.trial("t1")
    script.ask("t2", rate=0.45)
    script.epoch("t2", 1)
    script.end("t2", "stopped", "rung 1: not among the best")
    script.ask("t3", rate=0.45)
    script.epoch("t3", 1)
    script.epoch("t3", 2)
    script.end("t3", "diverged", "loss is not finite at epoch 2")
    script.ask("t4")
    script.ask("c1", finalist="t1")
    script.epoch("c1", 1)
    script.end("c1")
    script.ask("c2", finalist="t1")
    script.record.append(Event("note", data={"text": "a warning", "is_warning": True}))
    found = state_to_json(state(script))
    low, high = found["conditions"]
    assert low["trials"] == {
        "planned": 20, "ended": 1, "running": 1, "completed": 1, "stopped": 0, "diverged": 0,
        "failed": 0,
    }  # fmt: skip
    assert low["best"]["trial_id"] == "t1"
    assert low["best"]["objective"] == pytest.approx(0.3)
    assert low["best"]["epoch"] == 3
    assert low["finalists"] == [
        {"trial_id": "t1", "seeds_done": 1, "seeds_asked": 2, "objective": pytest.approx(0.1)}
    ]
    assert low["confirmations"] == {"planned": 2 * 5, "ended": 1}
    # t3 was better before it diverged, and is no candidate.
    assert high["best"]["trial_id"] == "t2"
    assert found["warnings"] == ["a warning"]
    assert found["failures"] == ["t3 diverged: loss is not finite at epoch 2"]
    assert found["trials"]["planned"] == 40
    assert found["trials"]["ended"] == 3
    json.dumps(found, allow_nan=False)
    text = "\n".join(lines(state(script)))
    for part in (
        "interrupted, last heard of",
        "1 of 20 ended: 1 begun, 1 completed",
        "0.300, co_teaching (mlp1, lr 0.01), trial t1",
        "1 of 10 fresh seeds: t1 1/2",
        "failure: t3 diverged",
        "warning: a warning",
        "resume",
    ):
        assert part in text


def test_reference_models_are_counted_as_they_are_trained_or_cannot_be(script: Script) -> None:
    models = list(SEARCH.references)
    name = SEARCH.all_conditions[0].name
    script.trial("t1")
    script.ask("c1", finalist="t1")
    script.epoch("c1", 1)
    script.end("c1")
    seed = read_light_history(script.record).trials["c1"].config.seed
    about = {"condition": name, "settings": {}}
    for model, metrics, problem in (
        (models[0], [[seed, {"val_information_noisy": 0.1}]], ""),
        (models[1], [], "it takes features"),
        (models[2], [[seed + 1, {"val_information_noisy": 0.1}]], ""),  # another seed came since
    ):
        data = {**about, "name": model, "metrics": metrics, "problem": problem}
        script.record.append(Event("reference", data=data))
    found = state_to_json(state(script))
    counts = {"planned": len(models), "ended": 2}
    assert [c["references"] for c in found["conditions"]] == [counts, {**counts, "ended": 0}]
    assert found["references"] == {"planned": 2 * len(models), "ended": 2}
    assert f"references 2 of {len(models)} models" in "\n".join(lines(state(script)))


def test_folds_of_suspects_are_counted_until_the_table_is_there(script: Script) -> None:
    name = SEARCH.all_conditions[0].name
    folds = script.output / "winners" / name / "folds"
    folds.mkdir(parents=True)
    for number in (1, 2):
        (folds / f"{number}.safetensors").touch()
    counted = [(c.suspect_folds_done, c.suspect_folds) for c in state(script).conditions]
    assert counted == [(2, 4), (0, 4)]
    note = {"text": "found", "is_warning": False, "suspects": {name: {"trial_id": "c1"}}}
    script.record.append(Event("note", data=note))
    assert state(script).conditions[0].suspect_folds_done == 4


def test_after_a_time_budget_no_further_trials_are_planned(script: Script) -> None:
    script.record.append(Event("run", data={**RUN.data, "time_budget_seconds": 60.0}))
    script.trial("t1")
    assert sum(each.counts.planned for each in state(script).conditions) == 40
    used = {"text": "used up", "is_warning": True, "used_up_seconds": 60.0}
    script.record.append(Event("note", data=used))
    assert [each.counts.planned for each in state(script).conditions] == [1, 0]


def test_a_record_on_a_server_tells_by_its_lock_whether_a_driver_lives(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    script = Script(tmp_path / "on_a_server", record=postgres.url())
    script.place.remember(script.output)
    script.whole_search()
    script.record.append(RUN)
    # Its writer is this process, which holds no lock on the folder: it may be on another machine.
    found = read_state(script.output)
    assert found.status == "running"
    assert state_to_json(found)["trials"]["ended"] == 3
    assert found.conditions[0].counts.best is not None
    script.record.close()
    assert read_state(script.output).status == "interrupted"


def test_a_folder_without_a_search_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no search: nothing is recorded"):
        read_state(tmp_path)
    Record(tmp_path / "record.db", writer=True).close()
    with pytest.raises(UserError, match="a search that has not begun"):
        read_state(tmp_path)


SCORES = st.none() | st.floats(-1, 1)
TRIAL = st.fixed_dictionaries(
    {
        "epochs": st.lists(st.tuples(st.integers(1, 4), SCORES), max_size=6),
        "end": st.sampled_from([None, "completed", "stopped", "failed", "diverged"]),
        "stage": st.sampled_from(["search", "confirm"]),
    }
)


@given(
    st.lists(TRIAL, max_size=4),
    st.sampled_from([None, 1, 2]),
    st.sampled_from(["val_information_noisy", "val_loss_noisy"]),
)
def test_it_agrees_with_the_whole_history(
    tmp_path_factory: pytest.TempPathFactory,
    trials: list[dict[str, Any]],
    last_epochs: int | None,
    objective: str,
) -> None:
    search = SEARCH.model_copy(update={"objective": objective, "last_epochs": last_epochs})
    condition = search.all_conditions[0]
    config = search.trial_config(condition, {}).model_dump(mode="json")
    with Record(tmp_path_factory.mktemp("record") / "record.db", writer=True) as record:
        record.append(Event("search", data={"config": search.to_plain()}))
        for number, trial in enumerate(trials):
            name = f"t{number}"
            ask = {"stack_id": name, "stage": trial["stage"], "condition": condition.name}
            record.append(Event("ask", name, {**ask, "config": config}))
            for place, (epoch, score) in enumerate(trial["epochs"]):
                data = {"epoch": epoch, "seconds": float(place), objective: score}
                record.append(Event("epoch", name, data))
            if trial["end"]:
                data = {"status": trial["end"], "stop_reason": "why"}
                record.append(Event("end", name, data))
        whole = History.replay(record.events()).trials
        quick = read_light_history(record).trials
    assert list(quick) == list(whole)
    for name, trial in quick.items():
        expected = whole[name]
        assert trial.num_epochs == expected.num_epochs
        assert trial.status == expected.status
        assert trial.stop_reason == expected.stop_reason
        assert trial.score == expected.score
        assert trial.seconds == expected.seconds


def test_how_many_ran_at_once_is_counted_from_asks_to_ends() -> None:
    config = SEARCH.trial_config(SEARCH.all_conditions[0], {})

    def trial(asked: float, ended: float | None, stage: Stage = "search") -> TrialHistory:
        trial = TrialHistory("t", "t", stage, "all", config, asked_seconds=asked)
        trial.ended_seconds = ended
        return trial

    trials = [trial(1, 4), trial(2, 9), trial(3, 5), trial(6, None), trial(7, 8, "confirm")]
    assert most_at_once(trials) == 3
    assert most_at_once(trials, since=5) == 2
    assert most_at_once([]) == 0


def status(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "tune_noise.status", *arguments],
        cwd=folder,
        env={**os.environ, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_all_searches_are_listed_and_one_that_cannot_be_read_hides_no_other(
    script: Script, tmp_path: Path
) -> None:
    (tmp_path / "runs" / "broken").mkdir()
    (tmp_path / "runs" / "broken" / "record.db").write_text("no database")
    (tmp_path / "runs" / "mlartifacts").mkdir()
    script.trial("t1")
    done = status(tmp_path)
    assert done.returncode == 0
    assert "methods  interrupted" in done.stdout
    assert "1/40" in done.stdout
    assert "broken: runs/broken/record.db" in done.stdout
    assert max(map(len, done.stdout.splitlines()[:3])) <= 80
    rows = json.loads(status(tmp_path, "--json").stdout)
    assert [(row["name"], row["status"]) for row in rows] == [
        ("broken", None), ("methods", "interrupted"),
    ]  # fmt: skip
    assert "runs/broken/record.db" in rows[0]["error"]
    [whole] = [json.loads(status(tmp_path, "runs/methods", "--json").stdout)]
    assert whole["name"] == "methods"


def test_no_search_at_all_is_said(tmp_path: Path) -> None:
    assert status(tmp_path).stderr.startswith("error: --output: runs does not exist")
    assert status(tmp_path).returncode == 2
    (tmp_path / "runs").mkdir()
    assert status(tmp_path).stdout == "runs holds no search\n"
    assert json.loads(status(tmp_path, "--json").stdout) == []


def test_it_leaves_the_folder_as_it_is_and_imports_nothing_heavy(tmp_path: Path) -> None:
    script = Script(tmp_path / "runs" / "methods")
    script.whole_search()
    script.finish()
    script.record.close()
    before = {p.name: p.read_bytes() for p in script.output.iterdir()}
    code = (
        "import sys; from tune_noise.status import status; from pathlib import Path\n"
        f"status(Path({str(script.output)!r}), as_json=True)\n"
        # NumPy comes with the kinds of noise, which a configuration may name.
        "heavy = {'scipy', 'pandas', 'torch', 'ray', 'optuna', 'mlflow', 'matplotlib'}\n"
        "print(*heavy & sys.modules.keys(), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == ""
    assert json.loads(done.stdout)["status"] == "finished"
    assert {p.name: p.read_bytes() for p in script.output.iterdir()} == before


def test_places_without_a_server_have_no_holder(tmp_path: Path) -> None:
    assert holder(RecordPlace.of_file(tmp_path / "record.db")) is None
