"""winners/CONDITION/unlabelled.csv: what the winner predicts for the examples without a label."""

import csv
import io
from pathlib import Path

from tune_noise.config.words import class_name
from tune_noise.data import Dataset
from tune_noise.record.folder import UNLABELLED_CSV
from tune_noise.system.files import replace_file
from tune_noise.training.saved_model import load_model

# Probabilities that are in memory at once.
_BLOCK = 10_000_000


def write_unlabelled(target: Path, dataset: Dataset, *, own_network: str | None) -> None:
    """Write the class and its probability for each example whose label is missing, if there is any.

    Args:
        target: folder of the winner, with its model.
        dataset: what was trained on.
        own_network: see `load_model`.

    Raises:
        DataError: the folder holds no model.
        OSError: the folder cannot be written.
    """
    inputs, ids = dataset.unlabelled_inputs, dataset.unlabelled_ids
    if inputs is None:
        return
    model = load_model(target, own_network=own_network)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["index" if ids is None else "id", "predicted_label", "probability"])
    size = max(1, _BLOCK // dataset.num_classes)
    for start in range(0, len(inputs), size):
        chances = model.predict_probabilities(inputs[start : start + size])
        labels, highest = chances.argmax(axis=1).tolist(), chances.max(axis=1).tolist()
        for row, (label, chance) in enumerate(zip(labels, highest, strict=True), start):
            word = class_name(label, dataset.class_names)
            writer.writerow([row if ids is None else ids[row], word, f"{chance:.6g}"])
    replace_file(target / UNLABELLED_CSV, text.getvalue().encode("utf-8", "backslashreplace"))
