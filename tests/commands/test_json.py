"""`--json`: JSON alone on standard output, whatever else is said goes to standard error."""

import json
import math
from pathlib import Path

import pytest

from tests.support.searches import finished_search
from tune_noise.command_line.run import divert_output, print_json

from .console import Run, refuse


def test_a_dry_run_is_a_plan(run: Run) -> None:
    outcome = run("search", "--space", "smoke", "--trials", "10", "--dry-run", "--json")
    plan = json.loads(outcome.out)
    assert plan["plan"]["conditions"] == ["noise_rate=0.4"]
    assert plan["plan"]["trials"] == plan["config"]["trials"] == 10
    assert plan["dataset"]["train_images"] == 1257
    assert 0.0 < plan["cost"]["least_seconds"] <= plan["cost"]["most_seconds"]
    assert {probe["method"] for probe in plan["cost"]["probes"]} == {"standard", "co_teaching"}
    assert not Path("runs").exists()


def test_one_training_tells_what_it_reached(run: Run) -> None:
    outcome = run("train", "--set", "epochs=2", "--output", "one", "--json")
    found = json.loads(outcome.out)
    assert (found["status"], found["epochs"], found["model"]) == ("completed", 2, "one")
    epochs = json.loads(Path("one/epochs.json").read_text())
    assert found["last"] == epochs[-1]
    assert found["selected"] in epochs
    assert found["config"]["epochs"] == 2
    assert "epoch    1" in outcome.err


def test_a_report_prints_what_summary_json_holds(run: Run) -> None:
    finished_search(Path("runs/smoke"), gain=0.0)
    outcome = run("report", "runs/smoke", "--json")
    assert json.loads(outcome.out) == json.loads(Path("runs/smoke/summary.json").read_text())


def test_a_comparison_prints_its_differences(run: Run) -> None:
    finished_search(Path("runs/smoke"), gain=0.0)
    finished_search(Path("runs/more"), gain=0.05)
    outcome = run("report", "runs/smoke", "runs/more", "--output", "page.html", "--json")
    found = json.loads(outcome.out)
    assert found["page"] == "page.html"
    [task] = found["tasks"]
    assert task["verdict"] == "winner"
    assert [entry["search"] for entry in task["entries"]] == ["more", "smoke"]
    difference = task["differences"][0]
    assert (difference["method"], difference["n_best"]) == ("paired", 3)
    assert difference["mean"] == pytest.approx(0.05)
    assert difference["is_separated"] is True
    assert "may be compared" in outcome.err
    assert {path.name for path in Path().iterdir()} == {
        "runs", "page.html", "page.csv", "page.png", "page.svg", "page_differences.csv",
    }  # fmt: skip


def test_what_cannot_be_compared_is_refused_all_at_once(run: Run) -> None:
    finished_search(Path("one/smoke"), gain=0.0)
    outcome = run("report", "one/smoke", "one/none", "one/smoke/../smoke", "two")
    refuse(
        outcome,
        "one/none holds no search",
        "one/smoke/../smoke: is the same search as one/smoke: name it once",
        "two holds no search",
    )
    refuse(
        run("report", "one/smoke", "--output", "x.html"),
        "--output: one search's report is written into its own folder",
    )
    finished_search(Path("two/other"), gain=0.1)
    refuse(
        run("report", "one/smoke", "two/other", "--output", "x.pdf"),
        "--output x.pdf: must be a file that ends in .html",
    )
    Path("taken").write_text("a file")
    refuse(
        run("report", "one/smoke", "two/other", "--output", "taken/x.html"),
        "--output: taken/x.html cannot be written",
    )


def test_searches_of_one_name_are_told_apart_by_their_folders(run: Run) -> None:
    finished_search(Path("one/smoke"), gain=0.0)
    finished_search(Path("two/smoke"), gain=0.05)
    found = json.loads(run("report", "one/smoke", "two/smoke", "--json").out)
    assert list(found["searches"]) == ["one/smoke", "two/smoke"]
    assert found["page"] == str(Path("one/comparison.html").resolve())


def test_a_figure_that_does_not_exist_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": [math.nan, (math.inf, 1.5)], "b": {"c": -math.inf}})
    assert json.loads(capsys.readouterr().out) == {"a": [None, [None, 1.5]], "b": {"c": None}}


def test_what_is_said_to_a_person_goes_aside(capsys: pytest.CaptureFixture[str]) -> None:
    with divert_output(True):
        print("to a person")
    with divert_output(False):
        print("to a person, too")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("to a person, too\n", "to a person\n")
