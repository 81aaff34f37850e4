"""Views: each operation against torchvision's, and draws that belong to an example and an epoch."""

import numpy as np
import pytest
import torch

from tune_noise.config.trial import TrialConfig
from tune_noise.data.resident import ResidentFeatures, ResidentImages
from tune_noise.training.views import Views, affine_matrices, drop_features, uniform_draws

BLACK = torch.tensor([-0.5])


def features(count=20, width=6):
    rows = np.random.default_rng(0).normal(size=(count, width)).astype(np.float32)
    return ResidentFeatures(rows, mean=[0.0] * width, std=[1.0] * width, unit=False, device="cpu")


def pictures(count=20):
    pixels = np.random.default_rng(0).integers(256, size=(count, 1, 8, 8)).astype(np.uint8)
    return ResidentImages(pixels, mean=[0.5], std=[0.5], device="cpu")


def views_of(inputs, strengths, *seeds, augmentation="none"):
    configs = [TrialConfig(augmentation=augmentation, seed=seed) for seed in seeds]
    return Views(configs, inputs, num_examples=20, strengths=strengths)


def test_draws_are_uniform_and_those_of_two_keys_have_nothing_in_common():
    keys = torch.from_numpy(np.random.default_rng(0).integers(2**32, size=300))
    draws = uniform_draws(keys, 200)
    assert ((draws >= 0) & (draws < 1)).all()
    counts = torch.histc(draws, 10, 0, 1) / draws.numel()
    assert counts == pytest.approx(torch.full((10,), 0.1), abs=0.005)
    for axis in (draws, draws.T):
        correlations = np.corrcoef(axis.numpy())[np.triu_indices(len(axis), 1)]
        assert np.abs(correlations).mean() < 0.08
    assert draws.unique().numel() > 0.95 * draws.numel()


@pytest.mark.parametrize("inputs", [features, pictures])
@pytest.mark.parametrize("augmentation", ["none", "standard"])
def test_a_view_depends_on_seed_epoch_and_example_alone(inputs, augmentation):
    if inputs is features and augmentation == "standard":
        pytest.skip("features are not moved")
    strengths = [[0.3, 0.6], [0.5, 0.5]]
    pair = views_of(inputs(), strengths, 1, 2, augmentation=augmentation)
    alone = views_of(inputs(), [[0.6], [0.5]], 2, augmentation=augmentation)
    for views in (pair, alone):
        views.start_epoch(5)
    whole = torch.arange(20)
    some = torch.tensor([7, 3, 11])
    shown = pair(inputs().batch(whole.repeat(2, 1)), whole.repeat(2, 1))
    part = alone(inputs().batch(some[None]), some[None])
    torch.testing.assert_close(shown[1, :20][some], part[0, :3])
    torch.testing.assert_close(shown[1, 20:][some], part[0, 3:])
    assert not torch.equal(shown[:, :20], shown[:, 20:])
    pair.start_epoch(6)
    assert not torch.equal(shown, pair(inputs().batch(whole.repeat(2, 1)), whole.repeat(2, 1)))


def test_without_strength_a_view_is_the_very_tensor():
    views = views_of(features(), None, 1)
    views.start_epoch(0)
    rows = features().batch(torch.arange(20)[None])
    assert views(rows, torch.arange(20)[None]) is rows


def test_dropped_features_keep_their_mean():
    rows = torch.ones(2, 300, 50)
    keys = torch.from_numpy(np.random.default_rng(0).integers(2**32, size=(2, 300)))
    dropped = drop_features(rows, keys, torch.tensor([[0.0], [0.25]]))
    assert torch.equal(dropped[0], rows[0])
    assert dropped[1].unique().tolist() == pytest.approx([0.0, 4 / 3])
    assert float(dropped[1].mean()) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(
    ("kind", "amount", "transform"),
    [
        (0, 0.5, {}),
        (1, 0.5, {"angle": 15.0}),
        (2, 0.5, {"shear": [np.degrees(np.arctan(0.15)), 0.0]}),
        (3, -0.5, {"shear": [0.0, -np.degrees(np.arctan(0.15))]}),
        (4, 4 / 3.6, {"translate": [4, 0]}),
        (5, -4 / 3.6, {"translate": [0, -5]}),
    ],
)
def test_a_matrix_moves_a_picture_as_torchvision_does(kind, amount, transform):
    from tune_noise.data.torchvision_import import import_torchvision

    import_torchvision()
    from torchvision.transforms.v2 import InterpolationMode
    from torchvision.transforms.v2.functional import affine

    picture = torch.rand(1, 1, 10, 8, generator=torch.Generator().manual_seed(0))
    matrix = affine_matrices(torch.tensor([kind]), torch.tensor([amount]), 10 / 8)
    grid = torch.nn.functional.affine_grid(matrix, [1, 1, 10, 8], align_corners=False)
    moved = torch.nn.functional.grid_sample(picture, grid, align_corners=False)
    given = {"angle": 0.0, "translate": [0, 0], "scale": 1.0, "shear": [0.0, 0.0]} | transform
    expected = affine(picture, interpolation=InterpolationMode.BILINEAR, **given)
    torch.testing.assert_close(moved, expected, atol=1e-5, rtol=1e-5)
