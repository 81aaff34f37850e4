"""A user's own network, against torch running it alone; and what is said of one that is wrong."""

import pytest
import torch
import torch.nn.functional as F

from tests.models import own_networks
from tune_noise.models.dropout import start_epoch
from tune_noise.models.networks import build_network
from tune_noise.models.own import FactoryError, try_factory
from tune_noise.models.stack import reset_member

PLACE = "tests.models.own_networks"
SHAPE, CLASSES = (2, 6, 5), 4


def stack_of(name, members):
    network = build_network(
        f"{PLACE}:{name}", members=members, input_shape=SHAPE, num_classes=CLASSES
    )
    for member in range(members):
        reset_member(network, member, seed=member)
    start_epoch(network, list(range(members)))
    return network


def copy_of(stack, name, member):
    """The user's own module with the values of one member."""
    own = getattr(own_networks, name)(SHAPE, CLASSES)
    with torch.no_grad():
        for key, value in (*own.named_parameters(), *own.named_buffers()):
            value.copy_(stack.state_dict()[key][member])
    return own


@pytest.mark.parametrize("name", ["everything", "linear", "tied"])
def test_a_member_trains_as_the_users_module_does_alone(name):
    stack = stack_of(name, 3)
    for module in stack._template[0].modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    alone = [copy_of(stack, name, member) for member in range(3)]
    for own in alone:
        if name == "everything":
            own.dropout.p = 0.0
    optimizers = [torch.optim.SGD(n.parameters(), lr=0.1) for n in (stack, *alone)]
    target = torch.arange(8) % CLASSES
    for step in range(3):
        x = torch.randn(3, 8, *SHAPE, generator=torch.Generator().manual_seed(step))
        logits = stack(x)
        losses = [F.cross_entropy(logits[m], target) for m in range(3)]
        own_losses = [F.cross_entropy(own(x[m]), target) for m, own in enumerate(alone)]
        torch.testing.assert_close(losses, own_losses)
        for optimizer, loss in zip(optimizers, [sum(losses), *own_losses], strict=True):
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    for member, own in enumerate(alone):
        for key, value in (*own.named_parameters(), *own.named_buffers()):
            torch.testing.assert_close(stack.state_dict()[key][member], value)


def test_buffers_move_in_the_stack_whether_changed_in_place_or_replaced():
    stack = stack_of("everything", 2)
    stack(torch.randn(2, 8, *SHAPE))
    state = stack.state_dict()
    assert state["seen"].tolist() == [8.0, 8.0]
    assert state["block.1.num_batches_tracked"].tolist() == [1, 1]
    assert (state["block.1.running_mean"] != 0).all()
    assert not torch.equal(*state["block.1.running_mean"])
    stack.eval()(torch.randn(2, 8, *SHAPE))
    assert state["seen"].tolist() == [8.0, 8.0]


def test_tied_weights_stay_one_parameter_and_frozen_ones_stay_frozen():
    stack = stack_of("tied", 2)
    names = dict(stack.named_parameters())
    assert sorted(names) == ["first.weight", "out.bias", "out.weight"]
    assert [name for name, value in names.items() if not value.requires_grad] == ["out.bias"]


def test_a_network_is_made_and_run_without_a_global_generator():
    before = torch.get_rng_state()
    stack = stack_of("everything", 2)
    stack(torch.randn(2, 8, *SHAPE, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", ["everything", "linear", "tied"])
def test_a_right_network_is_let_pass(name):
    try_factory(f"{PLACE}:{name}", SHAPE, CLASSES)


WRONG = [
    ("no_such_package:build", "no_such_package cannot be imported (ModuleNotFoundError: No mod"),
    ("module_that_breaks:build", "cannot be imported (ZeroDivisionError: division by"),
    ("module_that_exits:build", "cannot be imported (SystemExit: 3)"),
    (f"{PLACE}:linaer", "has no 'linaer': did you mean 'linear'?"),
    (f"{PLACE}:not_callable", "it must be a class or a function"),
    (f"{PLACE}:raises", "input_shape=(2, 6, 5), num_classes=4 it raised RuntimeError: no GPU foun"),
    (f"{PLACE}:takes_nothing", "it raised TypeError: takes_nothing() takes 0 positional"),
    (f"{PLACE}:no_module", "must return an nn.Module, not str"),
    (f"{PLACE}:no_parameters", "has no parameter to train"),
    (f"{PLACE}:lazy", "has lazy parameters; pass an image through it in the factory"),
    (f"{PLACE}:too_few_logits", "[4, 2, 6, 5] to logits [4, 4], one per class; it gives [4, 3]"),
    (f"{PLACE}:wrong_input", "fails on float images [4, 2, 6, 5] in training mode: RuntimeError"),
    (f"{PLACE}:two_outputs", "must give one tensor of logits, not tuple"),
    (f"{PLACE}:never_the_same", "must give the same network every time; 1.weight differs"),
]


@pytest.mark.parametrize(("path", "reason"), WRONG)
def test_what_is_wrong_with_a_factory_is_said_in_one_line(path, reason, tmp_path, monkeypatch):
    (tmp_path / "module_that_breaks.py").write_text("1 / 0")
    (tmp_path / "module_that_exits.py").write_text("raise SystemExit(3)")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(FactoryError) as caught:
        try_factory(path, SHAPE, CLASSES)
    message = str(caught.value)
    assert message.startswith(f"{path!r}: ")
    assert reason in message
    assert "\n" not in message
