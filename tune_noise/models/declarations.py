"""The shipped networks, each declared once. Nothing here imports torch.

To add a network: its builder in `networks.py`, and its declaration at the end of `NETWORKS`.
"""

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

_MORE: dict[str, dict[str, Any]] = {
    "perceptron": {},
    "mlp1": {},
    "mlp2": {},
    "mlp4": {},
    "conv4": {},
    "conv6": {},
    "conv9_small": {"min_image_size": 4},
    # Two pools halve the image, and three unpadded 3 x 3 convolutions take 2 pixels off each.
    "conv9": {"min_image_size": 2 * 2 * (1 + 3 * 2), "fields": (DROPOUT,)},
    "resnet18": {},
}
_DECLARATIONS = tuple(
    NetworkDeclaration(name=name, implementation=f"tune_noise.models.networks:{name}", **more)
    for name, more in _MORE.items()
)
NETWORKS = {declaration.name: declaration for declaration in _DECLARATIONS}
