"""Data with other labels: every form comes back as it was, but for the labels."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tune_noise.config.data_source import DataSource
from tune_noise.data.own_data import plan_dataset
from tune_noise.data.sources.new_version import write_version
from tune_noise.data.sources.read import read_source
from tune_noise.errors import UserError

WORDS = ["cat", "dog", "owl", "cat", "dog", "owl", "cat", "dog"]
NEW = {1: "owl", 6: "dog"}
WANTED = ["cat", "owl", "owl", "cat", "dog", "owl", "dog", "dog"]
FEATURES = np.arange(16, dtype=np.float32).reshape(8, 2) ** 1.5


def frame(**changes: Any) -> pd.DataFrame:
    columns = {
        "weight": [0.1, np.nan, 1e-9, 3.0, 12345678.125, 5, 6, 7],
        "shade": ["dark", "light, or so", 'a "b"', None, "line\nline", "ä", " x", "dark"],
        "label": WORDS,
        "count": range(8),
        "id": [f"example {number}" for number in range(8)],
    }
    return pd.DataFrame(columns | changes)


def change(source: DataSource, output: Path, changes: Any = None) -> DataSource:
    version, _ = write_version(read_source(source), source, changes or {"train": NEW}, output)
    return version


def read_labels(source: DataSource, split: str = "train") -> list[str | None]:
    return list(getattr(read_source(source), split).labels)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: frame().to_csv(path, index=False),
        lambda path: frame().to_csv(path, index=False, sep=";", decimal=","),
        lambda path: frame().to_csv(path, index=False, lineterminator="\r\n"),
        lambda path: frame().to_csv(path, index=False, encoding="utf-16"),
        lambda path: frame().to_csv(path, index=False, encoding="utf-8-sig"),
        lambda path: frame().to_csv(path, index=False, quoting=csv.QUOTE_ALL),
        lambda path: path.write_text(frame().to_csv(index=False).replace("3.0,", "\n\n3.0,")),
    ],
)
def test_a_text_file_changes_in_the_lines_of_the_labels_alone(
    tmp_path: Path, write: Callable[[Path], Any]
) -> None:
    path, output = tmp_path / "a.csv", tmp_path / "b.csv"
    write(path)
    before = path.read_bytes()
    assert read_labels(change(DataSource(train=str(path)), output)) == WANTED
    assert path.read_bytes() == before
    code = "utf-16" if before[:2] == b"\xff\xfe" else "utf-8"
    old, new = (list(rows(one.read_bytes().decode(code))) for one in (path, output))
    assert [a != b for a, b in zip(old, new, strict=True)] == [n in (2, 7) for n in range(9)]
    untouched = [a.split(b"\n")[0] for a in (before, output.read_bytes())]
    assert untouched[0] == untouched[1]


def rows(text: str) -> Any:
    separator = ";" if ";" in text.partition("\n")[0] else ","
    return filter(None, csv.reader(io.StringIO(text, newline=""), delimiter=separator))


def test_json_lines_keep_their_numbers_and_the_other_lines(tmp_path: Path) -> None:
    lines = [
        json.dumps({"text": f"nützlich {n}", "label": n % 3, "more": {"a": [1.50, n]}["a"]})
        for n in range(8)
    ]
    path, output = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    path.write_text("\n\n".join(lines), encoding="utf-8")
    source = DataSource(train=str(path), text="text")
    version = change(source, output, {"train": {1: "2", 6: "1"}})
    assert read_labels(version) == ["0", "2", "2", "0", "1", "2", "1", "1"]
    new = output.read_text(encoding="utf-8").split("\n\n")
    assert [a == b for a, b in zip(lines, new, strict=True)] == [n not in (1, 6) for n in range(8)]
    assert json.loads(new[6]) == {"text": "nützlich 6", "label": 1, "more": [1.5, 6]}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (pa.string(), WORDS),
        (pa.large_string(), WORDS),
        (pa.dictionary(pa.int8(), pa.string()), WORDS),
        (pa.int16(), [3, 5, 9, 3, 5, 9, 3, 5]),
        (pa.float32(), [9.0, 5.0, None, 3.0, 5.0, 9.0, 3.0, 5.0]),
        (pa.bool_(), [True, False] * 4),
    ],
)
def test_a_parquet_file_keeps_schema_groups_and_all_other_cells(tmp_path, kind, words) -> None:
    table = pa.Table.from_pandas(frame()).set_column(2, "label", pa.array(words, kind))
    path, output = tmp_path / "a.parquet", tmp_path / "b.parquet"
    pq.write_table(table, path, row_group_size=3, compression="zstd")
    source = DataSource(train=str(path))
    names = read_source(source).class_names
    changes = {"train": {1: names[0], 6: names[1]}}
    version = change(source, output, changes)
    before, after = pq.read_table(path), pq.read_table(output)
    assert after.schema.equals(before.schema, check_metadata=True)
    assert before.drop_columns("label") == after.drop_columns("label")
    wanted = read_labels(source)
    wanted[1], wanted[6] = names[0], names[1]
    assert read_labels(version) == wanted
    described = [pq.ParquetFile(one).metadata for one in (path, output)]
    assert [one.num_row_groups for one in described] == [3, 3]
    assert described[1].row_group(0).column(0).compression == "ZSTD"


def test_a_split_column_and_missing_labels_count_as_rows(tmp_path: Path) -> None:
    labels = [None, "cat", "dog", "owl", "cat", "dog", "owl", "cat"]
    splits = ["train", "test", "train", "train", "validation", "train", "train", "train"]
    path = tmp_path / "a.csv"
    table = frame(label=labels, split=splits)
    pd.concat([table, frame(label=WORDS, split="train", id=range(8))]).to_csv(path, index=False)
    source = DataSource(train=str(path))
    changes = {"train": {1: "owl"}, "validation": {0: "dog"}}
    version = change(source, tmp_path / "b.csv", changes)
    old, new = (pd.read_csv(one, dtype=str) for one in (path, tmp_path / "b.csv"))
    differs = (old != new) & ~(old.isna() & new.isna())
    assert np.argwhere(differs.to_numpy()).tolist() == [[2, 2], [4, 2]]
    assert read_labels(version, "validation") == ["dog"]


@pytest.mark.parametrize(
    ("labels", "others"),
    [
        (np.array(WORDS), {}),
        (np.array(WORDS).astype("S"), {}),
        (np.array([0, 1, 2, 0, 1, 2, 0, 1], np.uint8), {"class_names": np.array(WORDS[:3])}),
        (np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1, 2, 0, 1]], {"class_names": WORDS[:3]}),
        (np.array([[0], [1], [2], [0], [1], [2], [0], [1]]), {"class_names": WORDS[:3]}),
    ],
)
def test_an_npz_file_keeps_its_arrays_and_the_form_of_its_labels(tmp_path, labels, others) -> None:
    path, output = tmp_path / "a.npz", tmp_path / "b.npz"
    np.savez(path, y_train=labels, x_train=FEATURES, x_val=FEATURES + 9, **others, y_val=labels)
    source = DataSource(train=str(path))
    version = change(source, output, {"train": NEW, "validation": {0: "owl"}})
    with np.load(path) as before, np.load(output) as after:
        assert before.files == after.files
        for name in before.files:
            assert (before[name].dtype, before[name].shape) == (
                after[name].dtype,
                after[name].shape,
            )
            if not name.startswith("y_"):
                np.testing.assert_array_equal(before[name], after[name])
    assert read_labels(version) == WANTED
    assert read_labels(version, "validation")[:2] == ["owl", "dog"]


@pytest.mark.parametrize("ending", ["npy", "csv"])
def test_of_an_npy_file_the_labels_beside_it_are_written(tmp_path: Path, ending: str) -> None:
    np.save(tmp_path / "features.npy", FEATURES)
    labels = tmp_path / f"labels.{ending}"
    if ending == "npy":
        np.save(labels, np.array(WORDS))
    else:  # in another order, which `task` says
        table = pd.DataFrame({"task": range(8), "label": WORDS})
        table.iloc[::-1].to_csv(labels, index=False)
    source = DataSource(train=str(tmp_path / "features.npy"))
    version = change(source, tmp_path / f"new.{ending}")
    assert read_labels(version) == WANTED
    assert version.labels == str(tmp_path / f"new.{ending}")
    assert version.train == source.train


def test_a_validation_file_of_its_own_gets_a_file_of_its_own(tmp_path: Path) -> None:
    frame().to_csv(tmp_path / "a.csv", index=False)
    frame(id=range(10, 18)).to_csv(tmp_path / "v.csv", index=False)
    source = DataSource(train=str(tmp_path / "a.csv"), validation=str(tmp_path / "v.csv"))
    changes = {"train": NEW, "validation": {0: "owl"}}
    version = change(source, tmp_path / "b.csv", changes)
    assert version.validation == str(tmp_path / "b_validation.csv")
    assert read_labels(version, "validation")[:2] == ["owl", "dog"]


def draw(path: Path, shade: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((4, 4), shade, np.uint8)).save(path)


def test_folders_of_pictures_become_a_table_that_names_them(tmp_path: Path) -> None:
    for number, word in enumerate(WORDS):
        draw(tmp_path / "photos/train" / word / "same name.png", number)  # the last one stays
        draw(tmp_path / "photos/train" / word / f"{number}.png", 10 + number)
        draw(tmp_path / "photos/test" / word / f"{number}.png", 20 + number)
    source = DataSource(train=str(tmp_path / "photos"))
    before = read_source(source)
    version, written = write_version(before, source, {"train": {0: "owl"}}, tmp_path / "v2.csv")
    after = read_source(version)
    assert written == [tmp_path / "v2.csv"]
    assert after.train.labels.tolist() == ["owl", *before.train.labels[1:]]
    assert after.train.ids.tolist() == before.train.ids.tolist()
    assert after.train.inputs.tolist() == before.train.inputs.tolist()
    assert after.test.labels.tolist() == before.test.labels.tolist()
    with pytest.raises(UserError, match=r"must end in \.csv"):
        write_version(before, source, {}, tmp_path / "photos2")


def test_a_table_of_pictures_must_stay_beside_them(tmp_path: Path) -> None:
    names = [f"images/{number}.png" for number in range(8)]
    for number, name in enumerate(names):
        draw(tmp_path / "photos" / name, number)
    metadata = tmp_path / "photos" / "metadata.csv"
    pd.DataFrame({"file_name": names, "label": WORDS}).to_csv(metadata, index=False)
    source = DataSource(train=str(tmp_path / "photos"))
    with pytest.raises(UserError, match=r"photos/v2\.csv"):
        change(source, tmp_path / "v2.csv")
    version = change(source, tmp_path / "photos/v2.csv")
    assert read_labels(version) == WANTED
    plans = [plan_dataset(read_source(one), one, val_fraction=0.1) for one in (source, version)]
    assert np.array_equal(*(plan.encoding.digests for plan in plans))


def test_a_folder_that_datasets_saved_is_copied_with_other_labels(tmp_path: Path) -> None:
    features = {"label": {"_type": "ClassLabel", "names": ["cat", "dog", "owl"]}}
    about = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    numbers = [0, 1, 2, 0, 1, 2, 0, 1]
    saved = tmp_path / "saved"
    for split in ("train", "test"):
        table = pa.table({"text": [f"{split} {n}" for n in range(8)], "label": numbers})
        table = table.replace_schema_metadata(about)
        folder = saved / split
        folder.mkdir(parents=True)
        for number, part in enumerate((table.slice(0, 4), table.slice(4))):
            with (
                pa.OSFile(str(folder / f"data-{number}.arrow"), "wb") as sink,
                pa.ipc.new_stream(sink, table.schema) as writer,
            ):
                writer.write_table(part)
        files = [{"filename": f"data-{number}.arrow"} for number in range(2)]
        state = {"_data_files": files, "_fingerprint": "old"}
        (folder / "state.json").write_text(json.dumps(state))
    (saved / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "test"]}))
    version = change(DataSource(train=str(saved)), tmp_path / "v2")
    assert read_labels(version) == WANTED
    assert read_labels(version, "test") == WORDS
    assert json.loads((tmp_path / "v2/train/state.json").read_text())["_fingerprint"] != "old"
    with pa.memory_map(str(tmp_path / "v2/train/data-1.arrow")) as file:
        table = pa.ipc.open_stream(file).read_all()
    assert table.schema.metadata == about
    assert table["text"].to_pylist() == [f"train {n}" for n in range(4, 8)]


def test_nothing_is_overwritten_and_no_half_version_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    frame().to_csv(path, index=False)
    source = DataSource(train=str(path))
    before = path.read_bytes()
    for output, fault in ((path, "already"), (tmp_path / "no/b.csv", "not a folder")):
        with pytest.raises(UserError, match=fault):
            change(source, output)
    with pytest.raises(ValueError, match="no such word"):
        change(source, tmp_path / "b.csv", {"train": Breaking({1: "owl"})})
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["a.csv"]


class Breaking(dict[int, str]):
    """Changes that fail while they are written."""

    def items(self) -> Any:
        raise ValueError("no such word")
