"""Answers of annotators, written again where people have settled items."""

from pathlib import Path

import numpy as np
import pytest

from tune_noise.config.data_source import DataSource
from tune_noise.data.sources.new_answers import answers_by_item, write_answers
from tune_noise.data.sources.read import read_source
from tune_noise.errors import UserError

SETTLED = {1: ("confirmed by people", "1"), 2: ("held by the model", "0")}
LONG = "task,worker,label,seconds\n0,ann,0,9\n1,bob,0,8\n2,ann,1,7\n1,ann,1,6\n3,bob,1,5\n"
WIDE = 'ann,bob\n0,\n1,0\n\n"1",\n,1\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    np.save("inputs.npy", np.random.default_rng(0).random((4, 3), dtype=np.float32))
    return tmp_path


def rewritten(source: DataSource, output: str) -> tuple[str, DataSource]:
    """Write a new version, read it, and return the text of the file."""
    raw = read_source(source)
    version, [written] = write_answers(raw, source, SETTLED, Path(output))
    before, after = answers_by_item(raw), answers_by_item(read_source(version))
    assert [before[0], before[3]] == [after[0], after[3]]
    assert [list(after[item].values()) for item in SETTLED] == [["1"], ["0"]]
    return written.read_bytes().decode("utf-8", "replace"), version


def test_in_a_long_table_the_settled_answer_takes_the_place_of_the_others(folder: Path) -> None:
    Path("answers.csv").write_text(LONG)
    text, version = rewritten(DataSource(train="inputs.npy", answers="answers.csv"), "v2.csv")
    assert text == (
        "task,worker,label,seconds\n0,ann,0,9\n1,confirmed by people,1,\n"
        "2,held by the model,0,\n3,bob,1,5\n"
    )
    assert version.answers == "v2.csv"
    assert Path("answers.csv").read_text() == LONG


def test_in_a_wide_table_they_get_columns_of_their_own(folder: Path) -> None:
    Path("answers.csv").write_text(WIDE)
    text, version = rewritten(DataSource(train="inputs.npy", answers="answers.csv"), "v2.csv")
    assert text == ("ann,bob,confirmed by people,held by the model\n0,,,\n,,1,\n\n,,,0\n,1,,\n")
    # A second repair has the columns already.
    again, _ = rewritten(version, "v3.csv")
    assert again == text


def test_columns_of_the_data_are_named_beside_the_others(folder: Path) -> None:
    Path("own.csv").write_text("size,ann,bob\n3.5,0,\n4,1,0\n5,1,\n6,,1\n")
    text, version = rewritten(DataSource(train="own.csv", answers=["ann", "bob"]), "v2.csv")
    assert text.splitlines()[2] == "4,,,1,"
    assert version.train == "v2.csv"
    assert version.answers == ["ann", "bob", "confirmed by people", "held by the model"]


def test_a_matrix_gets_further_columns(folder: Path) -> None:
    np.save("answers.npy", np.array([[0, -1], [1, 0], [1, -1], [-1, 1]], dtype=np.int8))
    rewritten(DataSource(train="inputs.npy", answers="answers.npy"), "v2.npy")
    wide = np.load("v2.npy")
    assert wide.dtype == np.int8
    assert wide.tolist() == [[0, -1, -1, -1], [-1, -1, 1, -1], [-1, -1, -1, 0], [-1, 1, -1, -1]]


def test_a_matrix_of_unsigned_numbers_can_say_afterwards_that_there_is_no_answer(
    folder: Path,
) -> None:
    np.save("answers.npy", np.array([[0, 1], [1, 0], [1, 1], [0, 1]], dtype=np.uint8))
    rewritten(DataSource(train="inputs.npy", answers="answers.npy"), "v2.npy")
    assert np.load("v2.npy").tolist()[1] == [-1, -1, 1, -1]


def test_another_form_is_refused_and_nothing_is_overwritten(folder: Path) -> None:
    Path("answers.csv").write_text(LONG)
    source = DataSource(train="inputs.npy", answers="answers.csv")
    raw = read_source(source)
    for output, message in (("v2.npy", "must end in .csv"), ("answers.csv", "is there already")):
        with pytest.raises(UserError, match=message):
            write_answers(raw, source, SETTLED, Path(output))
    with pytest.raises(UserError, match="save them so"):
        write_answers(raw, source.model_copy(update={"answers": "a.parquet"}), {}, Path("v.csv"))
    assert Path("answers.csv").read_text() == LONG
