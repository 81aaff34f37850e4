import dataclasses
import pickle

import numpy as np
import pytest

from tune_noise.data import Dataset


@pytest.fixture
def dataset() -> Dataset:
    images = np.arange(4 * 3 * 2 * 5, dtype=np.uint8).reshape(4, 3, 2, 5)
    labels = np.array([0, 1, 0, 1])
    return Dataset("small", images, labels, labels, images[:2], labels[:2], 2)


def test_image_shape_is_channels_height_width(dataset):
    assert dataset.input_shape == (3, 2, 5)


def test_the_fingerprint_depends_on_content_and_not_on_the_name_or_the_process(dataset):
    renamed = dataclasses.replace(dataset, name="other")
    assert dataset.fingerprint == renamed.fingerprint
    assert pickle.loads(pickle.dumps(dataset)).fingerprint == dataset.fingerprint
    assert len(dataset.fingerprint) == 16


@pytest.mark.parametrize("field", ["train_inputs", "train_labels", "true_labels", "test_inputs"])
def test_one_changed_value_changes_the_fingerprint(dataset, field):
    changed = getattr(dataset, field).copy()
    changed.flat[0] ^= 1
    assert dataclasses.replace(dataset, **{field: changed}).fingerprint != dataset.fingerprint


def test_the_same_labels_in_another_role_change_the_fingerprint(dataset):
    unknown_truth = dataclasses.replace(dataset, true_labels=None)
    assert unknown_truth.fingerprint != dataset.fingerprint


def test_no_reader_can_change_the_arrays(dataset):
    with pytest.raises(ValueError, match="read-only"):
        dataset.train_labels[0] = 1


def test_extras_are_part_of_the_content(dataset):
    labels, other = np.array([1, 0, 0, 1]), np.array([1, 1, 0, 1])
    enriched = dataclasses.replace(dataset, extras={"labels/worse": labels})
    assert enriched.fingerprint != dataset.fingerprint
    same = dataclasses.replace(dataset, extras={"labels/worse": labels.copy()})
    assert same.fingerprint == enriched.fingerprint
    changed = dataclasses.replace(dataset, extras={"labels/worse": other})
    renamed = dataclasses.replace(dataset, extras={"labels/random1": labels})
    assert len({d.fingerprint for d in (dataset, enriched, changed, renamed)}) == 4
    both = {"a": labels, "b": other}
    turned = dict(reversed(both.items()))
    first, second = (dataclasses.replace(dataset, extras=e) for e in (both, turned))
    assert first.fingerprint == second.fingerprint
    assert pickle.loads(pickle.dumps(first)).fingerprint == first.fingerprint
    with pytest.raises(ValueError, match="read-only"):
        enriched.extras["labels/worse"][0] = 0
