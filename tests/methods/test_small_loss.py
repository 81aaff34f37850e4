import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.methods.derivations import method_of, random_batch, slow_cross_entropy
from tune_noise.methods.selection import num_kept


@given(
    batch_size=st.integers(2, 20),
    percents=st.lists(st.integers(0, 90), min_size=2, max_size=2),
    seed=st.integers(0, 2**31),
)
def test_one_network_minimises_the_mean_of_its_own_small_losses(batch_size, percents, seed):
    batch = random_batch(2, batch_size, seed, networks=1)
    rates = [percent / 100 for percent in percents]
    outcome = method_of("small_loss", batch, tau=rates, ramp_epochs=1)(batch)
    outcome.losses.sum().backward()
    assert list(outcome.forget_rates) == rates
    for r, rate in enumerate(rates):
        logits, labels = batch.logits[r, 0].detach().numpy(), batch.noisy_labels[r].numpy()
        losses, gradient = slow_cross_entropy(logits, labels)
        chosen = np.argsort(losses, kind="stable")[: num_kept(batch_size, rate)]
        kept = np.isin(np.arange(batch_size), chosen)
        np.testing.assert_array_equal(outcome.kept[r, 0], kept)
        np.testing.assert_allclose(outcome.losses[r, 0].item(), losses[kept].mean())
        expected = np.where(kept[:, None], gradient / kept.sum(), 0.0)
        np.testing.assert_allclose(batch.logits.grad[r, 0], expected, atol=1e-12)


def test_at_first_it_is_standard_training():
    batch = random_batch(1, 8, 0, networks=1, epoch=0)
    outcome = method_of("small_loss", batch, tau=0.9)(batch)
    assert outcome.kept.all()
    standard = method_of("standard", batch)(batch)
    assert outcome.losses.item() == standard.losses.item()
