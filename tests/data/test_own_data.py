from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tune_noise.config.data_source import DataSource
from tune_noise.config.trial import TrialConfig
from tune_noise.data import rows
from tune_noise.data.duplicates import count_duplicates
from tune_noise.data.encoders.stored import load_encoder, save_encoder
from tune_noise.data.own_data import make_dataset
from tune_noise.data.sources.raw import RawData, RawSplit
from tune_noise.errors import DataError
from tune_noise.training.labelled_data import example_split

SOURCE = DataSource(train="data.csv")


def words(*names):
    return np.array(names, dtype=object)


def features(count, *, start=0):
    return np.arange(start, start + 3 * count, dtype=np.float32).reshape(count, 3)


@pytest.fixture
def raw():
    train = RawSplit(features(6), words("b", "a", "b", "a", "b", "a"), ids=np.array(list("uvwxyz")))
    test = RawSplit(features(2, start=90), words("a", "b"), ids=np.array(["s", "t"]))
    return RawData("data.csv", "features", train=train, test=test, class_names=("a", "b"))


def made(raw, val_fraction=0.34):
    return make_dataset(raw, SOURCE, val_fraction=val_fraction)


def with_labels(raw, *labels, **more):
    return replace(raw, train=replace(raw.train, labels=words(*labels), **more))


def test_words_become_class_numbers_and_arrays_are_not_copied(raw):
    dataset = made(raw)
    assert dataset.train_labels.tolist() == [1, 0, 1, 0, 1, 0]
    assert dataset.test_labels.tolist() == [0, 1]
    assert (dataset.num_classes, dataset.class_names) == (2, ("a", "b"))
    assert np.shares_memory(dataset.train_inputs, raw.train.inputs)
    assert np.shares_memory(dataset.test_inputs, raw.test.inputs)
    assert dataset.train_ids.tolist() == list("uvwxyz")
    assert dataset.true_labels is None
    assert dataset.num_validation is None


def test_examples_without_a_label_are_kept_apart_with_their_ids(raw):
    raw = with_labels(raw, "b", None, "b", "a", None, "a")
    test = replace(raw.test, labels=words(None, "b"))
    dataset = made(replace(raw, test=test))
    assert dataset.train_ids.tolist() == ["u", "w", "x", "z"]
    assert dataset.unlabelled_ids.tolist() == ["v", "y", "s"]
    assert dataset.unlabelled_inputs[:, 0].tolist() == [3.0, 12.0, 90.0]
    assert dataset.test_ids.tolist() == ["t"]


@pytest.mark.parametrize("large", [0, 2**30])
def test_large_inputs_with_gaps_and_a_validation_split_are_mapped_and_not_copied(
    raw, tmp_path, monkeypatch, large
):
    monkeypatch.setattr(rows, "_LARGE_BYTES", large)
    monkeypatch.setattr(rows, "_BLOCK_ROWS", 2)
    validation = RawSplit(features(3, start=50), words("b", None, "a"), ids=words(*"pqr"))
    raw = replace(with_labels(raw, "b", None, "b", "a", None, "a"), validation=validation)
    dataset = make_dataset(raw, SOURCE, val_fraction=0.2, cache_dir=tmp_path)
    assert dataset.train_inputs[:, 0].tolist() == [0.0, 6.0, 9.0, 15.0, 50.0, 56.0]
    assert dataset.unlabelled_inputs[:, 0].tolist() == [3.0, 12.0, 53.0]
    assert isinstance(dataset.train_inputs.base, np.memmap) == (large == 0)
    assert np.shares_memory(dataset.test_inputs, raw.test.inputs)
    assert list(tmp_path.iterdir()) == []


def test_without_ids_an_example_is_told_by_its_place_in_the_file(raw):
    train = replace(raw.train, ids=None)
    raw = replace(raw, train=train, test=replace(raw.test, ids=None))
    assert made(raw).train_ids is None
    dataset = made(with_labels(raw, "b", None, "b", "a", None, "a"))
    assert dataset.train_ids.tolist() == ["0", "2", "3", "5"]
    assert dataset.unlabelled_ids.tolist() == ["1", "4"]
    assert dataset.test_ids.tolist() == ["0", "1"]


def test_a_test_split_without_labels_is_predicted_at_the_end(raw):
    dataset = made(replace(raw, test=replace(raw.test, labels=None)))
    assert dataset.test_inputs is None
    assert dataset.unlabelled_ids.tolist() == ["s", "t"]


