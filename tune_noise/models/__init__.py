"""Networks built of stacked layers: every parameter carries a leading member dimension."""

from tune_noise.models.networks import NETWORKS, build_network, min_image_size
from tune_noise.models.stack import member_state, reset_member

__all__ = ["NETWORKS", "build_network", "member_state", "min_image_size", "reset_member"]
