import pytest
import torch

from tune_noise.models.dropout import FlatInput, StackedDropout2d, start_epoch


def ones(members=2, batch=50, channels=40):
    return torch.ones(members, batch, channels, 3, 2)


def started(rate, seeds):
    layer = StackedDropout2d(rate)
    start_epoch(layer, seeds)
    return layer


@pytest.mark.parametrize("rate", [0.25, 0.5, 0.9])
def test_whole_channels_are_dropped_at_the_rate_and_the_mean_stays(rate):
    y = started(rate, [0, 1])(ones())
    assert (y == y[..., :1, :1]).all()
    flat = y[..., 0, 0].flatten()
    assert set(flat.tolist()) == {0.0, torch.tensor(1 / (1 - rate)).item()}
    # 4,000 channels: five standard errors of a share.
    share = (flat == 0).float().mean().item()
    assert share == pytest.approx(rate, abs=5 * (rate * (1 - rate) / 4000) ** 0.5)


def test_nothing_is_dropped_in_evaluation_or_at_rate_0():
    x = ones()
    assert StackedDropout2d(0.5).eval()(x) is x
    assert StackedDropout2d(0.0)(x) is x


def test_the_mask_of_a_member_follows_from_its_seed_whoever_is_beside_it():
    pair, alone = started(0.5, [3, 4])(ones()), started(0.5, [4])(ones(1))
    assert torch.equal(pair[1], alone[0])
    assert not torch.equal(pair[0], pair[1])
    assert torch.equal(started(0.5, [3, 4])(ones()), pair)


def test_layers_of_one_network_and_batches_of_one_epoch_draw_apart():
    network = torch.nn.ModuleList([StackedDropout2d(0.5), StackedDropout2d(0.5)])
    start_epoch(network, [7, 8])
    draws = [layer(ones()) for layer in (*network, *network)]
    for place, one in enumerate(draws):
        assert not any(torch.equal(one, other) for other in draws[:place])


def test_training_without_an_epoch_is_a_mistake_of_ours():
    with pytest.raises(RuntimeError, match="start_epoch must give a seed per member"):
        StackedDropout2d(0.5)(ones())


def test_a_flat_input_keeps_members_and_batch_apart():
    x = torch.randn(3, 6, 2, 4, 5)
    torch.testing.assert_close(FlatInput(0.5).eval()(x)[1], x[1].flatten(1), rtol=0, atol=0)


def test_members_that_share_an_input_drop_values_of_their_own():
    layer = FlatInput(0.5)
    start_epoch(layer, [0, 1, 2, 3])
    y = layer(torch.ones(2, 50, 40))
    assert y.shape == (4, 50, 40)
    assert set(y.unique().tolist()) == {0.0, 2.0}
    assert (y == 0).float().mean().item() == pytest.approx(0.5, abs=5 * (0.25 / 8000) ** 0.5)
    assert not torch.equal(y[0], y[1])


def test_what_a_member_drops_depends_on_its_seed_alone():
    alone, together = FlatInput(0.5), FlatInput(0.5)
    start_epoch(alone, [7])
    start_epoch(together, [3, 7])
    x = torch.randn(1, 20, 30)
    assert torch.equal(alone(x)[0], together(x)[1])
