"""Files for other tools: blind, and read back whole, in part, or with all problems at once."""

import csv
import json
from pathlib import Path

import pytest

from tests.support.populations import made_up
from tune_noise.audit.exchange import Shown, keys_of, read_answers, write_files
from tune_noise.audit.sample import draw_sample
from tune_noise.errors import ConfigError, DataError

NAMES = ["cat", "dog", "none", "owl"]
POPULATION, _ = made_up(200)
SAMPLE = draw_sample(POPULATION, labels=20, seed=0)
KEYS = list(keys_of(SAMPLE))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_files(tmp_path, SAMPLE, lambda i: Shown(text=f"text, {i}\nmore", id=f"id {i}"), NAMES)
    return tmp_path


def answers(folder: Path, *words: str, key: str | None = None):
    path = folder / "filled.csv"
    rows = [(key or KEYS[number], word) for number, word in enumerate(words)]
    with path.open("w", newline="") as file:
        csv.writer(file, delimiter=";").writerows([("key", "answer"), *rows])
    return read_answers(path, SAMPLE, NAMES, person="ada")


def test_the_files_show_each_example_whole_and_nothing_that_tells_of_its_label(folder):
    with (folder / "sample.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["key", "number", "id", "text", "answer", "comment"]
    assert [row["text"] for row in rows] == [f"text, {i}\nmore" for i in SAMPLE.examples]
    tasks = json.loads((folder / "label_studio.json").read_text())
    assert [task["data"]["key"] for task in tasks] == KEYS
    assert set(tasks[0]["data"]) == {"key", "number", "id", "text"}
    choices = (folder / "label_studio.xml").read_text()
    assert all(f'<Choice value="{name}"/>' in choices for name in (*NAMES, "cannot tell"))


def test_answers_are_classes_or_words_and_an_empty_one_is_left_out(folder):
    read = answers(folder, "dog", "OWL", "", "cat|owl", "several", "none", "cannot tell")
    said = [(answer.verdict, answer.classes) for answer in read]
    assert said == [
        ("class", (1,)),
        ("class", (3,)),
        ("several", (0, 3)),
        ("several", ()),
        ("class", (2,)),  # a class of this name
        ("cannot_tell", ()),
    ]
    assert [answer.example for answer in read[:2]] == SAMPLE.examples[:2].tolist()
    assert {answer.person for answer in read} == {"ada"}


def test_label_studios_exports_are_read_with_their_annotators(folder):
    def task(key: str, *choices: str, by: object = 7, **more: object) -> dict[str, object]:
        result = [{"type": "choices", "from_name": "answer", "value": {"choices": choices}}]
        return {
            "data": {"key": key},
            "annotations": [{"result": result, "completed_by": by, **more}],
        }

    path = folder / "export.json"
    tasks = [
        task(KEYS[0], "dog"),
        task(KEYS[1], "dog", "owl", by={"email": "bob@x.org"}),
        task(KEYS[2], "cat", was_cancelled=True),
    ]
    path.write_text(json.dumps(tasks))
    read = read_answers(path, SAMPLE, NAMES, person="ada")
    said = [(a.person, a.verdict, a.classes) for a in read]
    assert said == [
        ("Label Studio 7", "class", (1,)),
        ("Label Studio bob@x.org", "several", (1, 3)),
    ]
    short = [{"key": KEYS[0], "answer": "owl"}, {"key": KEYS[1], "answer": {"choices": ["cat"]}}]
    path.write_text(json.dumps([*short, {"key": KEYS[2], "id": 3}]))
    read = read_answers(path, SAMPLE, NAMES, person="ada")
    assert [a.classes for a in read] == [(3,), (0,)]


def test_all_answers_that_cannot_be_understood_are_told_at_once(folder):
    with pytest.raises(ConfigError) as refused:
        answers(folder, "doog", "dog", "cannot tell|cat")
    assert [problem.place for problem in refused.value.problems] == [
        "line 2, answer",
        "line 4, answer",
    ]
    assert "did you mean 'dog'" in str(refused.value)
    with pytest.raises(ConfigError, match="is not a key of this sample"):
        answers(folder, "dog", key="abc")


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "[1, 2]", '{"x": 1}', "[{}]"])
def test_a_file_of_another_kind_is_refused(tmp_path, text):
    (tmp_path / "file").write_text(text)
    with pytest.raises(DataError, match="--import"):
        read_answers(tmp_path / "file", SAMPLE, NAMES, person="ada")
