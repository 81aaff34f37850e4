"""The one table of events, the same in SQLite and PostgreSQL."""

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
