"""Every kind of noise through the training loop, on real images."""

import dataclasses

import numpy as np
import pytest

from tune_noise.config.trial import TrialConfig
from tune_noise.data import load_dataset
from tune_noise.noise import pair_flip
from tune_noise.training import Trial, with_material


def trial_of(data, *, data_dir=None, **fields):
    config = TrialConfig(**{"model": "mlp1", "epochs": 1, "lr": 0.01} | fields)
    return Trial([config], with_material(data, [config], data_dir=data_dir))


KINDS = [
    ({"noise": "structured", "alpha": 5}, 5 / 6 * 0.9),
    ({"noise": "structured", "alpha": 10, "confusion_order": "random"}, 10 / 11 * 0.9),
    ({"noise": "foreign", "alpha": 2}, 2 / 3),
    ({"noise": "foreign", "alpha": 2, "foreign_source": "own"}, 2 / 3 * 0.9),
    ({"noise": "asymmetric", "noise_rate": 0.4, "class_map": "7>1,2>7"}, 0.4 * 0.2),
    ({"noise": "matrix", "transition_file": "T.csv"}, 0.3),
    ({"noise": "instance", "noise_rate": 0.3}, 0.3),
    ({"noise": "human", "human_file": "human.npz"}, 0.25),
]


@pytest.mark.parametrize("method", ["standard", "co_teaching"])
@pytest.mark.parametrize(("fields", "rate"), KINDS, ids=str)
def test_an_epoch_trains_measures_and_knows_its_noise(
    few_digits, fields, rate, method, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    np.savetxt("T.csv", pair_flip(10, 0.3), delimiter=",")
    clean = few_digits.train_labels
    worse = np.where(np.arange(len(clean)) % 4 == 0, (clean + 1) % 10, clean)
    np.savez("human.npz", clean_label=clean, worse_label=worse)
    trial = trial_of(few_digits, method=method, **fields)
    [row] = trial.train_epoch()
    assert trial.progress[0].status == "completed"
    for name in ("val_information_noisy", "test_accuracy_clean", "train_label_precision"):
        assert np.isfinite(row[name])
    facts = trial.data.facts[0]
    labels = facts["train_examples"]
    error = np.sqrt(rate * (1 - rate) / labels)
    assert abs(facts["realised_noise_rate"] - rate) <= 5 * error + 1e-9
    if method == "standard":
        # Everything is kept, so precision is the share of right labels.
        assert row["train_label_precision"] == pytest.approx(1 - facts["realised_noise_rate"])


def test_given_labels_train_without_the_diagnostics_that_need_a_truth(few_digits):
    unknown = dataclasses.replace(few_digits, true_labels=None)
    trial = trial_of(unknown, noise="given", train_size=200)
    [row] = trial.train_epoch()
    assert "train_label_precision" not in row
    assert "realised_noise_rate" not in trial.data.facts[0]
    assert trial.data.facts[0]["train_examples"] == 200


@pytest.mark.parametrize("fields", [{"noise": "structured"}, {"noise": "foreign", "alpha": 2}])
def test_a_resumed_trial_goes_on_exactly(few_digits, fields):
    whole, first, second = (trial_of(few_digits, epochs=3, **fields) for _ in range(3))
    rows = [whole.train_epoch()[0] for _ in range(3)]
    first.train_epoch()
    second.load_state(*first.state())
    for row in rows[1:]:
        [found] = second.train_epoch()
        assert {k: v for k, v in found.items() if k != "seconds"} == {
            k: v for k, v in row.items() if k != "seconds"
        }


def test_replicates_with_foreign_images_do_not_depend_on_their_stack(few_digits):
    configs = [
        TrialConfig(noise="foreign", alpha=2, epochs=1, model="mlp1", seed=s, noise_seed=s)
        for s in (0, 1)
    ]
    dataset = with_material(few_digits, configs)
    together = Trial(configs, dataset).train_epoch()
    for config, row in zip(configs, together, strict=True):
        [alone] = Trial([config], dataset).train_epoch()
        assert row["val_loss_noisy"] == pytest.approx(alone["val_loss_noisy"], rel=1e-4)


def test_white_images_hurt_less_than_images_of_the_data_set_itself(digits):
    """Rolnick's third experiment: it matters whether noisy examples look like clean ones."""
    accuracies = {}
    for source in ("white", "own"):
        trial = trial_of(
            digits, noise="foreign", alpha=8, foreign_source=source, epochs=8, lr=0.003
        )
        while not trial.finished:
            trial.train_epoch()
        accuracies[source] = trial.progress[0].epochs[-1]["test_accuracy_clean"]
    assert accuracies["white"] > accuracies["own"] + 0.05


def test_mnist_images_may_be_foreign_to_cifar_10(shared_data_dir):
    cifar10 = load_dataset("cifar10", data_dir=shared_data_dir)
    trial = trial_of(
        cifar10,
        data_dir=shared_data_dir,
        dataset="cifar10",
        model="perceptron",
        noise="foreign",
        alpha=1,
        foreign_source="mnist",
        train_size=1000,
        val_fraction=0.02,
    )
    assert trial.data.facts[0]["train_examples"] == 2000
    assert trial.data.facts[0]["realised_noise_rate"] == 0.5
    [row] = trial.train_epoch()
    assert np.isfinite(row["val_information_noisy"])


def test_people_s_labels_of_cifar_10_train_with_their_own_noise_rate(shared_data_dir, human_file):
    cifar10 = load_dataset("cifar10", data_dir=shared_data_dir)
    trial = trial_of(
        cifar10,
        dataset="cifar10",
        model="perceptron",
        noise="human",
        human_file=str(human_file),
        human_labels="worse",
        train_size=2000,
    )
    assert trial.data.facts[0]["realised_noise_rate"] == pytest.approx(0.402, abs=0.06)
    [row] = trial.train_epoch()
    assert row["val_information_noisy"] > 0.0


@pytest.mark.parametrize("noise", ["symmetric", "foreign"])
def test_what_becomes_of_wrong_labels_is_measured_where_the_truth_is_known(few_digits, noise):
    fields = {
        "symmetric": {"noise": "symmetric", "noise_rate": 0.4},
        "foreign": {"noise": "foreign"},
    }
    trial = trial_of(few_digits, epochs=4, **fields[noise])
    rows = [trial.train_epoch()[0] for _ in range(4)]
    shares = [
        [row[f"train_wrong_predicted_{e}"] for e in ("true", "label", "other")] for row in rows
    ]
    np.testing.assert_allclose(np.sum(shares, axis=1), 1.0)
    # An image of no class has no true one to be seen.
    assert (np.sum(shares, axis=0)[0] == 0.0) == (noise == "foreign")
