"""What a step cannot do without, counted by hand."""

import sys
from pathlib import Path

import torch

from tune_noise.models.networks import build_network

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from ceiling import Product, products_of_step

BATCH, PIXELS, HIDDEN, CLASSES = 5, 28 * 28, 256, 10


def test_a_hidden_layer_has_five_products_per_member_whether_images_are_shared_or_not() -> None:
    network = build_network("mlp1", members=2, input_shape=(1, 28, 28), num_classes=CLASSES)
    wanted = {
        Product(BATCH, PIXELS, HIDDEN): 2,
        Product(BATCH, HIDDEN, CLASSES): 2,
        Product(PIXELS, BATCH, HIDDEN): 2,
        Product(HIDDEN, BATCH, CLASSES): 2,
        Product(BATCH, CLASSES, HIDDEN): 2,
    }
    for groups in (1, 2):
        found = products_of_step(network, torch.zeros(groups, BATCH, 1, 28, 28))
        assert {product: found.count(product) for product in found} == wanted
