"""The examples with the most suspicious labels, for the page: people look before they believe."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tune_noise.config.words import class_name
from tune_noise.record.folder import SUSPECTS_CSV, SUSPECTS_JSON, WINNERS, winner_dir
from tune_noise.reporting.findings.summary import ConditionSummary, Summary
from tune_noise.reporting.wording import condition_in_words

MAX_JSON_BYTES = 10_000_000
# The most that a page shows, whatever the file says.
MAX_EXAMPLES = 100
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


@dataclass(frozen=True)
class SuspectExample:
    """One example of a sheet.

    Attributes:
        name: its id, or else its number.
        url: its picture, a PNG as a data URL; None where it is none.
        text: what it says; None where it has no text.
        description: its name, labels and suspicion, in words.
        given: the name of its given label.
        predicted: the name of its predicted label.
        suspicion: in percent.
    """

    name: str
    url: str | None
    text: str | None
    description: str
    given: str
    predicted: str
    suspicion: str


@dataclass(frozen=True)
class Sheet:
    """The suspects of one condition on the page.

    Attributes:
        name: name of the condition.
        place: the condition in words.
        sentence: how many there are, and how well they were found where the truth is known.
        examples: the most suspicious; empty where the file beside the table is gone.
    """

    name: str
    place: str
    sentence: str
    examples: list[SuspectExample]

    @property
    def has_pictures(self) -> bool:
        """Whether all of its examples are pictures."""
        return all(example.url is not None for example in self.examples)


def contact_sheets(
    summary: Summary, folder: Path, *, max_examples: int = MAX_EXAMPLES
) -> list[Sheet]:
    """Return a sheet per condition whose winner has looked for wrong labels.

    Args:
        summary: the findings of the search.
        folder: the folder of the search; an unusable file in it leaves a sheet without examples.
        max_examples: the most examples of a sheet, the most suspicious first; 0 where they may not
            be passed on.
    """
    return [
        Sheet(
            condition.name,
            condition_in_words(condition.factors, condition.config),
            suspects_sentence(condition.suspects, condition.name),
            _examples(winner_dir(folder, condition.name) / SUSPECTS_JSON, condition)[:max_examples],
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


def _examples(path: Path, condition: ConditionSummary) -> list[SuspectExample]:
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            return []
        content = json.loads(path.read_bytes())
        if content["facts"] != condition.suspects:
            return []
        return [_read(entry, condition) for entry in content["sheet"][:MAX_EXAMPLES]]
    except (OSError, ValueError, LookupError, TypeError):
        return []


def _read(entry: dict[str, Any], condition: ConditionSummary) -> SuspectExample:
    if "png" in entry and not _BASE64.fullmatch(entry["png"]):
        raise ValueError("a picture is not base64")
    given, predicted, true = (
        class_name(int(entry[key]), condition.class_names) if key in entry else None
        for key in ("given", "predicted", "true")
    )
    split = "validation " if entry.get("split") == "validation" else ""
    name = str(entry["id"]) if "id" in entry else f"{split}example {int(entry['index'])}"
    suspicion = float(entry["suspicion"])
    description = f"{name}: given {given}, predicted {predicted}, suspicion {suspicion:.3f}"
    return SuspectExample(
        name=name,
        url=f"data:image/png;base64,{entry['png']}" if "png" in entry else None,
        text=str(entry["text"]) if "text" in entry else None,
        description=description if true is None else f"{description}, truly {true}",
        given=str(given),
        predicted=str(predicted),
        suspicion=f"{100 * suspicion:.1f} %",
    )
