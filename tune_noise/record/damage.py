"""What is said of a record that cannot be read to its end."""

from tune_noise.errors import UserError
from tune_noise.record.folder import RECORD_FILE
from tune_noise.record.place import RecordPlace


def damaged(place: RecordPlace, reason: str) -> UserError:
    """Return the error of a damaged record, with the two ways out.

    Args:
        place: of the record.
        reason: what is wrong, e.g. `event 17 is damaged`.
    """
    is_own_file = place.path is not None and place.path.name == RECORD_FILE
    folder = place.path.parent if place.path is not None and is_own_file else "FOLDER"
    return UserError(
        f"{place.shown}: {reason}. Restore it from a copy, or let "
        f"`python -m tune_noise.salvage {folder}` keep what stands before the damage: "
        "the search then goes on from there"
    )
