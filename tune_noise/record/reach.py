"""Ask the database of a record: is there a search, can it be written, who writes to it?"""

from tune_noise.record.database import holds_events
from tune_noise.record.place import RecordPlace
from tune_noise.record.server import Server


def exists(place: RecordPlace) -> bool:
    """Return whether anything is recorded of this search.

    Raises:
        UserError: the database cannot be asked.
    """
    if place.path is not None and not place.search:
        return place.path.exists()
    return holds_events(place)


def check(place: RecordPlace) -> None:
    """Check within some seconds that the database can hold the record.

    Raises:
        UserError: it cannot be reached or written, or its driver is missing.
    """
    if place.path is None:
        Server(place).check()


def holder(place: RecordPlace) -> str | None:
    """Return which driver writes to a database on a server now; None where none does, or in a file.

    A file has no such lock: the folder of its search has one.

    Raises:
        UserError: the database cannot be asked.
    """
    return None if place.path is not None else Server(place).holder()
