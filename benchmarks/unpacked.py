"""MNIST where torchvision may unpack it, beside the files that others read."""

from pathlib import Path


def unpacked_apart(data_dir: Path, folder: Path) -> Path:
    """The official files, linked into a folder where torchvision may unpack them."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for packed in (data_dir.expanduser() / "MNIST" / "raw").glob("*.gz"):
        (raw / packed.name).symlink_to(packed.resolve())
    return folder
