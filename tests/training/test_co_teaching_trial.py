import pytest
import torch

from tests.support.trials import trained
from tune_noise.config.trial import TrialConfig
from tune_noise.training import Trial


def config_of(method, **fields):
    given = {"model": "mlp1", "batch_size": 32, "epochs": 3, "lr": 0.003, "noise_rate": 0.2}
    return TrialConfig(method=method, **given | fields)


def test_co_teaching_that_forgets_nothing_trains_two_standard_networks(few_digits):
    pair = trained([config_of("co_teaching", tau=0.0)], few_digits)
    alone = trained([config_of("standard")], few_digits)
    # The first network starts from the same weights and sees the same order.
    for name, value in alone.network.state_dict().items():
        own = pair.network.state_dict()[name][:1]
        torch.testing.assert_close(own, value, rtol=1e-4, atol=1e-5)
    for two, one in zip(pair.progress[0].epochs, alone.progress[0].epochs, strict=True):
        found = two["test_accuracy_clean_network_1"]
        assert found == pytest.approx(one["test_accuracy_clean"], abs=0.012)


def test_co_teaching_keeps_cleaner_labels_than_there_are(digits):
    fields = {"noise_rate": 0.4, "tau": 0.4, "ramp_epochs": 2, "epochs": 6}
    rows = trained([config_of("co_teaching", **fields)], digits).progress[0].epochs
    assert rows[0]["train_label_precision"] == pytest.approx(0.6, abs=0.05)
    assert rows[0]["train_label_recall"] == 1.0
    assert rows[-1]["train_label_precision"] > 0.8
    assert [row["forget_rate"] for row in rows[:4]] == pytest.approx([0.0, 0.2, 0.4, 0.4])


def test_the_two_networks_of_a_pair_start_apart(few_digits):
    weight = Trial([config_of("co_teaching")], few_digits).network.state_dict()["1.weight"]
    assert not torch.equal(weight[0], weight[1])
