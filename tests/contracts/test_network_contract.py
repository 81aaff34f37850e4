"""What every network promises; a new one is covered by its line in NETWORKS."""

import pytest
import torch
import torch.nn.functional as F

from tune_noise.config import declared
from tune_noise.models.declarations import NETWORKS
from tune_noise.models.dropout import start_epoch
from tune_noise.models.networks import build_network
from tune_noise.models.stack import member_state, reset_member
from tune_noise.training.checkpoint import read_checkpoint, write_checkpoint

OWN = "tests.models.own_networks:everything"
NAMES = [*NETWORKS, OWN]
SHAPES = [(1, 8, 8), (3, 32, 32), (1, 28, 28), (3, 7, 5), (2, 13, 9)]
CLASSES, BATCH = 7, 6
all_networks = pytest.mark.parametrize("name", NAMES)


def suits(name, shape):
    if name == "conv9":  # a GFLOP an image
        return shape == (1, 28, 28)
    return min(shape[1:]) >= declared.network(name).min_image_size


all_shapes = pytest.mark.parametrize(
    ("name", "shape"), [(n, s) for n in NAMES for s in SHAPES if suits(n, s)], ids=str
)


def small(name, channels=1):
    side = max(8, declared.network(name).min_image_size)
    return channels, side, side


def stack_of(name, shape, seeds):
    fields = {"dropout": 0.25} if name == "conv9" else {}
    network = build_network(
        name, members=len(seeds), input_shape=shape, num_classes=CLASSES, **fields
    )
    for member, seed in enumerate(seeds):
        reset_member(network, member, seed=seed)
    start_epoch(network, list(seeds))
    return network


