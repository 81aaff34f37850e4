"""The durable record: every ask, epoch, rung decision and end, in order, before it takes effect.

An append-only table of events in one SQLite file. Rungs, sampler, MLflow and report are rebuilt
by replaying it (`history.py`), so a killed driver loses nothing that was written.
"""

import json
import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

import sqlalchemy as sa

from tune_noise.errors import UserError

EventKind = Literal["search", "ask", "start", "epoch", "rung", "end", "finish"]

_EVENTS = sa.Table(
    "events",
    sa.MetaData(),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("trial_id", sa.String(200)),
    sa.Column("data", sa.Text, nullable=False),
)


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    Attributes:
        kind: `search` (the resolved configuration, once), `ask` (a configuration was proposed),
            `start` (what the trial found: realised noise rate, sizes), `epoch` (its metrics),
            `rung` (a decision of the scheduler), `end` (status, reason), `finish` (all is done).
        trial_id: the trial it belongs to; None for `search` and `finish`.
        data: plain values; a number that is not finite is stored as None.
        seconds: Unix time at which it was appended.
        number: its place in the record, from 1; 0 before it is appended.
    """

    kind: EventKind
    trial_id: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    number: int = 0


class Record:
    """The events of one search in a SQLite file.

    Args:
        path: the file; made if it does not exist.

    Raises:
        UserError: the file cannot be opened or is not a record.
    """

    def __init__(self, path: Path) -> None:
        """Open the file; readers in other processes see every committed event at once."""
        self.path = path
        self._engine = sa.create_engine(f"sqlite:///{path}")
        try:
            self._connection = self._engine.connect()
            # A write-ahead log lets the tracking process read while the driver writes.
            self._pragma("journal_mode=WAL")
            _EVENTS.metadata.create_all(self._connection)
            self._connection.commit()
        except sa.exc.DatabaseError as error:
            raise UserError(f"{path}: not a readable record of a search: {error.orig}") from None

    def append(self, *events: Event, durable: bool = False) -> None:
        """Write events in one transaction.

        Args:
            *events: in the order in which they happened.
            durable: also wait until the disk holds them (ends of trials, rung decisions);
                without it a crash of the machine, though not of the program, may lose them.
        """
        if not events:
            return
        self._pragma("synchronous=FULL" if durable else "synchronous=NORMAL")
        now = time.time()
        rows = [
            {"seconds": now, "kind": e.kind, "trial_id": e.trial_id, "data": _to_json(e.data)}
            for e in events
        ]
        self._connection.execute(_EVENTS.insert(), rows)
        self._connection.commit()

    def events(self, *, after: int = 0) -> Iterator[Event]:
        """Events with a number above `after`, in order."""
        query = sa.select(_EVENTS).where(_EVENTS.c.number > after).order_by(_EVENTS.c.number)
        rows = self._connection.execute(query).all()
        self._connection.commit()
        for row in rows:
            yield Event(row.kind, row.trial_id, json.loads(row.data), row.seconds, row.number)

    def close(self) -> None:
        """Close the file; the record stays readable."""
        self._connection.close()
        self._engine.dispose()

    def __enter__(self) -> Self:
        """Use the record as a context."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the file."""
        self.close()

    def _pragma(self, setting: str) -> None:
        self._connection.exec_driver_sql(f"PRAGMA {setting}")
        self._connection.commit()


def _to_json(data: dict[str, Any]) -> str:
    return json.dumps(_finite(data), allow_nan=False, separators=(",", ":"))


def _finite(value: Any) -> Any:
    """The value with NaN and infinities as None, which JSON can say."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_finite(item) for item in value]
    return value
