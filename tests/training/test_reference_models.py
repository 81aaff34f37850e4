"""Reference models on digits, beside scikit-learn's own where it has them."""

import dataclasses

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid

from tune_noise.config.reference_models import REFERENCES
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.training import reference_models
from tune_noise.training.known_noise import noisy_labels
from tune_noise.training.labelled_data import example_split
from tune_noise.training.reference_models import (
    Reference,
    ReferenceFailed,
    fit_boosting,
    fit_knn,
    fit_logistic,
    fit_majority,
    fit_nearest_mean,
    missing_needs,
    train_reference,
)

CONFIG = TrialConfig(noise_rate=0.3, val_fraction=0.3)
POINTS = np.random.default_rng(0)
INPUTS = POINTS.normal(size=(200, 5)).astype(np.float32)
LABELS = POINTS.integers(0, 3, 200) * 2  # classes 1, 3 and 5 have no example
ROWS = POINTS.normal(size=(50, 5)).astype(np.float32)


def reference(
    name: str, config: TrialConfig = CONFIG, seeds: tuple[int, ...] = (1, 2)
) -> Reference:
    confirms = [config.model_copy(update={"seed": seed, "noise_seed": seed}) for seed in seeds]
    return Reference("all", name, config, tuple(confirms))


def as_features(dataset: Dataset) -> Dataset:
    train = dataset.train_inputs.reshape(len(dataset.train_inputs), -1).astype(np.float32)
    assert dataset.test_inputs is not None
    test = dataset.test_inputs.reshape(len(dataset.test_inputs), -1).astype(np.float32)
    return dataclasses.replace(dataset, train_inputs=train, test_inputs=test)


def test_nearest_mean_and_neighbours_predict_as_scikit_learn_does() -> None:
    nearest = fit_nearest_mean(INPUTS, LABELS, 6, width=1.0)(ROWS).argmax(axis=1)
    assert (nearest == NearestCentroid().fit(INPUTS, LABELS).predict(ROWS)).all()
    found = fit_knn(INPUTS, LABELS, 6, k=7)(ROWS)
    theirs = KNeighborsClassifier(7).fit(INPUTS, LABELS).predict_proba(ROWS)
    shares = np.bincount(LABELS, minlength=6) / len(LABELS)
    np.testing.assert_allclose(found[:, [0, 2, 4]] * 8 - shares[[0, 2, 4]], theirs * 7)


@pytest.mark.parametrize(
    "fit",
    [
        fit_majority,
        lambda *data: fit_nearest_mean(*data, width=10.0),
        lambda *data: fit_knn(*data, k=500),
        lambda *data: fit_logistic(*data, C=0.1),
        lambda *data: fit_boosting(*data, leaves=4),
    ],
)
def test_predictions_are_distributions_over_all_classes(fit) -> None:
    probabilities = fit(INPUTS, LABELS, 6)(ROWS)
    assert probabilities.shape == (50, 6)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-6)
    assert (probabilities[:, [1, 3, 5]] == 0.0).all()


def test_rare_classes_and_few_examples_have_trees_too() -> None:
    labels = np.where(np.arange(200) == 0, 5, LABELS)
    assert fit_boosting(INPUTS, labels, 6, leaves=4)(ROWS).shape == (50, 6)


@pytest.mark.filterwarnings("ignore:self.within_class_std_dev_")  # of pixels that are always 0
def test_a_model_is_judged_as_a_trial_on_the_labels_of_each_seed(few_digits: Dataset) -> None:
    found = train_reference(reference("nearest_mean"), few_digits)
    by_seed = dict(found["metrics"])
    assert list(by_seed) == [1, 2]
    assert by_seed[1]["val_information_noisy"] != by_seed[2]["val_information_noisy"]
    assert 0.7 < by_seed[1]["test_accuracy_clean"] < 1.0
    train, val = example_split(few_digits, CONFIG)
    assert found["examples"] == found["available"] == len(train)
    noisy = noisy_labels(few_digits, CONFIG.model_copy(update={"noise_seed": 1}))[:, 0]
    rows = few_digits.train_inputs.reshape(len(few_digits.train_inputs), -1)
    theirs = NearestCentroid().fit(rows[train].astype(float), noisy[train]).predict(rows[val])
    assert by_seed[1]["val_accuracy_noisy"] == pytest.approx((theirs == noisy[val]).mean())


def test_settings_are_chosen_by_the_objective_and_kept(few_digits: Dataset) -> None:
    found = train_reference(reference("knn", seeds=(1,)), few_digits)
    scores = {}
    for k in REFERENCES["knn"].settings["k"]:
        one = dataclasses.replace(reference("knn", seeds=(0,)), settings=(("k", k),))
        [(_, metrics)] = train_reference(one, few_digits)["metrics"]
        scores[k] = metrics["val_information_noisy"]
    assert found["settings"] == {"k": max(scores, key=scores.__getitem__)}


def test_seeds_that_share_their_labels_share_the_training(
    few_digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits = []
    monkeypatch.setattr(
        reference_models, "fit_majority", lambda *data: fits.append(1) or fit_majority(*data)
    )
    given = TrialConfig(noise="given", val_fraction=0.3)
    metrics = dict(train_reference(reference("majority", given, (1, 2, 3)), few_digits)["metrics"])
    assert len(fits) == 1
    assert metrics[1] == metrics[2] == metrics[3]


def test_with_folds_every_label_is_predicted_by_a_model_that_did_not_learn_it(
    few_digits: Dataset,
) -> None:
    folds = TrialConfig(noise="given", val_folds=3)
    one = dataclasses.replace(reference("knn", folds, (1,)), settings=(("k", 1),))
    [(_, metrics)] = train_reference(one, few_digits)["metrics"]
    # A neighbour of its own would agree always.
    assert 0.8 < metrics["val_accuracy_noisy"] < 1.0
    assert metrics["test_accuracy_clean"] > 0.9


def test_more_examples_than_it_may_learn_are_a_stratified_part(few_digits: Dataset) -> None:
    declaration = REFERENCES["knn"]
    assert declaration.num_learned(60_000, 784) == declaration.max_examples
    assert declaration.num_learned(60_000, 150_528) == 332
    assert declaration.num_learned(100, 784) == 100


def test_what_the_data_do_not_suit_is_told(few_digits: Dataset) -> None:
    assert missing_needs(REFERENCES["boosting"], few_digits) == "it takes features"
    assert missing_needs(REFERENCES["boosting"], as_features(few_digits)) == ""
    wide = as_features(few_digits)
    wide = dataclasses.replace(
        wide, train_inputs=np.tile(wide.train_inputs, 5), test_inputs=None, test_labels=None
    )
    assert "at most 300 numbers" in missing_needs(REFERENCES["boosting"], wide)


def test_whatever_goes_wrong_is_told_in_one_line(
    few_digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*data: object) -> None:
        raise MemoryError("cannot allocate\nany more")

    monkeypatch.setattr(reference_models, "fit_majority", fail)
    with pytest.raises(ReferenceFailed, match=r"MemoryError: cannot allocate$"):
        train_reference(reference("majority"), few_digits)
