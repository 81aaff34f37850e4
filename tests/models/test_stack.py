import torch

from tune_noise.models.networks import build_network
from tune_noise.models.stack import member_state, reset_member


def network_of(members):
    return build_network("mlp1", members=members, input_shape=(1, 4, 4), num_classes=3)


def test_resetting_a_member_leaves_the_others_alone():
    network = network_of(3)
    for member in range(3):
        reset_member(network, member, seed=member)
    before = member_state(network, slice(None))
    reset_member(network, 1, seed=99)
    for name, value in network.state_dict().items():
        assert torch.equal(value[[0, 2]], before[name][[0, 2]])
        assert not torch.equal(value[1], before[name][1])


def test_resetting_uses_the_seed_and_no_global_generator():
    torch.manual_seed(0)
    first = network_of(1)
    reset_member(first, 0, seed=7)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    again = network_of(2)
    reset_member(again, 1, seed=7)
    assert torch.equal(torch.get_rng_state(), before)
    for name, value in first.state_dict().items():
        assert torch.equal(value[0], again.state_dict()[name][1])


def test_the_state_of_a_member_is_a_copy():
    network = network_of(2)
    reset_member(network, 1, seed=0)
    state = member_state(network, slice(1, 2))
    assert all(len(value) == 1 and not value.requires_grad for value in state.values())
    before = {name: value.clone() for name, value in state.items()}
    reset_member(network, 1, seed=1)
    for name, value in state.items():
        assert torch.equal(value, before[name])