def test_a_given_validation_split_stands_last(raw):
    validation = RawSplit(features(2, start=50), words("b", "a"), ids=np.array(["p", "q"]))
    dataset = made(replace(raw, validation=validation))
    assert dataset.num_validation == 2
    assert dataset.train_labels.tolist() == [1, 0, 1, 0, 1, 0, 1, 0]
    assert dataset.train_ids.tolist() == [*"uvwxyz", "p", "q"]
    assert dataset.train_inputs[-2:, 0].tolist() == [50.0, 53.0]


def test_true_labels_count_where_all_are_known_and_test_labels_are_the_true_ones(raw):
    truth = words("a", "a", "b", "a", "b", "a")
    known = with_labels(raw, *raw.train.labels, true_labels=truth)
    test = replace(raw.test, true_labels=words("b", "b"))
    dataset = made(replace(known, test=test))
    assert dataset.true_labels.tolist() == [0, 0, 1, 0, 1, 0]
    assert dataset.test_labels.tolist() == [1, 1]
    truth[3] = None
    dataset = made(known)
    assert dataset.true_labels is None
    assert "1 of 6 training examples have no true label" in dataset.warnings[0]


def test_a_validation_class_that_the_majority_leaves_out_of_training_is_refused(raw):
    raw = replace(
        raw,
        train=replace(raw.train, labels=None),
        validation=RawSplit(features(2, start=60), words("a", "b"), ids=np.array(["p", "q"])),
        answers=np.array([[0, 0, 1]] * 6),
        annotators=np.array(["ann", "bob", "cy"]),
    )
    with pytest.raises(DataError, match="classes without a training example: 'b'"):
        made(raw)


def test_several_annotators_label_by_majority_and_validation_labels_are_one_more(raw):
    answers = np.array([[1, 1, 0], [0, -1, -1], [-1] * 3, [0, 1, 1], [-1, 0, 0], [1, -1, -1]])
    validation = RawSplit(features(2, start=60), words("a", None), ids=np.array(["p", "q"]))
    dataset = made(
        replace(
            raw,
            train=replace(raw.train, labels=None),
            validation=validation,
            answers=answers,
            annotators=np.array(["ann", "bob", "cy"]),
        )
    )
    assert dataset.train_ids.tolist() == ["u", "v", "x", "y", "z", "p"]
    assert dataset.train_labels.tolist() == [1, 0, 1, 0, 1, 0]
    assert dataset.num_validation == 1
    assert dataset.unlabelled_ids.tolist() == ["w", "q"]
    assert dataset.annotators == ("ann", "bob", "cy", "validation labels")
    kept = [0, 1, 3, 4, 5]
    assert dataset.answers.tolist() == [[*answers[i], -1] for i in kept] + [[-1, -1, -1, 0]]


@pytest.fixture
def texts():
    """Thirty texts in two classes, two of them equal with different labels."""
    train = words(*(f"{'ab'[n % 2] * 3} word{n} common{n % 4}" for n in range(30)))
    train[7] = train[2]
    labels = words(*("ab"[n % 2] for n in range(30)))
    return RawData("texts.csv", "texts", RawSplit(train, labels), class_names=("a", "b"))


def encoded(raw, cache, *, encoder=None, val_fraction=0.2):
    source = DataSource(train="data.csv", encoder=encoder)
    return make_dataset(raw, source, val_fraction=val_fraction, cache_dir=cache)


def split_of(dataset, val_fraction=0.2):
    return example_split(dataset, TrialConfig(val_fraction=val_fraction))


def test_a_fitted_encoder_sees_the_training_part_of_the_trials_alone(texts, tmp_path):
    dataset = encoded(texts, tmp_path)
    train, val = split_of(dataset)
    changed = texts.train.inputs.copy()
    changed[val] = [f"else{n} else" for n in val]
    other = encoded(replace(texts, train=replace(texts.train, inputs=changed)), tmp_path)
    assert np.array_equal(split_of(other)[0], train)
    assert other.encoder_state[1] == dataset.encoder_state[1]
    assert np.array_equal(other.encoder_state[0]["idf"], dataset.encoder_state[0]["idf"])
    assert np.array_equal(other.train_inputs[train], dataset.train_inputs[train])
    assert other.fingerprint != dataset.fingerprint
    assert not any("else" in word for word in other.encoder_state[1]["words"])


def test_equal_raw_inputs_are_known_and_stay_on_one_side(texts, tmp_path):
    dataset = encoded(texts, tmp_path)
    assert dataset.input_of[7] == dataset.input_of[2] == 2
    assert dataset.num_inputs == 29
    for seeded in (0.2, 0.3, 0.5):
        train, _ = split_of(encoded(texts, tmp_path, val_fraction=seeded), seeded)
        assert (2 in train) == (7 in train)
    assert count_duplicates(dataset)["contradicted_inputs"] == 1


