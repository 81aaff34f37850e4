"""The images whose labels are most suspicious, for the page: people look before they believe."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tune_noise.reporting.findings.summary import ConditionSummary, Summary
from tune_noise.reporting.wording import condition_in_words

WINNERS_DIR = "winners"
SUSPECTS_JSON = "suspects.json"
MAX_JSON_BYTES = 10_000_000
# A page shows no more, whatever the file says.
MAX_IMAGES = 100
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


@dataclass(frozen=True)
class SuspectImage:
    """One image of a sheet.

    Attributes:
        url: of a PNG, as data.
        alt: all that is known of it, in words.
        caption: its given and its predicted label.
    """

    url: str
    alt: str
    caption: str


@dataclass(frozen=True)
class Sheet:
    """What a page says of the suspects of one condition.

    Attributes:
        name: of the condition.
        place: the condition in words.
        sentence: how many there are, and how well they were found where the truth is known.
        images: the most suspicious; empty where the file beside the table is gone.
    """

    name: str
    place: str
    sentence: str
    images: list[SuspectImage]


def contact_sheets(summary: Summary, folder: Path, *, max_images: int = MAX_IMAGES) -> list[Sheet]:
    """A sheet per condition whose winner has looked for wrong labels.

    Args:
        summary: of the search.
        folder: of the search; a file in it that cannot be used leaves a sheet without images.
        max_images: of each sheet, the most suspicious first; images may not be ours to pass on.
    """
    return [
        Sheet(
            condition.name,
            condition_in_words(condition.factors, condition.config),
            suspects_sentence(condition.suspects, condition.name),
            _images(folder / WINNERS_DIR / condition.name / SUSPECTS_JSON, condition)[:max_images],
        )
        for condition in summary.conditions
        if condition.suspects is not None
    ]


def suspects_sentence(facts: dict[str, Any], condition: str) -> str:
    """How many labels are suspicious, where they are listed, and what is known of the truth."""
    text = (
        f"{facts['suspects']:,} of {facts['examples']:,} labels are more likely wrong than right; "
        f"{WINNERS_DIR}/{condition}/suspects.csv ranks all of them."
    )
    if "wrong_labels" not in facts:
        return f"{text} Which labels are wrong is not known here."
    known = [f"{facts['wrong_labels']:,} labels are wrong"]
    if "precision" in facts:
        known.append(f"precision {100 * facts['precision']:.1f} %")
    if "recall" in facts:
        known.append(f"recall {100 * facts['recall']:.1f} %")
    if "average_precision" in facts:
        known.append(f"average precision of the ranking {facts['average_precision']:.3f}")
    return f"{text} The truth is known here: {', '.join(known)}."


def _images(path: Path, condition: ConditionSummary) -> list[SuspectImage]:
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            return []
        content = json.loads(path.read_bytes())
        if content["facts"] != condition.suspects:
            return []
        return list(_read(content["sheet"][:MAX_IMAGES]))
    except (OSError, ValueError, LookupError, TypeError):
        return []


def _read(sheet: list[dict[str, Any]]) -> Iterator[SuspectImage]:
    for each in sheet:
        if not _BASE64.fullmatch(each["png"]):
            raise ValueError("a picture is not base64")
        given, predicted = int(each["given"]), int(each["predicted"])
        alt = f"image {int(each['index'])}: given {given}, predicted {predicted}"
        alt += f", suspicion {float(each['suspicion']):.3f}"
        alt += f", truly {int(each['true'])}" if "true" in each else ""
        yield SuspectImage(f"data:image/png;base64,{each['png']}", alt, f"{given} → {predicted}")
