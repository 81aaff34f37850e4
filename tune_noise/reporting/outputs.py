"""Writes the files of the output folder that are made from the record."""

import json
import os
from pathlib import Path

import pandas as pd

from tune_noise.history import History
from tune_noise.reporting.contact_sheet import MAX_IMAGES, contact_sheets
from tune_noise.reporting.criteria import criteria_table
from tune_noise.reporting.figures import draw
from tune_noise.reporting.page import render_page
from tune_noise.reporting.sentences import verdict_sentence
from tune_noise.reporting.summary import Summary, summarise
from tune_noise.reporting.tables import epochs_table, trials_table
from tune_noise.reporting.transition_table import transition_table


def write_outputs(history: History, output: Path, *, thumbnails: int = MAX_IMAGES) -> Summary:
    """Write the tables, summary.json, figures/ and report.html.

    The tables are trials.csv, epochs.csv, criteria.csv and transition.csv.

    Each file appears whole or not at all, so a reader beside a running search never sees half of
    one; files of an earlier call are replaced.

    Args:
        history: the search, finished or not; its `search` event must have been replayed.
        output: the search's output folder; made if it does not exist.
        thumbnails: the page shows at most so many suspicious images of each condition.

    Returns:
        What the files say, for the terminal.
    """
    summary = summarise(history)
    drawings = draw(history, summary)
    _write(output / "trials.csv", _csv(trials_table(history)))
    _write(output / "epochs.csv", _csv(epochs_table(history)))
    _write(output / "criteria.csv", _csv(criteria_table(history)))
    _write(output / "transition.csv", _csv(transition_table(summary)))
    _write(output / "summary.json", _json(summary))
    for drawing in drawings:
        _write(output / "figures" / f"{drawing.name}.png", drawing.png)
        _write(output / "figures" / f"{drawing.name}.svg", drawing.svg)
    page = render_page(
        history, summary, drawings, contact_sheets(summary, output, max_images=thumbnails)
    )
    _write(output / "report.html", page.encode())
    return summary


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, lineterminator="\n").encode()


def _json(summary: Summary) -> bytes:
    content = summary.to_json()
    for condition, entry in zip(summary.conditions, content["conditions"], strict=True):
        entry["sentence"] = verdict_sentence(condition)
    return (json.dumps(content, indent=2, allow_nan=False) + "\n").encode()


def _write(path: Path, content: bytes) -> None:
    """Write beside the file, then rename: a rename within one folder is atomic."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
