"""Folders: pictures in both of their forms, and what `datasets` saved."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from tests.support.sources import read, refusal, write
from tune_noise.data.sources.read import read_inputs

CLASSES = ("cat", "dog")


def pictures(folder: Path, count: int = 2) -> Path:
    """Class folders; their files are listed, never opened."""
    for name in CLASSES:
        for number in range(count):
            write(folder / name / f"{number}.PNG", b"")
    return folder


def test_class_folders_are_labels_and_what_systems_leave_is_passed_over(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "photos")
    for name in (".DS_Store", "cat/Thumbs.db", "dog/.hidden.png", "__MACOSX/x.png"):
        write(folder / name, b"")
    write(folder / "cat" / "readme.txt", b"")
    (folder / "bird").mkdir()
    raw = read(folder)
    assert raw.kind == "photos"
    assert raw.train.ids is not None
    assert raw.train.ids.tolist() == ["cat/0.PNG", "cat/1.PNG", "dog/0.PNG", "dog/1.PNG"]
    assert raw.train.labels is not None
    assert raw.train.labels.tolist() == ["cat", "cat", "dog", "dog"]
    assert raw.reading == ("files that are not pictures are left out: 'readme.txt'",)
    assert raw.warnings == (f"class folders without a picture: 'bird' in {folder}",)


def test_folders_of_splits_are_splits(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        pictures(tmp_path / "photos" / split)
    raw = read(tmp_path / "photos")
    assert (len(raw.train), len(raw.validation or ()), len(raw.test or ())) == (4, 4, 4)
    raw = read(tmp_path / "photos" / "train", test=tmp_path / "photos" / "test")
    assert (len(raw.train), len(raw.test or ())) == (4, 4)


@pytest.mark.parametrize("split", ["", "train"])
def test_a_table_of_metadata_names_files(tmp_path: Path, split: str) -> None:
    folder = pictures(tmp_path / "photos" / split)
    lines = ["file_name,label,true_label", "cat/0.PNG,cat,dog", "dog/1.PNG,dog,dog"]
    lines += ["cat/1.PNG,cat,cat", "dog/0.PNG,dog,dog"]
    write(folder / "metadata.csv", "\n".join(lines))
    raw = read(tmp_path / "photos")
    assert raw.train.ids is not None
    assert raw.train.ids.tolist() == ["cat/0.PNG", "dog/1.PNG", "cat/1.PNG", "dog/0.PNG"]
    assert raw.train.inputs.tolist() == [  # type: ignore[union-attr]
        str(folder / name) for name in raw.train.ids
    ]
    (folder / "cat" / "0.PNG").unlink()
    assert "names 1 pictures that are not in" in refusal(tmp_path / "photos")


def test_new_pictures_have_labels_only_in_folders_of_classes(tmp_path: Path) -> None:
    raw = read(pictures(tmp_path / "photos"))
    assert raw.form is not None
    again = read_inputs(tmp_path / "photos", like=raw.form, class_names=raw.class_names)
    assert again.labels is not None
    assert again.labels.tolist() == ["cat", "cat", "dog", "dog"]
    flat = write(tmp_path / "new" / "a.jpg", b"").parent
    assert read_inputs(flat, like=raw.form, class_names=raw.class_names).labels is None
    write(tmp_path / "dated" / "monday" / "a.jpg", b"")
    assert read_inputs(tmp_path / "dated", like=raw.form, class_names=CLASSES).labels is None


def test_folders_that_could_be_read_in_two_ways_are_refused(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "a")
    write(folder / "train" / "x.png", b"")
    assert "could be splits or classes beside" in refusal(folder)
    folder = pictures(tmp_path / "b")
    write(folder / "loose.png", b"")
    assert "has pictures beside the class folders: 'loose.png'" in refusal(folder)
    folder = pictures(tmp_path / "c")
    write(folder / "cat" / "indoor" / "x.png", b"")
    assert "could be classes of their own: 'cat/indoor'" in refusal(folder)
    table = write(tmp_path / "d" / "mine.csv", "a,label\n1,x\n")
    assert f"holds no pictures (.bmp .gif .jpeg .jpg .pbm .pgm .png .ppm .tif .tiff .webp); did you mean {table}?" in refusal(table.parent)  # fmt: skip  # noqa: E501


def test_what_datasets_saved_is_read_with_the_words_of_its_classes(tmp_path: Path) -> None:
    label = {"names": ["no", "yes"], "_type": "ClassLabel"}
    described = json.dumps({"info": {"features": {"label": label}}}).encode()
    for split in ("train", "test"):
        table = pa.table({"size": [1.0, 2.0, 3.0, 4.0, 5.0], "label": [0, 1, 0, 1, -1]})
        table = table.replace_schema_metadata({b"huggingface": described})
        state = {"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}
        write(tmp_path / "saved" / split / "state.json", json.dumps(state))
        path = tmp_path / "saved" / split / "data-00000-of-00001.arrow"
        with pa.ipc.new_stream(str(path), table.schema) as writer:
            writer.write_table(table)
    write(tmp_path / "saved" / "dataset_dict.json", json.dumps({"splits": ["train", "test"]}))
    raw = read(tmp_path / "saved")
    assert raw.class_names == ("no", "yes")
    assert raw.train.labels is not None
    assert raw.train.labels.tolist() == ["no", "yes", "no", "yes", None]
    assert raw.test is not None