def images(members, shape, *, seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.randn((members, BATCH, *shape), generator=random)


def labels(members):
    return torch.arange(BATCH).repeat(members, 1) % CLASSES


def losses_of(network, x):
    """One mean cross-entropy for each member."""
    logits = network(x)
    target = labels(len(x))
    return torch.stack([F.cross_entropy(logits[m], target[m]) for m in range(len(x))])


def test_the_registry_and_the_schema_name_the_same_networks():
    assert set(NETWORKS) == set(NETWORKS)


@all_shapes
@pytest.mark.parametrize("members", [1, 2, 3])
def test_the_output_is_one_row_of_finite_logits_for_each_image(name, shape, members):
    network = stack_of(name, shape, range(members))
    for mode in (True, False):
        logits = network.train(mode)(images(members, shape))
        assert logits.shape == (members, BATCH, CLASSES)
        assert torch.isfinite(logits).all()


@all_shapes
def test_every_parameter_of_every_member_gets_a_finite_gradient(name, shape):
    network = stack_of(name, shape, [0, 1])
    losses_of(network, images(2, shape)).sum().backward()
    for parameter in network.parameters():
        assert torch.isfinite(parameter.grad).all()
        # No layer is cut off: something of it moves in each member.
        assert (parameter.grad.flatten(1) != 0).any(dim=1).all()


@all_networks
@pytest.mark.parametrize("touched", [0, 1, 2])
def test_the_loss_of_one_member_touches_that_member_alone(name, touched):
    network = stack_of(name, small(name), [0, 1, 2])
    losses_of(network, images(3, small(name)))[touched].backward()
    for parameter in network.parameters():
        moved = (parameter.grad.flatten(1) != 0).any(dim=1).tolist()
        assert moved == [member == touched for member in range(3)]


@all_networks
@pytest.mark.parametrize("channels", [1, 3])
def test_a_member_of_a_stack_equals_the_network_alone(name, channels):
    seeds, shape = [5, 6, 7], small(name, channels)
    stack = stack_of(name, shape, seeds)
    alone = [stack_of(name, shape, [seed]) for seed in seeds]
    optimizers = [torch.optim.SGD(n.parameters(), lr=0.05, momentum=0.9) for n in [stack, *alone]]
    # Batch norm on batch norm magnifies the rounding of a step some hundredfold.
    for step in range(1 if name in ("conv9", "resnet18", "preact_resnet18") else 4):
        x = images(3, shape, seed=step)
        for network in (stack, *alone):
            network.train()
        losses = losses_of(stack, x)
        own = [losses_of(network, x[m : m + 1])[0] for m, network in enumerate(alone)]
        torch.testing.assert_close(losses, torch.stack(own), rtol=1e-4, atol=1e-5)
        for optimizer, loss in zip(optimizers, [losses.sum(), *own], strict=True):
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        stack.eval()
        together = stack(x)
        for m, network in enumerate(alone):
            separate = network.eval()(x[m : m + 1])[0]
            torch.testing.assert_close(together[m], separate, rtol=1e-3, atol=1e-4)


@all_networks
def test_a_member_depends_on_its_own_images_alone(name):
    network = stack_of(name, small(name), [0, 1])
    x = images(2, small(name))
    changed = x.clone()
    changed[1] += 100.0
    logits = network(x)[0]
    start_epoch(network, [0, 5])
    torch.testing.assert_close(logits, network(changed)[0], rtol=0, atol=0)


@all_networks
@pytest.mark.parametrize("groups", [1, 2])
def test_adjacent_members_may_share_their_images(name, groups):
    network = stack_of(name, small(name), range(4)).eval()
    x = images(groups, small(name))
    own = network(x.repeat_interleave(4 // groups, dim=0))
    torch.testing.assert_close(network(x), own, rtol=1e-4, atol=1e-5)


@all_networks
def test_an_epoch_that_starts_again_from_its_seeds_draws_the_same(name):
    network, x = stack_of(name, small(name), [0, 1]), images(2, small(name))
    before = torch.get_rng_state()
    runs = []
    for seeds in ([3, 4], [3, 4], [3, 5]):
        start_epoch(network, seeds)
        runs.append(torch.stack([network(x), network(x)]))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(runs[0], runs[1])
    assert torch.equal(runs[0][:, 0], runs[2][:, 0])
    draws = name in ("conv9", OWN)
    assert torch.equal(runs[0][:, 1], runs[2][:, 1]) != draws
    # Batches of an epoch do not repeat the draws of the first.
    assert torch.equal(runs[0][0], runs[0][1]) != draws


@all_networks
def test_what_is_evaluated_depends_on_no_draw(name):
    network, x = stack_of(name, small(name), [0, 1]).eval(), images(2, small(name))
    logits = network(x)
    start_epoch(network, [8, 9])
    assert torch.equal(network(x), logits)


@all_networks
def test_the_seed_fixes_the_initial_weights_and_another_seed_draws_others(name):
    network = stack_of(name, small(name, 3), [4, 4, 5])
    for parameter_name, value in network.named_parameters():
        assert torch.equal(value[0], value[1])
        is_drawn = not torch.equal(
            value[0], torch.zeros_like(value[0]).fill_(value[0].flatten()[0])
        )
        assert is_drawn == (not torch.equal(value[0], value[2])), parameter_name


@all_networks
def test_the_initial_logits_are_those_of_an_untrained_network(name):
    network = stack_of(name, (1, 28, 28), range(3))
    losses = losses_of(network, images(3, (1, 28, 28)))
    # Near log K, the loss of one who knows nothing; a wrong initial scale is far from it.
    assert (losses - torch.tensor(float(CLASSES)).log()).abs().max() < 0.6


@all_networks
def test_the_state_survives_a_checkpoint_bit_by_bit(name, tmp_path):
    network = stack_of(name, small(name), [0, 1])
    network(images(2, small(name)))  # moves the running averages of batch norm
    write_checkpoint(tmp_path / "state", network.state_dict(), {"epoch": 3})
    tensors, values = read_checkpoint(tmp_path / "state")
    assert values == {"epoch": 3}
    other = stack_of(name, small(name), [8, 9])
    other.load_state_dict(tensors)
    x = images(2, small(name), seed=1)
    assert torch.equal(other.eval()(x), network.eval()(x))


@all_networks
def test_the_state_of_a_member_is_that_of_a_network_alone(name):
    stack, alone = (stack_of(name, small(name), seeds) for seeds in ([3, 4], [0]))
    alone.load_state_dict(member_state(stack, slice(1, 2)))
    x = images(2, small(name))
    torch.testing.assert_close(stack.eval()(x)[1], alone.eval()(x[1:])[0], rtol=1e-5, atol=1e-6)


@all_networks
def test_the_smallest_image_is_one_of_mnist_at_most(name):
    assert 1 <= declared.network(name).min_image_size <= 28
