"""The promises of every kind of noise; a new kind needs a line in CASES."""

from typing import Any, NamedTuple

import numpy as np
import pytest

from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.declaration import import_object
from tune_noise.noise import NoiseFacts, realised_noise_rate
from tune_noise.noise.kinds import NOISES
from tune_noise.training import with_material
from tune_noise.training.known_noise import known_matrix, noise_of, noisy_labels

CLEAN = np.arange(6000, dtype=np.int64) * 7 % 10
# A matrix of one's own whose rows differ: class i keeps 90 - 5 i % of its labels.
KEPT = 0.9 - 0.05 * np.arange(10)
MATRIX = (
    np.diag(KEPT) + np.roll(np.diag((1 - KEPT) / 2), 1, 1) + np.roll(np.diag((1 - KEPT) / 2), 3, 1)
)
HUMAN = np.where(np.arange(6000) % 4 == 0, (CLEAN + 1) % 10, CLEAN)


class Noise(NamedTuple):
    """A line of the contract.

    fields of the configuration; expected share of wrong labels; share of labels that are drawn at
    all (0: they are fixed).
    """

    kind: str
    fields: dict[str, Any]
    rate: float
    drawn: float

    @property
    def config(self) -> TrialConfig:
        return TrialConfig.model_validate({"noise": self.kind, **self.fields})


REVERSE, RANDOM = {"confusion_order": "reverse"}, {"confusion_order": "random"}
CASES = [
    Noise("dilution", {"alpha": 0}, 0.0, 0.0),
    Noise("dilution", {"alpha": 5}, 5 / 6 * 0.9, 5 / 6),
    Noise("dilution", {"alpha": 100}, 100 / 101 * 0.9, 100 / 101),
    # As under dilution: delta moves wrong labels among themselves.
    Noise("structured", {"alpha": 0, "delta": 0.0}, 0.0, 0.0),
    Noise("structured", {"alpha": 5, "delta": 0.0}, 5 / 6 * 0.9, 5 / 6),
    Noise("structured", {"alpha": 5, "delta": 0.5}, 5 / 6 * 0.9, 5 / 6),
    Noise("structured", {"alpha": 20, "delta": 1.0, **REVERSE}, 20 / 21 * 0.9, 20 / 21),
    Noise("structured", {"alpha": 10, "delta": 1.0, **RANDOM}, 10 / 11 * 0.9, 10 / 11),
    Noise("foreign", {"alpha": 0}, 0.0, 0.0),
    Noise("foreign", {"alpha": 3}, 3 / 4 * 0.9, 3 / 4),
    Noise("foreign", {"alpha": 3, "foreign_source": "own"}, 3 / 4 * 0.9, 3 / 4),
    Noise("symmetric", {"noise_rate": 0.0}, 0.0, 0.0),
    Noise("symmetric", {"noise_rate": 0.5}, 0.5, 1.0),
    Noise("pair_flip", {"noise_rate": 0.0}, 0.0, 0.0),
    Noise("pair_flip", {"noise_rate": 0.45}, 0.45, 1.0),
    # Five of ten classes of equal size are flipped.
    Noise("asymmetric", {"noise_rate": 0.0}, 0.0, 0.0),
    Noise("asymmetric", {"noise_rate": 0.4}, 0.4 * 5 / 10, 1.0),
    Noise("asymmetric", {"noise_rate": 0.4, "class_map": "0>9"}, 0.4 * 1 / 10, 1.0),
    Noise("matrix", {"transition_file": "T.csv"}, 1 - KEPT.mean(), 1.0),
    Noise("instance", {"noise_rate": 0.0}, 0.0, 0.0),
    # Four standard deviations from 0, so that truncation does not move the mean.
    Noise("instance", {"noise_rate": 0.4}, 0.4, 1.0),
    Noise("human", {"human_file": "human.npz"}, 0.25, 0.0),
    Noise("given", {}, 0.0, 0.0),
]  # fmt: skip
all_noises = pytest.mark.parametrize("noise", CASES, ids=str)


