"""The images whose labels are most suspicious, for the page: people look before they believe."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tune_noise.record.folder import SUSPECTS_CSV, SUSPECTS_JSON, WINNERS, winner_dir
from tune_noise.reporting.findings.summary import ConditionSummary, Summary
from tune_noise.reporting.wording import condition_in_words

MAX_JSON_BYTES = 10_000_000
# The most that a page shows, whatever the file says.
MAX_IMAGES = 100
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


@dataclass(frozen=True)
class SuspectImage:
    """One image of a sheet.

    Attributes:
        url: a PNG as a data URL.
        alt: its labels and its suspicion, in words.
        caption: its given and its predicted label.
    """

    url: str
    alt: str
    caption: str


@dataclass(frozen=True)
class Sheet:
    """The suspects of one condition on the page.

    Attributes:
        name: name of the condition.
        place: the condition in words.
        sentence: how many there are, and how well they were found where the truth is known.
        images: the most suspicious; empty where the file beside the table is gone.
    """

    name: str
    place: str
    sentence: str
    images: list[SuspectImage]


def contact_sheets(summary: Summary, folder: Path, *, max_images: int = MAX_IMAGES) -> list[Sheet]:
    """Return a sheet per condition whose winner has looked for wrong labels.

    Args:
        summary: the findings of the search.
        folder: the folder of the search; an unusable file in it leaves a sheet without images.
        max_images: the most images of a sheet, the most suspicious first; 0 where images may not
            be passed on.
    """
    return [
        Sheet(
            condition.name,
            condition_in_words(condition.factors, condition.config),
            suspects_sentence(condition.suspects, condition.name),
            _images(winner_dir(folder, condition.name) / SUSPECTS_JSON, condition)[:max_images],
        )
        for condition in summary.conditions
        if condition.suspects is not None
    ]


def suspects_sentence(facts: dict[str, Any], condition: str) -> str:
    """Return how many labels are suspicious, and how well they were found if that is known."""
    text = (
        f"{facts['suspects']:,} of {facts['examples']:,} labels are more likely wrong than right; "
        f"{WINNERS}/{condition}/{SUSPECTS_CSV} ranks all of them."
    )
    if "wrong_labels" not in facts:
        return f"{text} Which labels are wrong is not known here."
    figures = [f"{facts['wrong_labels']:,} labels are wrong"]
    if "precision" in facts:
        figures.append(f"precision {100 * facts['precision']:.1f} %")
    if "recall" in facts:
        figures.append(f"recall {100 * facts['recall']:.1f} %")
    if "average_precision" in facts:
        figures.append(f"average precision of the ranking {facts['average_precision']:.3f}")
    return f"{text} The truth is known here: {', '.join(figures)}."


def _images(path: Path, condition: ConditionSummary) -> list[SuspectImage]:
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            return []
        content = json.loads(path.read_bytes())
        if content["facts"] != condition.suspects:
            return []
        return list(_read(content["sheet"][:MAX_IMAGES], condition))
    except (OSError, ValueError, LookupError, TypeError):
        return []


def _read(sheet: list[dict[str, Any]], condition: ConditionSummary) -> Iterator[SuspectImage]:
    for image in sheet:
        if not _BASE64.fullmatch(image["png"]):
            raise ValueError("a picture is not base64")
        names = {
            key: condition.class_name(int(image[key]))
            for key in ("given", "predicted", "true")
            if key in image
        }
        given, predicted = names["given"], names["predicted"]
        split = "validation " if image.get("split") == "validation" else ""
        alt = f"{split}image {int(image['index'])}: given {given}, predicted {predicted}"
        alt += f", suspicion {float(image['suspicion']):.3f}"
        alt += f", truly {names['true']}" if "true" in names else ""
        yield SuspectImage(f"data:image/png;base64,{image['png']}", alt, f"{given} → {predicted}")
