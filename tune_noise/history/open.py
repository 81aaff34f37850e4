"""Open the record of a search's folder: the one place that says that a folder holds no search."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from tune_noise.config.search import SearchConfig
from tune_noise.errors import UserError
from tune_noise.history.replay import History
from tune_noise.record import Record, RecordPlace
from tune_noise.record.folder import search_folders
from tune_noise.record.reach import exists
from tune_noise.system.garbage import pause_collection


def find_record(folder: Path, url: str | None = None) -> RecordPlace:
    """Return the place of a folder's record.

    Args:
        folder: of a search.
        url: of the database that holds its record; None for what the folder says.

    Raises:
        UserError: the folder holds no search, or its database cannot be read.
    """
    place = RecordPlace.of_folder(folder, url)
    if not folder.is_dir() or not exists(place):
        raise UserError(
            f"{folder} holds no search: nothing is recorded in {place.shown}; {_meant(folder)}"
        )
    return place


def _meant(folder: Path) -> str:
    """Return which folder a mistyped one may stand for, or where searches are listed."""
    beside = {
        path.name: path for of in (Path("runs"), folder.parent) for path in search_folders(of)
    }
    close = get_close_matches(folder.name, beside, n=1)
    if close:
        return f"did you mean {beside[close[0]]}?"
    return (
        "name the folder of a search, such as runs/NAME (`tune-noise status` lists those under "
        "runs/)"
    )


def _begun(folder: Path, history: History) -> History:
    """Return the history of a search that has begun.

    Raises:
        UserError: it has not.
    """
    if not history.search:
        raise UserError(f"{folder} holds a search that has not begun: run its command again")
    return history


def read_history(folder: Path, url: str | None = None) -> History:
    """Return the history of the search in a folder.

    Args:
        folder: of a search.
        url: of the database that holds its record; None for what the folder says.

    Raises:
        UserError: there is no search, it has not begun, or its record cannot be read.
    """
    with Record(find_record(folder, url)) as record, pause_collection():
        return _begun(folder, History.replay(record.events()))


def read_recorded_search(
    folder: Path, url: str | None = None, overrides: Mapping[str, Any] | None = None
) -> SearchConfig:
    """Return the search that a folder holds, with other values for some of its fields.

    Raises:
        UserError: there is no search, it has not begun, or the values do not fit.
    """
    # Imported here because the rules of a space need NumPy, and `status` does not.
    from tune_noise.config.loader import build_search, with_assignments

    history = read_history(folder, url)
    raw = with_assignments(history.search["config"], dict(overrides or {}))
    return build_search(raw, source=f"the search in {folder}")
