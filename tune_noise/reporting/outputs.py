"""Writes the files of the output folder that are made from the record."""

import json
from pathlib import Path

from tune_noise.history.replay import History
from tune_noise.record.folder import FIGURES, REPORT_FILE, SUMMARY_FILE
from tune_noise.reporting.before_repair import gain_of
from tune_noise.reporting.figures.draw import draw
from tune_noise.reporting.findings.summary import Summary, summarise
from tune_noise.reporting.page.contact_sheet import MAX_EXAMPLES, contact_sheets
from tune_noise.reporting.page.page import render_page
from tune_noise.reporting.sentences import badge, verdict_sentence
from tune_noise.reporting.tables import search_tables
from tune_noise.system.files import replace_file
from tune_noise.system.garbage import freeze_objects


def write_outputs(history: History, output: Path, *, max_examples: int | None = None) -> Summary:
    """Write every table, summary.json, figures/ and report.html.

    A file appears whole or not at all, so nobody who reads beside a running search sees half of
    one. The files of an earlier call are replaced.

    Args:
        history: the search, finished or not; its `search` event must have been replayed.
        output: the search's output folder; made if it does not exist.
        max_examples: the page shows at most so many suspicious examples of each condition.

    Returns:
        The findings that the files hold, for the terminal.
    """
    with freeze_objects():
        summary = summarise(history)
        drawings = draw(history, summary)
        write_tables(history, summary, output)
        _write(output / SUMMARY_FILE, _json(summary))
        for drawing in drawings.values():
            _write(output / FIGURES / f"{drawing.name}.png", drawing.png)
            _write(output / FIGURES / f"{drawing.name}.svg", drawing.svg)
        most = MAX_EXAMPLES if max_examples is None else max_examples
        sheets = contact_sheets(summary, output, max_examples=most)
        _write(output / REPORT_FILE, render_page(history, summary, drawings, sheets).encode())
        return summary


def write_tables(history: History, summary: Summary, output: Path) -> None:
    """Write every table of a search as CSV."""
    for name, table in search_tables(history, summary).items():
        _write(output / name, table.csv())


def _json(summary: Summary) -> bytes:
    content = summary.to_json()
    for condition, entry in zip(summary.conditions, content["conditions"], strict=True):
        entry["sentence"], entry["badge"] = verdict_sentence(condition), badge(condition)
        gain = gain_of(condition, summary.search["lineage"])
        entry["before_repair"] = None if gain is None else gain.to_json()
    return (json.dumps(content, indent=2, allow_nan=False) + "\n").encode()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, content)
