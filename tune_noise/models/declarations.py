"""The shipped networks, each declared once. Nothing here imports torch.

To add one, write its builder in `networks.py`, and its declaration here.
"""

from collections.abc import Mapping
from typing import Any

from tune_noise.declaration import Field, NetworkDeclaration

DROPOUT = Field(
    name="dropout",
    type=float,
    default=0.25,
    ge=0.0,
    lt=1.0,
    per_replicate=False,
    description="probability in [0, 1) that a channel is dropped in training; the co-teaching "
    "paper says 0.25, its code effectively ran with 0",
)
INPUT_DROPOUT = Field(
    name="input_dropout",
    type=float,
    default=0.0,
    ge=0.0,
    lt=1.0,
    per_replicate=False,
    description="probability in [0, 1) that a value of the input is dropped in training",
)
_ANY_KIND = ("pictures", "features")
_HAN = "Han et al. 2018, arXiv:1804.06872"
_ROLNICK = "Rolnick et al. 2017, arXiv:1705.10694"


def _network(name: str, summary: str, **values: Any) -> NetworkDeclaration:
    return NetworkDeclaration(
        name=name,
        summary=summary,
        implementation=f"tune_noise.models.networks:{name}",
        **values,
    )


_DECLARATIONS = (
    _network(
        "perceptron",
        "one linear layer from inputs to classes",
        source=_ROLNICK,
        inputs=_ANY_KIND,
        fields=(INPUT_DROPOUT,),
        added_on_cpu=0.4,
    ),
    _network(
        "mlp1",
        "one hidden layer of 256 ReLU units: the MNIST-MLP of the co-teaching literature",
        source=_HAN,
        inputs=_ANY_KIND,
        fields=(INPUT_DROPOUT,),
        added_on_cpu=0.6,
    ),
    _network(
        "mlp2",
        "hidden layers of 256 and 128 ReLU units",
        source=_ROLNICK,
        inputs=_ANY_KIND,
        fields=(INPUT_DROPOUT,),
        added_on_cpu=0.6,
    ),
    _network(
        "mlp4",
        "four hidden layers, of 256, 128, 64 and 32 ReLU units",
        source=_ROLNICK,
        inputs=_ANY_KIND,
        fields=(INPUT_DROPOUT,),
        added_on_cpu=0.6,
    ),
    _network(
        "conv4",
        "four 3 x 3 convolutions of 16, 32, 64 and 128 channels, then a global average",
        source=_ROLNICK,
    ),
    _network(
        "conv6",
        "six 3 x 3 convolutions of 32 to 128 channels, then a global average",
        source=_ROLNICK,
    ),
    _network(
        "conv9_small",
        "nine convolutions of 4, 8 and 16 channels with batch norm, then 12 hidden units",
        min_image_size=4,
    ),
    _network(
        "conv9",
        "the 9-layer CNN of the co-teaching paper, 128 to 512 channels, with dropout",
        source=_HAN,
        # Two pools halve the image, and three unpadded 3 x 3 convolutions take 2 pixels off each.
        min_image_size=2 * 2 * (1 + 3 * 2),
        fields=(DROPOUT,),
    ),
    _network(
        "resnet18",
        "ResNet-18 for small images: a 3 x 3 stem without max-pool, 64 to 512 channels",
        source="He et al. 2015, arXiv:1512.03385",
    ),
    _network(
        "preact_resnet18",
        "ResNet-18 for small images, with batch norm and ReLU before each convolution",
        source="He et al. 2016, arXiv:1603.05027",
    ),
)
NETWORKS: Mapping[str, NetworkDeclaration] = {one.name: one for one in _DECLARATIONS}
