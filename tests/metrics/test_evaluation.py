import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, log_loss, recall_score

from tune_noise.config.metric_names import MAX_NETWORKS, METRICS
from tune_noise.data.resident import ResidentImages
from tune_noise.metrics import evaluation
from tune_noise.metrics.evaluation import predict_logits, validation_metrics
from tune_noise.metrics.information import information, is_renamed
from tune_noise.models.networks import build_network
from tune_noise.models.stack import reset_member

K = 4


def logits_of(networks, num_images, *, seed=0):
    random = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(networks, num_images, K, generator=random)


@given(
    networks=st.integers(1, 2),
    num_images=st.integers(2, 40),
    copies=st.integers(1, 3),
    seed=st.integers(0, 2**31),
)
def test_validation_metrics_are_scikit_learns_averaged_over_networks(
    networks, num_images, copies, seed
):
    logits = logits_of(networks, num_images, seed=seed)
    noisy = torch.randint(
        K, (num_images, copies), generator=torch.Generator().manual_seed(seed + 1)
    )
    found = validation_metrics(logits, noisy)
    exponentials = np.exp(logits.double().numpy())
    probabilities = exponentials / exponentials.sum(axis=2, keepdims=True)
    flat = noisy.numpy().ravel()
    rows = [np.repeat(p, copies, axis=0) for p in probabilities]
    assert found["val_accuracy_noisy"] == pytest.approx(
        np.mean([accuracy_score(flat, row.argmax(axis=1)) for row in rows])
    )
    assert found["val_loss_noisy"] == pytest.approx(
        np.mean([log_loss(flat, row, labels=range(K)) for row in rows]), rel=1e-9
    )
    own = [information(p.argmax(axis=1), noisy.numpy(), K) for p in probabilities]
    assert found["val_information_noisy"] == pytest.approx(np.mean([i.nats for i in own]))
    assert found["val_information_noisy_se"] == pytest.approx(
        np.mean([i.standard_error for i in own])
    )


def test_a_network_that_renames_flags_its_pair():
    noisy = torch.arange(40)[:, None] % K
    right = 10.0 * torch.nn.functional.one_hot(noisy[:, 0], K)
    wrong = right.roll(1, dims=1)
    renamed = [
        validation_metrics(torch.stack(pair), noisy)["val_renamed"]
        for pair in ([right], [wrong], [right, right], [right, wrong])
    ]
    assert renamed == [0.0, 1.0, 0.0, 1.0]


def test_rare_classes_rename_nothing_by_chance():
    """Of two rare classes all three labels are wrong, which is no renaming of classes."""
    common = torch.arange(60) % (K - 2)
    predicted = torch.cat([common, torch.tensor([K - 2, K - 2, K - 1])])
    noisy = torch.cat([common, torch.tensor([K - 1, K - 1, K - 2])])[:, None]
    assert is_renamed(predicted.numpy(), noisy.numpy(), K)
    logits = 10.0 * torch.nn.functional.one_hot(predicted, K)[None]
    assert validation_metrics(logits, noisy)["val_renamed"] == 0.0


@given(num_images=st.integers(1, 50), seed=st.integers(0, 2**31))
def test_test_metrics_of_a_pair_are_mean_each_and_average_prediction(num_images, seed):
    logits = logits_of(2, num_images, seed=seed)
    clean = torch.randint(K, (num_images,), generator=torch.Generator().manual_seed(seed + 1))
    found = evaluation.test_metrics(logits, clean)
    truth, raw = clean.numpy(), logits.double().numpy()
    each = [accuracy_score(truth, row.argmax(axis=1)) for row in raw]
    balanced = [
        recall_score(truth, row.argmax(axis=1), labels=np.unique(truth), average="macro")
        for row in raw
    ]
    probabilities = np.exp(raw) / np.exp(raw).sum(axis=2, keepdims=True)
    together = accuracy_score(truth, probabilities.mean(axis=0).argmax(axis=1))
    assert found == pytest.approx(
        {
            "test_accuracy_clean": np.mean(each),
            "test_balanced_accuracy_clean": np.mean(balanced),
            "test_accuracy_clean_ensemble": together,
            "test_accuracy_clean_network_1": each[0],
            "test_accuracy_clean_network_2": each[1],
        }
    )


