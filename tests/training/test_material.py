import dataclasses

import numpy as np
import pytest

from tune_noise.config.trial import TrialConfig
from tune_noise.data import load_dataset
from tune_noise.errors import ConfigError, DataError
from tune_noise.noise import realised_noise_rate, symmetric
from tune_noise.training import Trial, with_material
from tune_noise.training.known_noise import noisy_labels


def config_of(noise, **fields):
    return TrialConfig(noise=noise, **fields)


def test_noise_that_needs_nothing_leaves_the_data_set_as_it_is(digits):
    configs = [config_of("symmetric"), config_of("dilution"), config_of("instance")]
    assert with_material(digits, configs) is digits


def test_each_condition_gets_what_it_needs_and_shares_the_rest(digits, tmp_path):
    np.savetxt(tmp_path / "T.csv", symmetric(10, 0.2), delimiter=",")
    path = str(tmp_path / "T.csv")
    configs = [
        config_of("structured"),
        config_of("structured", confusion_order="reverse"),
        config_of("foreign", alpha=1),
        config_of("foreign", alpha=3),
        config_of("matrix", transition_file=path),
    ]
    found = with_material(digits, configs)
    assert set(found.extras) == {"order/confusing", "images/white", f"matrix/{path}"}
    # White noise for the largest alpha, in the images' shape.
    assert found.extras["images/white"].shape == (3 * 1257, 1, 8, 8)
    assert found.train_inputs is digits.train_inputs
    assert found.fingerprint != digits.fingerprint
    assert dict(digits.extras) == {}
    # In another order, and beside what is there already, it is the same.
    again = with_material(with_material(digits, configs[:1]), configs[::-1])
    assert again.fingerprint == found.fingerprint


def test_the_classifier_is_trained_once_for_a_data_set(digits, monkeypatch):
    with_material(digits, [config_of("structured")])
    monkeypatch.setattr("tune_noise.data.confusion.confusion_order", None)
    copy = dataclasses.replace(digits, name="copy")
    assert "order/confusing" in with_material(copy, [config_of("structured")]).extras


def test_the_order_is_found_with_the_true_labels(digits, monkeypatch):
    monkeypatch.setattr("tune_noise.data.confusion._ORDERS", {})
    right = with_material(digits, [config_of("structured")]).extras["order/confusing"]
    shuffled = np.random.default_rng(0).permutation(digits.train_labels)
    noisy = dataclasses.replace(digits, train_labels=shuffled)
    found = with_material(noisy, [config_of("structured")]).extras["order/confusing"]
    np.testing.assert_array_equal(found, right)


def test_images_of_a_file_are_made_to_fit(digits, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (50, 20, 30, 3), dtype=np.uint8)
    path = str(tmp_path / "other.npz")
    np.savez(path, images=images, labels=np.arange(50) % 2)
    config = config_of("foreign", alpha=2, foreign_source=path)
    assert with_material(digits, [config]).extras[f"images/{path}"].shape == (50, 1, 8, 8)


def test_all_that_is_wrong_is_said_at_once(digits, tmp_path):
    (tmp_path / "T.csv").write_text("1\n")
    configs = [
        config_of("matrix", transition_file=str(tmp_path / "T.csv")),
        config_of("matrix", transition_file=str(tmp_path / "absent.csv")),
        config_of("human", human_file=str(tmp_path / "absent.pt")),
        config_of("foreign", foreign_source="cifra10"),
        config_of("foreign", foreign_source=str(tmp_path / "absent.npz")),
    ]
    with pytest.raises(ConfigError) as caught:
        with_material(digits, configs)
    assert [p.place for p in caught.value.problems] == [
        "transition_file",
        "transition_file",
        "human_file",
        "foreign_source",
        "foreign_source",
    ]
    text = str(caught.value)
    for words in (
        "has 1 rows, and the data set has 10 classes",
        "absent.csv is not a file",
        "absent.pt is not a file",
        "neither white nor own, and 'cifra10' is neither a known name",
        "absent.npz' does not exist",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"noise": "structured"}, "confusion_order"),
        ({"noise": "foreign"}, "foreign_source"),
        ({"noise": "matrix", "transition_file": "T.csv"}, "transition_file"),
        ({"noise": "human", "human_file": "h.pt"}, "human_file"),
    ],
)
def test_a_trial_without_its_material_says_how_to_get_it(digits, fields, place):
    with pytest.raises(ConfigError, match=r"load it with training\.with_material") as caught:
        Trial([TrialConfig(**fields)], digits)
    assert [problem.place for problem in caught.value.problems] == [place]


def test_human_labels_are_those_of_the_file_whatever_the_seed(digits, tmp_path):
    clean = digits.train_labels
    worse = np.where(np.arange(len(clean)) % 3 == 0, (clean + 1) % 10, clean)
    path = str(tmp_path / "human.npz")
    np.savez(path, clean_label=clean, worse_label=worse, random_label2=clean)
    configs = [
        config_of("human", human_file=path),
        config_of("human", human_file=path, noise_seed=9),
        config_of("human", human_file=path, human_labels="random2"),
    ]
    found = with_material(digits, configs)
    first, other_seed, other_set = (noisy_labels(found, config) for config in configs)
    np.testing.assert_array_equal(first[:, 0], worse)
    np.testing.assert_array_equal(first, other_seed)
    np.testing.assert_array_equal(other_set[:, 0], clean)
    assert realised_noise_rate(first, clean) == pytest.approx(1 / 3, abs=1e-3)


def test_human_labels_of_another_data_set_are_refused(digits, tmp_path):
    clean = digits.train_labels.copy()
    clean[5] = (clean[5] + 1) % 10
    np.savez(tmp_path / "human.npz", clean_label=clean, worse_label=clean)
    config = config_of("human", human_file=str(tmp_path / "human.npz"))
    with pytest.raises(ConfigError, match="in 1 examples, first in example 5"):
        with_material(digits, [config])


def test_a_foreign_set_that_is_not_there_is_one_problem(digits, tmp_path, monkeypatch):
    def absent(name, *, data_dir):
        raise DataError(f"{name} is not in {data_dir}")

    monkeypatch.setattr("tune_noise.data.foreign_images.load_dataset", absent)
    config = config_of("foreign", foreign_source="kmnist")
    with pytest.raises(ConfigError, match=f"foreign_source  kmnist is not in {tmp_path}"):
        with_material(digits, [config], data_dir=tmp_path)


def test_a_registered_set_may_lend_its_images(digits):
    # Digits themselves, under the name that they are registered by, for a data set of another name.
    other = dataclasses.replace(load_dataset("digits"), name="mine.npz")
    config = config_of("foreign", alpha=1, foreign_source="digits")
    found = with_material(other, [config]).extras["images/digits"]
    assert sorted(map(bytes, found)) == sorted(map(bytes, digits.train_inputs))
