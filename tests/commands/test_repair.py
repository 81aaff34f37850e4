"""`tune-noise repair`: what is written, and what the new version knows of itself."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.support.reviews import audited_search, own_config, own_search
from tune_noise.audit.answers import Answer, AuditRecord
from tune_noise.config.data_source import DataSource
from tune_noise.data import load_dataset
from tune_noise.data.lineage import lineage_file, read_lineage
from tune_noise.data.sources.read import read_source
from tune_noise.errors import DataError
from tune_noise.service.earlier import good_configurations

from .console import Run

WORDS = ["cat", "dog", "owl"] * 20


@pytest.fixture
def run_own(run: Run) -> Run:
    """`tune-noise` in a folder with a table and a search on it; examples 4 and 7 were looked at."""
    table = pd.DataFrame(
        {"size": np.arange(60) % 7, "weight": np.arange(60) ** 0.5, "label": WORDS}
    )
    table.assign(id=[f"n{number}" for number in range(60)]).to_csv("own.csv", index=False)
    own_search(Path("runs/own"), "own.csv")
    AuditRecord(Path("runs/own")).add_answers(
        [
            Answer(4, "ada", "class", (2,)),
            Answer(7, "ada", "several"),
            Answer(9, "ada", "class", (0,), mode="suspects"),
        ]
    )
    return run


def test_the_command_writes_a_new_version_and_its_lineage(run_own: Run):
    before = Path("own.csv").read_bytes()
    outcome = run_own("repair", "runs/own", "--output", "v2.csv")
    assert outcome.code == 0, outcome.err
    assert "version 2 of the labels: 1 corrected by people" in outcome.out
    assert "1 labels that people confirmed" in outcome.out
    assert outcome.out.splitlines()[-1].split("next")[1].split() == [
        *("tune-noise", "search", "--data", "v2.csv")
    ]
    assert Path("own.csv").read_bytes() == before
    old, new = (pd.read_csv(name) for name in ("own.csv", "v2.csv"))
    assert np.argwhere((old != new).to_numpy()).tolist() == [[4, 2]]
    lineage = json.loads(Path("v2.csv.lineage.json").read_text())
    [change] = lineage["changes"]
    assert change.pop("when").startswith("20")
    assert change == {
        **{"split": "train", "index": 4, "id": "n4", "from": "dog", "to": "owl"},
        **{"source": "person", "by": ["ada"], "probability": None},
    }
    assert [(one["id"], one["label"], one["reason"]) for one in lineage["kept"]] == [
        ("n7", "dog", "several")
    ]
    assert lineage["search"]["name"] == "own"
    assert lineage["before"]["place"] == "own.csv"
    for output in ("v2.csv", "own.csv"):
        assert run_own("repair", "runs/own", "--output", output).code == 2


def test_a_version_is_known_by_its_lineage_until_it_is_changed(run_own: Run):
    assert run_own("repair", "runs/own", "--output", "v2.csv").code == 0
    source = DataSource(train="v2.csv")
    assert any("version 2 of the labels" in text for text in read_source(source).reading)
    own_search(Path("runs/second"), "v2.csv")
    AuditRecord(Path("runs/second")).add_answers([Answer(5, "bob", "class", (0,))])
    assert run_own("repair", "runs/second", "--output", "v3.csv").code == 0
    lineage = read_lineage(DataSource(train="v3.csv"))
    assert lineage is not None
    assert (lineage["version"], lineage["before"]["version"]) == (3, 2)
    Path("v2.csv").write_text(Path("v2.csv").read_text() + "1,2,cat,n99\n")
    with pytest.raises(DataError, match="not what was written"):
        read_source(source)
    lineage_file(Path("v2.csv")).write_text("{}")
    with pytest.raises(DataError, match="damaged"):
        read_source(source)


def test_the_next_search_knows_what_to_beat_and_where_to_start(run: Run):
    columns = {"size": np.arange(60) % 7, "weight": np.arange(60) ** 0.5, "label": WORDS}
    pd.DataFrame(columns | {"split": ["train"] * 50 + ["test"] * 10}).to_csv("own.csv", index=False)
    own_search(Path("runs/own"), "own.csv")
    AuditRecord(Path("runs/own")).add_answers([Answer(4, "ada", "class", (2,))])
    assert run("repair", "runs/own", "--output", "v2.csv").code == 0
    own_search(Path("runs/second"), "v2.csv", gain=0.1)
    outcome = run("report", "runs/second", "--json")
    assert outcome.code == 0, outcome.err
    summary = json.loads(outcome.out)
    assert summary["search"]["lineage"]["version"] == 2
    gain = summary["conditions"][0]["before_repair"]
    assert gain["before"]["mean"] == pytest.approx(0.3125)
    assert gain["difference"]["mean"] == pytest.approx(0.05)
    page = " ".join(Path("runs/second/report.html").read_text().split())
    assert "test accuracy 36.2 %, and 31.2 % before 1 label was corrected (own)" in page
    points = good_configurations(own_config("third", "v2.csv"))
    assert [point["lr"] for point in points["all"]] == [0.02, 0.015]
    more = own_config("third", "v2.csv").model_copy(update={"trials": 16})
    assert [p["lr"] for p in good_configurations(more)["all"]] == [0.02, 0.015, 0.01, 0.05]
    shutil.rmtree("runs/own")
    assert good_configurations(more) == {}
    table = pd.read_csv("v2.csv")
    table.iloc[:, :3].to_csv("v1.csv", index=False)
    assert good_configurations(own_config("third", "v1.csv")) == {}


def test_noise_that_was_drawn_is_corrected_in_arrays(run: Run, digits):
    audited_search(Path("runs/drawn"), digits)
    assert "no label is to be corrected" in run("repair", "runs/drawn", "--output", "v2.npz").err
    AuditRecord(Path("runs/drawn")).add_answers(
        [Answer(n, "ada", "class", (int(digits.train_labels[n]),)) for n in range(50)]
    )
    assert "written as arrays" in run("repair", "runs/drawn", "--output", "v2.csv").err
    outcome = run("repair", "runs/drawn", "--output", "v2.npz")
    assert outcome.code == 0, outcome.err
    new = load_dataset("v2.npz")
    wrong = new.train_labels != digits.train_labels
    assert not wrong[:50].any()
    assert 0.3 < wrong[50:].mean() < 0.5
    assert np.array_equal(new.test_labels, digits.test_labels)
    changes = json.loads(Path("v2.npz.lineage.json").read_text())["changes"]
    assert 10 < len(changes) < 35
    assert run("repair", "runs/drawn", "--output", "v2.npz").code == 2


def test_answers_of_annotators_are_corrected_in_their_own_form(run: Run):
    rng = np.random.default_rng(0)
    np.save("own.npy", rng.random((60, 3), dtype=np.float32))
    rows = [(item, name, item % 3) for item in range(60) for name in ("ann", "bob")]
    pd.DataFrame(rows, columns=["task", "worker", "label"]).to_csv("answers.csv", index=False)
    own_search(Path("runs/own"), "own.npy", answers="answers.csv")
    AuditRecord(Path("runs/own")).add_answers([Answer(4, "ada", "class", (2,))])
    outcome = run("repair", "runs/own", "--output", "v2.csv")
    assert "--set data.answers=v2.csv" in outcome.out
    version = DataSource(train="own.npy", answers="v2.csv")
    lineage = read_lineage(version)
    assert lineage is not None
    [change] = lineage["changes"]
    assert change["by"] == ["ada"]
    assert change["answers"] == dict.fromkeys(("ann", "bob"), change["from"])
    table = pd.read_csv("v2.csv")
    told = table[table["task"] == change["index"]]
    assert told[["worker", "label"]].to_numpy().tolist() == [["confirmed by people", 2]]
    assert len(table) == 119
