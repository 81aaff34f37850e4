import numpy as np
import pytest
import torch

from tune_noise.data.input_views import JoinedInputs, PickedInputs
from tune_noise.data.resident import ResidentImages

ARRAY = np.random.default_rng(0).integers(0, 256, (30, 1, 3, 3), dtype=np.uint8)


def resident(array):
    return ResidentImages(array, mean=[0.4], std=[0.3], device="cpu")


@pytest.mark.parametrize("cut", [1, 10, 29])
@pytest.mark.parametrize("shape", [(30,), (2, 3, 5)])
def test_two_sets_joined_are_as_one(cut, shape):
    joined = JoinedInputs(resident(ARRAY[:cut]), resident(ARRAY[cut:]))
    whole = resident(ARRAY)
    assert len(joined) == len(whole) == 30
    indices = torch.randperm(30, generator=torch.Generator().manual_seed(0)).view(shape)
    assert torch.equal(joined.batch(indices), whole.batch(indices))


def test_picked_images_come_in_their_own_order():
    whole, picks = resident(ARRAY), torch.tensor([7, 0, 7, 29])
    picked = PickedInputs(whole, picks)
    assert len(picked) == 4
    indices = torch.tensor([[3, 0], [1, 2]])
    assert torch.equal(picked.batch(indices), whole.batch(picks[indices]))
