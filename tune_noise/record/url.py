"""The URL of a PostgreSQL database: what it may be, what it means, and how it is shown.

SQLAlchemy takes nearly half a second to import: only where there is a URL. Every process that
trains imports this, and none of them opens a record.
"""

import re
from typing import TYPE_CHECKING

from tune_noise.errors import UserError

if TYPE_CHECKING:
    import sqlalchemy as sa

EXAMPLE = "write postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
_DEFAULT_PORT = "5432"
_PASSWORDS = ("password", "sslpassword")
_MISREAD = (
    "the URL cannot be read; in user and password @ is written %40, / is %2F, : is %3A, a space %20"
)


def parse(url: str) -> "sa.URL":
    """Return the URL of a PostgreSQL database, with the driver that we use.

    Raises:
        UserError: it is none; the message shows nothing that may be part of a password.

    Example:
        >>> parse("postgres://ada:secret@db.example/searches")
        postgresql+psycopg://ada:***@db.example/searches
    """
    import sqlalchemy as sa

    scheme = re.match(r"[A-Za-z0-9+]+(?=://)", url)
    backend = scheme.group().partition("+")[0].lower() if scheme else ""
    if backend not in ("postgresql", "postgres"):
        what = f"the scheme {backend!r} is not supported" if backend else "this is not a URL"
        raise UserError(f"--record: {what}: {EXAMPLE}")
    try:
        parsed = sa.make_url(f"postgresql+psycopg://{url.partition('://')[2]}")
    except (sa.exc.ArgumentError, ValueError):
        raise UserError(f"--record: {_MISREAD}: {EXAMPLE}") from None
    # What follows a raw @ of a password ends up in the host.
    if re.search(r"[@\s]", parsed.host or ""):
        raise UserError(f"--record: {_MISREAD}: {EXAMPLE}")
    return parsed


def without_password(url: "sa.URL") -> "sa.URL":
    """Return the URL as it may be written into a file."""
    import sqlalchemy as sa

    return sa.URL.create(
        url.drivername,
        username=url.username,
        host=url.host,
        port=url.port,
        database=url.database,
        query={key: value for key, value in url.query.items() if key not in _PASSWORDS},
    )


def shown(url: "sa.URL") -> str:
    """Return a database as messages name it.

    Example:
        >>> shown(parse("postgresql://ada:secret@db.example:5433/searches?sslmode=require"))
        'postgresql://db.example:5433/searches'
    """
    hosts, ports, database = address(url)
    port = "" if ports == (_DEFAULT_PORT,) else f":{','.join(ports)}"
    return f"postgresql://{','.join(hosts)}{port}/{database or ''}"


def address(url: "sa.URL") -> tuple[tuple[str, ...], tuple[str, ...], str | None]:
    """Return hosts, ports and database: two URLs that agree in them mean the same database."""
    hosts = (url.host,) if url.host else _texts(url.query.get("host"))
    ports = (str(url.port),) if url.port else _texts(url.query.get("port"))
    return hosts or ("localhost",), ports or (_DEFAULT_PORT,), url.database


def _texts(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else value
