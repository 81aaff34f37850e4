import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from tune_noise.config.trial import TrialConfig
from tune_noise.methods import Batch
from tune_noise.methods.losses import cross_entropy
from tune_noise.methods.standard import Standard


@given(
    replicates=st.integers(1, 3),
    networks=st.integers(1, 2),
    batch_size=st.integers(1, 9),
    seed=st.integers(0, 2**31),
)
def test_cross_entropy_is_minus_the_log_softmax_of_the_label(
    replicates, networks, batch_size, seed
):
    random = np.random.default_rng(seed)
    logits = random.normal(size=(replicates, networks, batch_size, 4)) * 5
    labels = random.integers(4, size=(replicates, batch_size))
    found = cross_entropy(torch.tensor(logits), torch.tensor(labels)).numpy()
    softmax = np.exp(logits) / np.exp(logits).sum(axis=3, keepdims=True)
    for r, p, i in np.ndindex(found.shape):
        np.testing.assert_allclose(found[r, p, i], -np.log(softmax[r, p, i, labels[r, i]]))


@given(replicates=st.integers(1, 3), batch_size=st.integers(1, 9), seed=st.integers(0, 2**31))
def test_standard_training_is_the_mean_over_the_batch_and_keeps_all(replicates, batch_size, seed):
    random = torch.Generator().manual_seed(seed)
    logits = torch.randn(replicates, 1, batch_size, 4, generator=random)
    labels = torch.randint(4, (replicates, batch_size), generator=random)
    indices = torch.arange(batch_size).repeat(replicates, 1)
    outcome = Standard([TrialConfig()] * replicates)(Batch(logits, labels, indices, 3))
    expected = [
        torch.nn.functional.cross_entropy(logits[r, 0], labels[r]) for r in range(replicates)
    ]
    torch.testing.assert_close(outcome.losses[:, 0], torch.stack(expected))
    assert outcome.kept.all()
    assert list(outcome.forget_rates) == [0.0] * replicates


def test_an_extreme_logit_gives_a_finite_loss():
    logits = torch.tensor([[[[1e4, 0.0]]]])
    assert cross_entropy(logits, torch.tensor([[1]])).item() == 1e4
