"""Writes the files of the output folder that are made from the record."""

import csv
import io
import json
import os
from pathlib import Path

import pandas as pd

from tune_noise.history.replay import History
from tune_noise.reporting.figures.draw import draw
from tune_noise.reporting.findings.criteria import criteria_table
from tune_noise.reporting.findings.effort import effort_table
from tune_noise.reporting.findings.importance import importance_table
from tune_noise.reporting.findings.knowledge import knowledge_table
from tune_noise.reporting.findings.summary import Summary, summarise
from tune_noise.reporting.page.contact_sheet import MAX_IMAGES, contact_sheets
from tune_noise.reporting.page.finalist_rows import finalists_table
from tune_noise.reporting.page.page import render_page
from tune_noise.reporting.sentences import verdict_sentence
from tune_noise.reporting.tables import epochs_table, trials_table
from tune_noise.reporting.transition_table import transition_table
from tune_noise.system.garbage import what_is_here_is_kept


def write_outputs(history: History, output: Path, *, max_images: int | None = None) -> Summary:
    """Write the tables, summary.json, figures/ and report.html.

    The tables are trials.csv, epochs.csv, criteria.csv and transition.csv, and in tables/ those of
    the page that the four do not hold.

    Each file appears whole or not at all, so a reader beside a running search never sees half of
    one; files of an earlier call are replaced.

    Args:
        history: the search, finished or not; its `search` event must have been replayed.
        output: the search's output folder; made if it does not exist.
        max_images: the page shows at most so many suspicious images of each condition.

    Returns:
        What the files say, for the terminal.
    """
    with what_is_here_is_kept():
        return _write_outputs(history, output, MAX_IMAGES if max_images is None else max_images)


def _write_outputs(history: History, output: Path, max_images: int) -> Summary:
    summary = summarise(history)
    drawings = draw(history, summary)
    write_tables(history, summary, output)
    _write(output / "summary.json", _json(summary))
    for drawing in drawings:
        _write(output / "figures" / f"{drawing.name}.png", drawing.png)
        _write(output / "figures" / f"{drawing.name}.svg", drawing.svg)
    sheets = contact_sheets(summary, output, max_images=max_images)
    page = render_page(history, summary, drawings, sheets)
    _write(output / "report.html", page.encode())
    return summary


def write_tables(history: History, summary: Summary, output: Path) -> None:
    """Write every table as CSV."""
    _write(output / "trials.csv", _csv(trials_table(history)))
    _write(output / "epochs.csv", _csv(epochs_table(history)))
    _write(output / "criteria.csv", _csv(criteria_table(history)))
    _write(output / "transition.csv", _csv(transition_table(summary)))
    tables = output / "tables"
    _write(tables / "finalists.csv", _csv(finalists_table(summary)))
    found = {condition.name: condition.importances for condition in summary.conditions}
    _write(tables / "importance.csv", _csv(importance_table(found)))
    _write(tables / "effort.csv", _csv(effort_table(history)))
    _write(tables / "knowledge.csv", _csv(knowledge_table(history)))


def _csv(table: pd.DataFrame) -> bytes:
    """As pandas writes it, in half the time."""
    # NaN, NA and None are empty cells.
    columns = [table[name].astype(object).where(table[name].notna(), "") for name in table]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(zip(*(column.tolist() for column in columns), strict=True))
    return text.getvalue().encode()


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
