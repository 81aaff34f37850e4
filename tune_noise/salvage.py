"""`python -m tune_noise.salvage`: keep the readable part of a damaged record."""

import shlex

from rich.console import Console

from tune_noise.command_line.options import RecordUrl, SearchFolder
from tune_noise.command_line.run import run_command
from tune_noise.history.open import find_record
from tune_noise.record.reach import check
from tune_noise.record.salvage import salvage as salvage_record
from tune_noise.system.lock import own_folder


def salvage(
    folder: SearchFolder,
    record: RecordUrl = None,
) -> None:
    """Keep the events before the damage in a record, so that the search can be continued."""
    place = find_record(folder, record)
    check(place)
    with own_folder(folder):
        result = salvage_record(place)
    console = Console(markup=False, highlight=False, soft_wrap=True)
    if result.reason is None:
        console.print(f"{place.shown} is not damaged: {result.kept} events, nothing changed")
        return
    console.print(f"{result.reason.partition('. Restore')[0]}")
    console.print(f"kept   {result.kept} events in {place.shown}")
    if result.aside is not None:
        console.print(f"aside  {result.aside}")
    console.print(f"resume with: tune-noise resume {shlex.quote(str(folder))}")


if __name__ == "__main__":
    run_command(salvage, name="salvage")