def test_the_ensemble_averages_probabilities_not_votes_or_logits():
    # Sure of class 0; slightly for class 1; so the average prediction is class 0. Averaged
    # logits would say class 1: (4 - 9) / 2 < (0 + 0) / 2.
    logits = torch.tensor([[[4.0, 0.0]], [[-9.0, 0.0]], [[4.0, 0.0]]])
    probabilities = 1 / (1 + np.exp([-4.0, 9.0, -4.0]))
    assert probabilities.mean() > 0.5 > 1 / (1 + math.exp(9.0 - 8.0))
    found = evaluation.test_metrics(logits[:2].repeat(1, 2, 1), torch.tensor([0, 0]))
    # Two of them: p = (0.982 + 0.0001) / 2 = 0.491 for class 0.
    assert found["test_accuracy_clean_ensemble"] == 0.0
    found = evaluation.test_metrics(logits, torch.tensor([0]))
    assert found["test_accuracy_clean_ensemble"] == 1.0


def test_each_of_the_most_networks_has_a_number_of_its_own():
    found = evaluation.test_metrics(logits_of(MAX_NETWORKS, 40), torch.zeros(40, dtype=torch.int64))
    assert set(found) <= set(METRICS)
    each = [found[f"test_accuracy_clean_network_{n}"] for n in range(1, MAX_NETWORKS + 1)]
    assert found["test_accuracy_clean"] == pytest.approx(np.mean(each))


def test_one_network_has_neither_an_ensemble_nor_numbers():
    found = evaluation.test_metrics(logits_of(1, 5), torch.zeros(5, dtype=torch.int64))
    assert set(found) == {"test_accuracy_clean", "test_balanced_accuracy_clean"}


def test_every_metric_has_a_name_in_the_list():
    noisy = torch.zeros(8, 1, dtype=torch.int64)
    found = validation_metrics(logits_of(2, 8), noisy)
    found |= evaluation.test_metrics(logits_of(2, 8), noisy[:, 0])
    assert set(found) <= set(METRICS)


@pytest.mark.parametrize("num_images", [5, evaluation.EVALUATION_BATCH * 2 + 7])
def test_every_image_is_evaluated_once_in_order_and_in_evaluation_mode(num_images):
    network = build_network("conv9_small", members=2, input_shape=(1, 4, 4), num_classes=K)
    for member in range(2):
        reset_member(network, member, seed=member)
    pixels = np.random.default_rng(0).integers(256, size=(num_images, 1, 4, 4), dtype=np.uint8)
    images = ResidentImages(pixels, mean=[0.5], std=[0.25], device="cpu")
    network.train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    logits = predict_logits(network, images)
    assert network.training
    assert logits.shape == (2, num_images, K)
    assert not logits.requires_grad
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), f"evaluation moved {name}"
    normalised = torch.from_numpy((pixels / 255 - 0.5) / 0.25).float()
    with torch.no_grad():
        whole = network.eval()(normalised.expand(2, *normalised.shape))
    torch.testing.assert_close(logits, whole, rtol=1e-4, atol=1e-5)
    assert not predict_logits(network, images).requires_grad
    assert not network.training  # as it was found


def test_the_loss_is_computed_in_float64():
    # exp(-100) is lost beside 1 in float32: its loss must be 100, not infinite.
    logits = torch.tensor([[[100.0, 0.0], [0.0, 100.0]]])
    found = validation_metrics(logits, torch.tensor([[1], [1]]))
    assert found["val_loss_noisy"] == pytest.approx(50.0)


def test_an_error_is_given_where_it_steers_and_clean_metrics_where_truth_is_given():
    objective = "val_information_soft_noisy"
    logits = logits_of(2, 40)
    noisy = torch.randint(K, (40, 1), generator=torch.Generator().manual_seed(1))
    plain = validation_metrics(logits, noisy)
    full = validation_metrics(
        logits, noisy, objective=objective, inverse=np.eye(K), true_labels=noisy[:, 0]
    )
    added = {f"{objective}_se", "val_accuracy_clean", "val_loss_clean"}
    added |= {"val_accuracy_clean_estimate", "val_accuracy_clean_estimate_se"}
    assert set(full) - set(plain) == added
    assert {name: full[name] for name in plain} == plain
    # Without noise all three measure one thing.
    assert full["val_accuracy_clean"] == pytest.approx(full["val_accuracy_noisy"])
    assert full["val_accuracy_clean_estimate"] == pytest.approx(full["val_accuracy_noisy"])
    assert full["val_loss_clean"] == pytest.approx(full["val_loss_noisy"])
    assert set(full) <= set(METRICS)
