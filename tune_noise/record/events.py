"""An event, and the row of the table that holds it."""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal
from zlib import crc32

EventKind = Literal[
    "search",
    "run",
    "extend",
    "ask",
    "start",
    "epoch",
    "rung",
    "end",
    "reference",
    "note",
    "finish",
    "audit",
    "answer",
]
# Columns of the table: search, number, seconds, kind, trial_id, data, checksum.
Row = tuple[str, int, float, EventKind, str | None, str, int]


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    Attributes:
        kind: `search` (the resolved configuration, once), `run` (a driver starts: `host`, `pid`,
            `time_budget_seconds`), `extend` (the search was enlarged to `trials`), `ask` (a
            configuration was proposed), `start` (what the trial found: realised noise rate, sizes),
            `epoch` (its metrics), `rung` (a decision of the scheduler), `end` (status, reason, and
            what a confirmation tells of the noise), `reference` (a reference model of a condition:
            its settings and its metrics by seed, or why there are none), `note` (`text`: something
            a person should know; `suspects`: condition -> what is known of its table of suspects;
            `audits`: condition -> what its checked labels tell),
            `finish` (all is done), `audit` (examples of a condition that a person is to check:
            `audit.sample`), `answer` (what a person says of an example, or takes back:
            `audit.answers`).
        trial_id: the trial it belongs to; None where it belongs to the search.
        data: plain values; a number that is not finite is stored as None.
        seconds: Unix time at which it was appended.
        number: its place in the record, from 1; 0 before it is appended.
    """

    kind: EventKind
    trial_id: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    number: int = 0


def row_of(event: Event, *, search: str, number: int, seconds: float) -> Row:
    """Return the row that holds an event.

    Raises:
        TypeError: its data are not plain values.
    """
    data = _to_json(event.data)
    checksum = checksum_of(search, number, seconds, event.kind, event.trial_id, data)
    return (search, number, seconds, event.kind, event.trial_id, data, checksum)


def event_of(row: Row) -> Event | None:
    """Return the event that a row holds; None where the row is damaged."""
    *values, checksum = row
    if checksum_of(*values) != checksum:
        return None
    _, number, seconds, kind, trial_id, data, _ = row
    return Event(kind, trial_id, json.loads(data), seconds, number)


def checksum_of(*values: object) -> int:
    """Return the CRC-32 of a row's other columns: it shows any damage of up to 32 bits in a row."""
    return crc32("\0".join(map(repr, values)).encode("utf-8", "surrogateescape"))


def _to_json(data: dict[str, Any]) -> str:
    return json.dumps(_finite(data), allow_nan=False, separators=(",", ":"))


def _finite(value: Any) -> Any:
    """Return the value with NaN and infinities as None, which JSON can say."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_finite(item) for item in value]
    return value
