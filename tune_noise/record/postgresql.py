"""A record in PostgreSQL: several searches in one database, which may be away for a while."""

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa

from tune_noise.errors import StorageError, TuneNoiseError, UserError
from tune_noise.record.events import Row
from tune_noise.record.place import RecordPlace
from tune_noise.record.server import Server, Unreachable, WriterLock
from tune_noise.record.table import COLUMNS, DELETE, LAST_NUMBER, SELECT

# How long a writer waits for a database that is away, e.g. restarted.
RETRY_SECONDS = 60.0
