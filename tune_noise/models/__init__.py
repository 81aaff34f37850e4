"""Networks built of stacked layers: every parameter carries a leading member dimension."""

from tune_noise.models.dropout import start_epoch
from tune_noise.models.networks import NETWORKS, build_network, min_image_size
from tune_noise.models.own import FactoryError, ImageShape, try_factory
from tune_noise.models.stack import member_state, reset_member

__all__ = [
    "NETWORKS",
    "FactoryError",
    "ImageShape",
    "build_network",
    "member_state",
    "min_image_size",
    "reset_member",
    "start_epoch",
    "try_factory",
]
