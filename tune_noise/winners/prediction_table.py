"""Predictions as people and programs read them: a table, and the accuracy beside labels."""

from typing import Any

import numpy as np

from tune_noise.training.prediction import Predictions
from tune_noise.winners.new_data import MISSING, NewData


def accuracies(data: NewData, predictions: Predictions) -> dict[str, dict[str, Any]]:
    """Return what holds labels -> accuracy; for several networks also the accuracy of each."""
    table: dict[str, dict[str, Any]] = {}
    for name, labels in data.labels.items():
        has_label = labels != MISSING
        labels = labels[has_label]
        correct = int((predictions.labels[has_label] == labels).sum())
        # Every example was an image when the key was named.
        row = {"accuracy": correct / len(labels), "correct": correct, "images": len(labels)}
        by_network = predictions.by_network[:, has_label]
        if len(by_network) > 1:
            shares = (by_network == labels).mean(axis=1)
            row |= {"of_networks": shares.tolist(), "mean_of_networks": shares.mean()}
        table[name] = row
    return table


def accuracy_sentences(data: NewData, predictions: Predictions) -> list[str]:
    """Return a sentence for each kind of labels."""
    sentences = []
    for name, of in accuracies(data, predictions).items():
        share = f"{100.0 * of['accuracy']:.4g} % ({of['correct']} of {of['images']})"
        note = " (as given: some may be wrong)" if name in data.given else ""
        sentence = f"accuracy {share} of {data.name} against {name}{note}"
        if "of_networks" in of:
            mean = f"{100.0 * of['mean_of_networks']:.4g} %"
            sentence += f"; by one of its {len(of['of_networks'])} networks alone {mean} on average"
        if unlabelled := len(predictions.labels) - of["images"]:
            sentence += f"; {unlabelled:,} without a label are not counted"
        sentences.append(sentence)
    return sentences


def as_rows(data: NewData, predictions: Predictions, *, is_named: bool) -> list[dict[str, Any]]:
    """Return a mapping for each input, for JSON.

    Args:
        data: gives the ids.
        predictions: of its inputs.
        is_named: whether classes are told by name; otherwise they are numbers.
    """
    labels = (predictions.words if is_named else predictions.labels).tolist()
    rows: list[dict[str, Any]] = [{"index": i} for i in range(len(labels))]
    for key, values in {
        "id": data.ids,
        "predicted_label": np.array(labels, object),
        "probability": predictions.probability,
        "probabilities": predictions.probabilities,
    }.items():
        if values is not None:
            for row, value in zip(rows, values.tolist(), strict=True):
                row[key] = value
    return rows


def as_csv(data: NewData, predictions: Predictions) -> str:
    """Return the table as CSV, with probabilities of six digits."""
    frame = predictions.to_frame()
    if data.ids is not None:
        frame.insert(0, "id", data.ids)
    return str(frame.to_csv(index_label="index", float_format="%.6g", lineterminator="\n"))
