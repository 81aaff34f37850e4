import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tune_noise.config.metric_names import METRICS
from tune_noise.methods.losses import cross_entropy
from tune_noise.methods.protocol import Batch, Mixing, Outcome
from tune_noise.metrics.epoch_tally import EpochTally
from tune_noise.metrics.memorisation import LABEL, OTHER, TRUE

K = 3


def an_epoch(replicates, networks, sizes, seed, *, forget_rate=0.4):
    """Batches and outcomes of one epoch, at random but for a full pass over the examples."""
    random = torch.Generator().manual_seed(seed)
    num_examples = sum(sizes)
    orders = torch.stack(
        [torch.randperm(num_examples, generator=random) for _ in range(replicates)]
    )
    labels = torch.randint(K, (replicates, num_examples), generator=random)
    steps = []
    for indices in orders.split(sizes, dim=1):
        logits = torch.randn(replicates, networks, indices.shape[1], K, generator=random)
        batch = Batch(logits.requires_grad_(), labels.gather(1, indices), indices, 0)
        kept = torch.rand(logits.shape[:3], generator=random) < 0.6
        kept[:, :, 0] = True
        losses = cross_entropy(logits, batch.noisy_labels)
        rates = None if forget_rate is None else [forget_rate] * replicates
        steps.append((batch, Outcome(losses.mean(dim=2), kept, losses, rates)))
    # -1: an image of no class.
    truth = torch.randint(-1, K, (num_examples,), generator=random)
    return steps, truth


def mixed(steps, shares, seed):
    """The same epoch of mixtures."""
    random = torch.Generator().manual_seed(seed)
    found = []
    for batch, outcome in steps:
        replicates, size = batch.indices.shape
        partners = torch.stack([torch.randperm(size, generator=random) for _ in range(replicates)])
        mixing = Mixing(partners, torch.tensor(shares[:replicates], dtype=torch.float64))
        found.append((dataclasses.replace(batch, mixing=mixing), outcome))
    return found


def views_of(batch, r, i):
    """(share, position in the batch) of the examples in one image."""
    if batch.mixing is None:
        return [(1.0, i)]
    share = float(batch.mixing.shares[r])
    return [(share, i), (1.0 - share, int(batch.mixing.partners[r, i]))]


def slow_memorisation(steps, truth, r, networks):
    """Count wrong labels one by one; None where there are none."""
    rows = []
    for p in range(networks):
        counts = dict.fromkeys((TRUE, LABEL, OTHER), 0.0)
        for batch, _ in steps:
            for i in range(batch.indices.shape[1]):
                predicted = int(batch.logits[r, p, i].argmax())
                for share, place in views_of(batch, r, i):
                    label = int(batch.noisy_labels[r, place])
                    right = int(truth[batch.indices[r, place]])
                    if label != right:
                        kind = {right: TRUE, label: LABEL}.get(predicted, OTHER)
                        counts[kind] += share
        total = sum(counts.values())
        if total == 0.0:
            return None
        rows.append({kind: count / total for kind, count in counts.items()})
    return {kind: np.mean([row[kind] for row in rows]) for kind in (TRUE, LABEL, OTHER)}


def slow_metrics(steps, truth, r, networks):
    """Count example by example, network by network; then the mean over the networks."""
    rows = []
    for p in range(networks):
        losses, correct, kept, kept_clean, clean = [], 0, 0, 0, 0
        for batch, outcome in steps:
            for i, index in enumerate(batch.indices[r].tolist()):
                logits = batch.logits[r, p, i].tolist()
                label = int(batch.noisy_labels[r, i])
                losses.append(math.log(sum(math.exp(x - logits[label]) for x in logits)))
                correct += max(range(K), key=logits.__getitem__) == label
                is_kept, right = bool(outcome.kept[r, p, i]), int(truth[index]) == label
                kept += is_kept
                clean += right
                kept_clean += is_kept and right
        rows.append(
            [
                sum(losses) / len(losses),
                correct / len(losses),
                kept_clean / kept,
                kept_clean / max(clean, 1),
            ]
        )
    return np.mean(rows, axis=0)


@given(
    replicates=st.integers(1, 3),
    networks=st.integers(1, 2),
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    seed=st.integers(0, 2**31),
)
def test_the_tally_equals_a_count_example_by_example(replicates, networks, sizes, seed):
    steps, truth = an_epoch(replicates, networks, sizes, seed)
    tally = EpochTally(truth)
    for batch, outcome in steps:
        tally.add(batch, outcome)
    for r, row in enumerate(tally.metrics()):
        assert set(row) <= set(METRICS)
        found = [
            row["train_loss_noisy"],
            row["train_accuracy_noisy"],
            row["train_label_precision"],
            row["train_label_recall"],
        ]
        np.testing.assert_allclose(
            found, slow_metrics(steps, truth, r, networks), rtol=1e-5, atol=1e-6
        )
        assert row["forget_rate"] == 0.4


