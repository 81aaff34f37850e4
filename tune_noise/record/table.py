"""The one table of events, the same in SQLite and PostgreSQL."""

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

EVENTS = sa.Table(
    "events",
    sa.MetaData(),
    sa.Column("search", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("seconds", sa.Double, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("trial_id", sa.Text),
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("checksum", sa.BigInteger, nullable=False),
    # The rows are their own index: half the pages to write for an event.
    sqlite_with_rowid=False,
)
COLUMNS = tuple(EVENTS.c.keys())

_later = (EVENTS.c.search == sa.bindparam("search")) & (EVENTS.c.number > sa.bindparam("after"))
CREATE = sa.schema.CreateTable(EVENTS, if_not_exists=True)
INSERT = EVENTS.insert()
SELECT = sa.select(EVENTS).where(_later).order_by(EVENTS.c.number).limit(sa.bindparam("limit"))
DELETE = EVENTS.delete().where(_later)
LAST_NUMBER = sa.select(sa.func.coalesce(sa.func.max(EVENTS.c.number), 0)).where(
    EVENTS.c.search == sa.bindparam("search")
)


def select_events(
    *, kinds: Sequence[str], trial_id: str | None, first: int, last: int | None
) -> sa.Select[Any]:
    """Return the query for rows of some kinds (none named: all) and, if named, of one trial.

    Without `last` up to the end; to know where to look saves to look at all rows.
    """
    of_search = EVENTS.c.search == sa.bindparam("search")
    of_kinds = EVENTS.c.kind.in_(kinds) if kinds else sa.true()
    of_trial = sa.true() if trial_id is None else EVENTS.c.trial_id == trial_id
    among = EVENTS.c.number >= first
    if last is not None:
        among &= EVENTS.c.number <= last
    return sa.select(EVENTS).where(of_search, among, of_kinds, of_trial).order_by(EVENTS.c.number)


def select_values(
    kind: str,
    names: Sequence[str],
    value: Callable[[sa.ColumnElement[str], str], sa.ColumnElement[Any]],
) -> sa.Select[Any]:
    """Return the query for number, time, trial and named values of all rows of one kind.

    Args:
        kind: of the events.
        names: keys of their data.
        value: takes the column of the data and a key; each database has its own JSON.
    """
    columns = (EVENTS.c.number, EVENTS.c.seconds, EVENTS.c.trial_id)
    wanted = (EVENTS.c.search == sa.bindparam("search")) & (EVENTS.c.kind == kind)
    values = (value(EVENTS.c.data, name) for name in names)
    return sa.select(*columns, *values).where(wanted).order_by(EVENTS.c.number)
