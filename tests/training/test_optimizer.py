import pytest
import torch
from torch import nn

from tune_noise.config.trial import TrialConfig
from tune_noise.training.optimizer import StackOptimizer, learning_rate_factor


def factors(**fields):
    config = TrialConfig(**fields)
    return [learning_rate_factor(epoch, config) for epoch in range(config.epochs)]


def test_a_constant_schedule_is_1_throughout():
    assert factors(epochs=5) == [1.0] * 5


def test_a_linear_schedule_falls_after_its_start_to_reach_0_after_the_last_epoch():
    assert factors(epochs=10, lr_schedule="linear", lr_decay_start=0.5) == pytest.approx(
        [1, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2]
    )
    assert factors(epochs=4, lr_schedule="linear", lr_decay_start=0.0) == pytest.approx(
        [1, 0.75, 0.5, 0.25]
    )


def test_the_official_schedule_of_co_teaching_is_one_of_them():
    # 200 epochs, decay from epoch 80 on: (200 - epoch) / (200 - 80).
    found = factors(epochs=200, lr_schedule="linear", lr_decay_start=0.4)
    assert found == pytest.approx([1.0] * 80 + [(200 - e) / 120 for e in range(80, 200)])


def test_a_cosine_schedule_is_that_of_torch():
    parameter = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10)
    expected = []
    for _ in range(10):
        expected.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    assert factors(epochs=10, lr_schedule="cosine") == pytest.approx(expected)


def test_a_cosine_schedule_may_begin_late():
    rates = factors(epochs=8, lr_schedule="cosine", lr_decay_start=0.5)
    assert rates == pytest.approx([1, 1, 1, 1, 1, (1 + 0.5**0.5) / 2, 0.5, (1 - 0.5**0.5) / 2])


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_the_rate_rises_in_equal_steps_before_it_falls(schedule):
    rates = factors(epochs=10, lr_schedule=schedule, lr_warm_up=0.4)
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert rates[5:] == sorted(rates[5:], reverse=True)


def test_the_fall_begins_after_the_rise():
    rates = factors(epochs=8, lr_schedule="cosine", lr_warm_up=0.5)
    assert rates == pytest.approx(
        [0.2, 0.4, 0.6, 0.8, 1.0, (1 + 0.5**0.5) / 2, 0.5, (1 - 0.5**0.5) / 2]
    )


@pytest.mark.parametrize("epochs", [1, 3, 7])
@pytest.mark.parametrize("start", [0.0, 0.33, 0.5, 0.99])
def test_a_linear_schedule_is_positive_at_most_1_and_never_rises(epochs, start):
    found = factors(epochs=epochs, lr_schedule="linear", lr_decay_start=start)
    assert found[0] == 1.0
    assert all(0 < f <= 1 for f in found)
    assert found == sorted(found, reverse=True)


class Stack(nn.Module):
    def __init__(self, values):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(values))


MAKERS = {
    "sgd": lambda parameters, lr: torch.optim.SGD(parameters, lr=lr, momentum=0.9),
    "adam": lambda parameters, lr: torch.optim.Adam(parameters, lr=lr),
    "adadelta": lambda parameters, lr: torch.optim.Adadelta(parameters, lr=lr),
}


@pytest.mark.parametrize("networks", [1, 2])
@pytest.mark.parametrize("optimizer", MAKERS)
def test_each_replicate_takes_the_steps_of_torchs_optimizer_at_its_own_rate(optimizer, networks):
    lrs = [0.5, 0.01, 0.1]
    fields = {"optimizer": optimizer, "lr_schedule": "linear", "lr_decay_start": 0.0, "epochs": 6}
    start = torch.randn(3 * networks, 4, generator=torch.Generator().manual_seed(0))
    stack = Stack(start.tolist())
    ours = StackOptimizer(stack, [TrialConfig(lr=lr, **fields) for lr in lrs])
    alone = [nn.Parameter(member.clone()) for member in start]
    theirs = [
        MAKERS[optimizer]([parameter], lrs[m // networks]) for m, parameter in enumerate(alone)
    ]
    for epoch in range(6):
        ours.start_epoch(epoch)
        ours.step(((stack.weight - 1.0) ** 2).sum())
        for m, (parameter, own) in enumerate(zip(alone, theirs, strict=True)):
            own.param_groups[0]["lr"] = lrs[m // networks] * (6 - epoch) / 6
            own.zero_grad()
            ((parameter - 1.0) ** 2).sum().backward()
            own.step()
    torch.testing.assert_close(stack.weight, torch.stack(list(alone)), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("rates", [[0.1, 0.1], [0.1, 0.02]])
@pytest.mark.parametrize("optimizer", MAKERS)
def test_how_a_parameter_lies_in_memory_does_not_matter(optimizer, rates):
    start = torch.randn((2, 3, 4), generator=torch.Generator().manual_seed(0))
    configs = [TrialConfig(optimizer=optimizer, lr=lr) for lr in rates]
    found = []
    for order in ((0, 1, 2), (0, 2, 1), (2, 1, 0), (1, 0, 2)):  # each its own inverse
        stack = Stack([0.0])
        laid_out = start.permute(order).clone(memory_format=torch.contiguous_format)
        stack.weight = nn.Parameter(laid_out.permute(order))
        ours = StackOptimizer(stack, configs)
        for _ in range(3):
            ours.step(((stack.weight - 1.0) ** 3).sum())
        found.append({"weight": stack.weight.detach(), **ours.state_tensors()})
    for other in found[1:]:
        assert other.keys() == found[0].keys()
        for name, value in other.items():
            torch.testing.assert_close(value, found[0][name])


@pytest.mark.parametrize("optimizer", MAKERS)
def test_a_frozen_parameter_and_one_that_the_loss_does_not_use_stay_as_they_are(optimizer):
    stack = Stack([[1.0]])
    stack.frozen = nn.Parameter(torch.ones(1, 2), requires_grad=False)
    stack.unused = nn.Parameter(torch.ones(1, 2))
    ours = StackOptimizer(stack, [TrialConfig(optimizer=optimizer, lr=0.1)])
    ours.step((stack.weight * stack.frozen.sum()).sum())
    assert stack.weight.item() != 1.0
    assert stack.frozen.tolist() == stack.unused.tolist() == [[1.0, 1.0]]


@pytest.mark.parametrize("optimizer", MAKERS)
def test_the_state_goes_to_another_optimizer_and_is_copied(optimizer):
    config = TrialConfig(optimizer=optimizer, lr=0.1)
    stack = Stack([[3.0, -2.0]])
    first = StackOptimizer(stack, [config])
    for _ in range(3):
        first.step((stack.weight**2).sum())
    twin = Stack(stack.weight.tolist())
    second = StackOptimizer(twin, [config])
    second.load_state_tensors(first.state_tensors())
    for _ in range(3):
        first.step((stack.weight**2).sum())
        second.step((twin.weight**2).sum())
        assert torch.equal(stack.weight, twin.weight)


def test_sgd_takes_its_momentum_from_the_configuration():
    steps = []
    for momentum in (0.0, 0.5):
        stack = Stack([[1.0]])
        ours = StackOptimizer(stack, [TrialConfig(optimizer="sgd", lr=0.1, momentum=momentum)])
        for _ in range(2):
            ours.step(stack.weight.sum())  # the gradient is 1
        steps.append(1.0 - stack.weight.item())
    assert steps == pytest.approx([0.2, 0.1 + 0.15])