@given(
    replicates=st.integers(1, 3),
    networks=st.integers(1, 2),
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    seed=st.integers(0, 2**31),
    shares=st.none() | st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3),
)
def test_memorisation_equals_a_count_of_the_wrong_labels_one_by_one(
    replicates, networks, sizes, seed, shares
):
    steps, truth = an_epoch(replicates, networks, sizes, seed)
    if shares is not None:
        steps = mixed(steps, shares, seed)
    tally = EpochTally(truth)
    for batch, outcome in steps:
        tally.add(batch, outcome)
    for r, row in enumerate(tally.metrics()):
        expected = slow_memorisation(steps, truth, r, networks)
        found = {name: row[name] for name in (TRUE, LABEL, OTHER) if name in row}
        if expected is None:
            assert found == {}
        else:
            assert found == pytest.approx(expected)
            assert sum(found.values()) == pytest.approx(1.0)


def test_a_replicate_without_a_wrong_label_has_no_share_of_them():
    steps, _ = an_epoch(2, 1, [6], 0)
    [(batch, outcome)] = steps
    truth = torch.empty(6, dtype=torch.int64)
    truth[batch.indices[0]] = batch.noisy_labels[0]
    tally = EpochTally(truth)
    tally.add(batch, outcome)
    right, wrong = tally.metrics()
    assert not {TRUE, LABEL, OTHER} & set(right)
    assert {TRUE, LABEL, OTHER} <= set(wrong)


def test_who_learns_every_wrong_label_by_heart_is_shown_to():
    steps, _ = an_epoch(1, 2, [6], 0)
    [(batch, outcome)] = steps
    one_hot = torch.nn.functional.one_hot(batch.noisy_labels, K).double().unsqueeze(1)
    truth = torch.empty(6, dtype=torch.int64)
    truth[batch.indices[0]] = (batch.noisy_labels[0] + 1) % K
    for shift, name in enumerate((LABEL, TRUE, OTHER)):
        tally = EpochTally(truth)
        logits = one_hot.roll(shift, dims=3).expand(1, 2, 6, K)
        tally.add(dataclasses.replace(batch, logits=logits), outcome)
        [row] = tally.metrics()
        assert row[name] == 1.0


def test_without_the_truth_there_is_neither_precision_nor_recall():
    steps, _ = an_epoch(2, 1, [4, 4], 0)
    tally = EpochTally(None)
    for batch, outcome in steps:
        tally.add(batch, outcome)
    names = {"train_loss_noisy", "train_accuracy_noisy", "forget_rate"}
    assert [set(row) for row in tally.metrics()] == [names, names]


@pytest.mark.parametrize(("clean", "precision"), [(True, 1.0), (False, 0.0)])
def test_keeping_all_recalls_every_clean_example(clean, precision):
    steps, truth = an_epoch(1, 1, [5], 0)
    [(batch, outcome)] = steps
    truth[batch.indices[0]] = batch.noisy_labels[0] if clean else -1
    tally = EpochTally(truth)
    outcome.kept.fill_(True)
    tally.add(batch, outcome)
    [row] = tally.metrics()
    assert (row["train_label_precision"], row["train_label_recall"]) == (precision, precision)


def test_without_a_schedule_the_forget_rate_is_the_share_that_was_dropped():
    steps, truth = an_epoch(2, 2, [4, 6], 0, forget_rate=None)
    tally = EpochTally(truth)
    for batch, outcome in steps:
        tally.add(batch, outcome)
    for r, row in enumerate(tally.metrics()):
        kept = sum(int(outcome.kept[r].sum()) for _, outcome in steps)
        assert row["forget_rate"] == pytest.approx(1 - kept / 20)


def test_a_network_that_kept_nothing_has_finite_metrics():
    steps, truth = an_epoch(1, 2, [5], 0, forget_rate=None)
    [(batch, outcome)] = steps
    outcome.kept.fill_(False)
    tally = EpochTally(truth)
    tally.add(batch, outcome)
    [row] = tally.metrics()
    assert (row["train_label_precision"], row["train_label_recall"]) == (0.0, 0.0)
    assert row["forget_rate"] == 1.0


def test_the_tally_holds_on_to_no_graph():
    steps, truth = an_epoch(1, 2, [4], 0)
    tally = EpochTally(truth)
    tally.add(*steps[0])
    held = tally._cross_entropies + tally._predicted + tally._kept
    assert not any(tensor.requires_grad for tensor in held)