@pytest.fixture(scope="module", autouse=True)
def _in_a_folder_with_files(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("noise")
    np.savetxt(folder / "T.csv", MATRIX, delimiter=",")
    np.savez(folder / "human.npz", clean_label=CLEAN, worse_label=HUMAN)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield


@pytest.fixture(scope="module")
def dataset(_in_a_folder_with_files: None) -> Dataset:
    """6,000 images whose pixels have nothing to do with their class."""
    images = np.random.default_rng(0).integers(0, 256, (len(CLEAN), 1, 4, 4), dtype=np.uint8)
    bare = Dataset("digits", images, CLEAN.copy(), None, None, None, 10)
    return with_material(bare, [noise.config for noise in CASES])


def draw(noise: Noise, dataset: Dataset, *, seed: int = 0) -> np.ndarray:
    return noisy_labels(dataset, noise.config.model_copy(update={"noise_seed": seed}))


def draw_for(noise: Noise, dataset: Dataset, clean: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """For other labels of the first images."""
    labels = {k: v[: len(clean)] for k, v in dataset.extras.items() if k.startswith("labels/")}
    facts = NoiseFacts(
        num_classes=10,
        inputs=dataset.train_inputs[: len(clean)],
        extras={**dataset.extras, **labels},
    )
    return noise_of(noise.config).draw(clean, facts, np.random.default_rng(seed))


def test_the_contract_covers_every_noise():
    assert {noise.kind for noise in CASES} == set(NOISES)


@all_noises
def test_labels_are_classes_one_row_for_each_image(noise, dataset):
    noisy = draw(noise, dataset)
    assert noisy.dtype == np.int64
    assert noisy.shape == (len(CLEAN), noise.config.labels_per_image)
    assert noisy.min() >= 0
    assert noisy.max() <= 9


@all_noises
def test_the_realised_rate_is_the_requested_one_within_binomial_error(noise, dataset):
    noisy = draw(noise, dataset)
    probability = noise.rate / noise.drawn if noise.drawn else 0.0
    draws = max(1.0, noise.drawn * noisy.size)
    error = noise.drawn * np.sqrt(probability * (1 - probability) / draws)
    assert abs(realised_noise_rate(noisy, CLEAN) - noise.rate) <= 5 * error


@all_noises
def test_every_cell_of_the_known_matrix_is_met_within_binomial_error(noise, dataset):
    matrix = known_matrix(noise.config, 10, dataset.extras)
    if matrix is None:
        assert not NOISES[noise.kind].class_conditional
        return
    assert matrix.dtype == np.float64
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0, rtol=1e-12)
    assert 1 - np.diag(matrix).mean() == pytest.approx(noise.rate)
    noisy = draw(noise, dataset)
    counts = np.zeros((10, 10))
    np.add.at(counts, (np.repeat(CLEAN, noisy.shape[1]), noisy.ravel()), 1)
    total = noisy.size / 10
    # The clean label that is among them is not drawn: the error is smaller, never larger.
    error = np.sqrt(matrix * (1 - matrix) / total)
    assert np.all(np.abs(counts / total - matrix) <= 5 * error + 1e-12)


@all_noises
def test_the_seed_fixes_every_label_and_another_seed_draws_others(noise, dataset):
    first, again, other = (draw(noise, dataset, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert np.array_equal(first, other) == (noise.drawn == 0.0 or noise.rate == 0.0)


@all_noises
def test_no_noise_leaves_labels_clean(noise, dataset):
    assert np.array_equal(draw(noise, dataset), CLEAN[:, None]) == (noise.rate == 0.0)


@all_noises
def test_the_global_generator_has_no_part_in_it(noise, dataset):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    draw(noise, dataset)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@all_noises
def test_the_data_set_is_left_as_it_was(noise, dataset):
    before = dataset.fingerprint
    noisy = draw(noise, dataset)
    noisy[...] = 0
    again = Dataset(**{name: getattr(dataset, name) for name in dataset.__dataclass_fields__})
    assert again.fingerprint == before


@all_noises
def test_a_label_outside_the_classes_is_refused_by_every_noise(noise, dataset):
    with pytest.raises(ValueError, match=r"\[0, 10\), got 0..10"):
        draw_for(noise, dataset, np.array([0, 10]))


@all_noises
def test_no_examples_give_no_labels(noise, dataset):
    assert len(draw_for(noise, dataset, np.empty(0, dtype=np.int64))) == 0


# Of the others a label depends on how many examples there are, or on the whole table.
BY_INDEX = ("symmetric", "pair_flip", "asymmetric", "matrix", "human", "given")


@pytest.mark.parametrize("noise", [n for n in CASES if n.kind in BY_INDEX], ids=str)
def test_where_labels_are_drawn_by_index_more_examples_change_none_of_the_first(noise, dataset):
    few, many = (draw_for(noise, dataset, CLEAN[:n]) for n in (1000, 6000))
    np.testing.assert_array_equal(few, many[:1000])


@pytest.mark.parametrize("kind", ["dilution", "foreign"])
def test_a_larger_alpha_extends_a_smaller_one(kind, dataset):
    few, many = (draw(Noise(kind, {"alpha": a}, 0, 0), dataset, seed=2) for a in (1, 3))
    np.testing.assert_array_equal(few, many[:, :2])


@pytest.mark.parametrize("noise", [n for n in NOISES if NOISES[n].fields])
def test_a_missing_field_is_refused(noise):
    with pytest.raises(TypeError, match="missing"):
        import_object(NOISES[noise].implementation)()


RATES = [name for name in NOISES if "noise_rate" in [field.name for field in NOISES[name].fields]]


@pytest.mark.parametrize("noise", RATES)
@pytest.mark.parametrize("noise_rate", [-0.1, 1.0, 45])
def test_a_rate_out_of_range_is_refused_by_every_flip(noise, noise_rate):
    values = TrialConfig(noise=noise).declared_values("noise") | {"noise_rate": noise_rate}
    kind = import_object(NOISES[noise].implementation)(**values)
    facts = NoiseFacts(num_classes=10, inputs=np.zeros((6000, 1, 2, 2), np.uint8))
    with pytest.raises(ValueError, match="fraction"):
        kind.draw(CLEAN, facts, np.random.default_rng(0))


@all_noises
def test_the_noise_seed_alone_decides_the_labels_of_a_trial(noise, dataset):
    config = noise.config.model_copy(update={"noise_seed": 1})
    twin = config.model_copy(
        update={"seed": 9, "model": "conv4", "lr": 0.5, "batch_size": 4, "train_size": 50}
    )
    other = config.model_copy(update={"noise_seed": 2})
    labels = noisy_labels(dataset, config)
    np.testing.assert_array_equal(labels, noisy_labels(dataset, twin))
    is_same = np.array_equal(labels, noisy_labels(dataset, other))
    assert is_same == (noise.drawn == 0.0 or noise.rate == 0.0)
