"""Where a search keeps the state of its stacks inside its output folder."""

from pathlib import Path


def checkpoints_dir(output: Path) -> Path:
    """The folder of all states; empty of use once a search is over."""
    return output / "checkpoints"


def checkpoint_file(output: Path, stack_id: str) -> Path:
    """Where a stack that still trains keeps its state."""
    return checkpoints_dir(output) / f"{stack_id}.safetensors"


def previous_checkpoint_file(output: Path, stack_id: str) -> Path:
    """Where it keeps the state before that one."""
    return checkpoints_dir(output) / f"{stack_id}.previous.safetensors"


def weights_file(output: Path, stack_id: str) -> Path:
    """Where a confirmed stack leaves its weights: tensors `NUMBER.NAME`, NUMBER of the trial."""
    return checkpoints_dir(output) / f"{stack_id}.weights.safetensors"