def test_the_fingerprint_tells_encoders_apart_and_not_their_rounding(texts, tmp_path):
    first = encoded(texts, tmp_path / "one")
    assert encoded(texts, tmp_path / "two").fingerprint == first.fingerprint
    rounded = replace(first, train_inputs=first.train_inputs + np.float32(1e-6))
    assert rounded.fingerprint == first.fingerprint
    others = [
        encoded(texts, tmp_path, encoder={"name": "tfidf", "dimensions": 4}),
        encoded(texts, tmp_path, encoder="tests.data.encoders.own_encoders:lengths"),
        encoded(replace(texts, train=replace(texts.train, labels=words(*"ab" * 15))), tmp_path),
    ]
    assert others[2].fingerprint == first.fingerprint
    assert len({one.fingerprint for one in others}) == 3


def test_all_splits_are_encoded_and_the_encoder_of_a_folder_does_it_again(texts, tmp_path):
    labels = texts.train.labels.copy()
    labels[[3, 4]] = None
    raw = replace(
        texts,
        train=replace(texts.train, labels=labels, ids=np.arange(30).astype(str)),
        validation=RawSplit(words("aaa word1", "bbb word2"), words("a", "b")),
        test=RawSplit(words("aaa word5", "bbb word6"), words("a", "b")),
    )
    dataset = encoded(raw, tmp_path)
    assert (dataset.num_validation, dataset.kind) == (2, "features")
    assert dataset.unlabelled_ids.tolist() == ["3", "4"]
    save_encoder(tmp_path, dataset.encoder, dataset.encoder_state)
    encode = load_encoder(tmp_path).encoder.encode
    labelled = np.delete(texts.train.inputs, [3, 4])
    assert np.array_equal(encode(labelled), dataset.train_inputs[:28])
    assert np.array_equal(encode(raw.validation.inputs), dataset.train_inputs[28:])
    assert np.array_equal(encode(raw.test.inputs), dataset.test_inputs)
    assert np.array_equal(encode(texts.train.inputs[[3, 4]]), dataset.unlabelled_inputs)
    assert dataset.shown[3] == "bbb word5 common1"


def test_what_people_are_shown_is_one_short_line(texts, tmp_path):
    train = texts.train.inputs.copy()
    train[0] = "first\nline " + "long " * 200
    table = pd.DataFrame({"age": [3.5, 4.0], "word": ["x", None]})
    raw = replace(texts, train=replace(texts.train, inputs=train))
    shown = encoded(raw, tmp_path).shown
    assert shown[0].startswith("first line long")
    assert shown[0].endswith("...")
    assert len(shown[0]) == 300
    rows = RawData("t", "table", RawSplit(table, words("a", "b")), class_names=("a", "b"))
    with pytest.raises(DataError, match="every training example equals"):
        encoded(replace(rows, validation=rows.train), tmp_path)
    rows = replace(rows, validation=RawSplit(table[:1].assign(age=9.0), words("a")))
    shown = encoded(rows, tmp_path).shown.tolist()
    assert shown[0] == "age=3.5, word=x"


@pytest.fixture
def photos(tmp_path):
    paths = []
    for n in range(20):
        paths.append(str(tmp_path / f"{n}.png"))
        Image.fromarray(np.full((8, 8, 3), 10 * n, np.uint8)).save(paths[-1])
    train = RawSplit(words(*paths), words(*"ab" * 10), ids=np.arange(20).astype(str))
    return RawData("photos", "photos", train, class_names=("a", "b"))


def test_photos_that_cannot_be_read_are_named_all_at_once_or_left_out_where_allowed(
    photos, tmp_path
):
    Path(photos.train.inputs[4]).write_bytes(b"no picture")
    content = Path(photos.train.inputs[9]).read_bytes()
    Path(photos.train.inputs[9]).write_bytes(content[:50])
    Path(photos.train.inputs[11]).unlink()
    small = {"name": "pixels", "size": 8}
    with pytest.raises(DataError) as caught:
        encoded(photos, tmp_path, encoder=small)
    text = str(caught.value)
    assert "3 of 20 pictures cannot be used" in text
    assert "--skip-unreadable" in text
    assert all(photos.train.inputs[n] in text for n in (4, 9, 11))
    source = DataSource(train="photos", encoder=small, skip_unreadable=True)
    dataset = make_dataset(photos, source, val_fraction=0.2, cache_dir=tmp_path)
    left = np.delete(np.arange(20), [4, 9, 11])
    assert dataset.train_ids.tolist() == left.astype(str).tolist()
    assert dataset.train_inputs[:, 0, 0, 0].tolist() == (10 * left).tolist()
    assert "3 pictures that cannot be read are left out" in dataset.warnings[0]
    assert dataset.shown[4] == photos.train.inputs[5]
