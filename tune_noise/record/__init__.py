"""The durable record: every ask, epoch, rung decision and end, in order, before it takes effect.

An append-only table of events, in a SQLite file of the search's folder or in a PostgreSQL database
that several searches share. Rungs, sampler, MLflow and report are rebuilt by replaying it
(`history.py`), so a killed driver loses nothing that was written.
"""

from tune_noise.record.events import Event, EventKind
from tune_noise.record.folder import RECORD_FILE
from tune_noise.record.place import RecordPlace
from tune_noise.record.record import Record

__all__ = ["RECORD_FILE", "Event", "EventKind", "Record", "RecordPlace"]
