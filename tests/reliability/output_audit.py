"""Audit of the output folder against that of an uninterrupted run."""

import csv
import json
import re
from pathlib import Path
from typing import Any

from .facts import Findings

TABLES = ("trials.csv", "epochs.csv", "criteria.csv", "transition.csv")
# Differ between two runs of one search.
_OF_THE_RUN = ("started", "finished", "commit")
# Files are written beside their place under such names, then moved.
_PART = re.compile(r"^\..+\.(\d+\.tmp|[0-9a-f]{32}\.partial.*)$")
FILES = ("summary.json", "report.html", "search.yaml", *TABLES)


def audit_outputs(folder: Path, reference: Path | None) -> Findings:
    """Every promised file is there; and equal to the reference's, but for times.

    Args:
        folder: of the finished search.
        reference: folder of an uninterrupted run of the same search; None where trials that run
            side by side make it another one.
    """
    wrong = [f"{name} is missing" for name in FILES if not (folder / name).is_file()]
    wrong += [f"{p.name} was left half written" for p in folder.rglob("*") if _PART.match(p.name)]
    wrong += [f"{p.name} was left" for p in folder.glob("checkpoints/*")]
    if reference is None or wrong:
        return Findings(outputs=wrong)
    for name in TABLES:
        mine, theirs = _table(folder / name), _table(reference / name)
        if len(mine) != len(theirs):
            wrong.append(f"{name} has {len(mine)} rows, not {len(theirs)}")
        differing = sum(a != b for a, b in zip(mine, theirs, strict=False))
        if differing:
            wrong.append(f"{name}: {differing} rows differ")
    if _summary(folder) != _summary(reference):
        wrong.append("summary.json differs")
    if _weights(folder) != _weights(reference) or not _weights(folder):
        wrong.append("the winners' weights differ")
    return Findings(outputs=wrong)


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def _summary(folder: Path) -> Any:
    summary = json.loads((folder / "summary.json").read_text("utf-8"))
    for name in _OF_THE_RUN:
        summary["search"].pop(name, None)
    for effort in summary["search"]["efforts"]:
        del effort["seconds"]
    for condition in summary["conditions"]:
        for model in condition["references"]:
            del model["seconds"]
    return summary


def _weights(folder: Path) -> dict[str, bytes]:
    files = (folder / "winners").rglob("*.safetensors")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
