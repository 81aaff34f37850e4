"""`python -m tune_noise.report`: tables, figures and page of a search, from its record."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tune_noise.commands import RecordUrl, run_command
from tune_noise.errors import UserError
from tune_noise.history import History
from tune_noise.record import Record, RecordPlace


def report(
    folder: Annotated[Path, typer.Argument(help="Of the search, e.g. runs/uniform.")],
    record: RecordUrl = None,
    thumbnails: Annotated[
        int,
        typer.Option(min=0, max=100, help="Suspicious images of a condition on the page, at most."),
    ] = 100,
) -> None:
    """Write tables, summary, figures and page of a search again, as far as it has gone."""
    # Loaded here: pandas and matplotlib take a second, and `--help` needs neither.
    from tune_noise.reporting import condition_tables, write_outputs

    place = RecordPlace.of_folder(folder, record)
    place.check()
    if not place.exists():
        raise UserError(f"{folder} holds no search: nothing is recorded in {place.shown}")
    with Record(place) as events:
        history = History.replay(events.events())
    if not history.search:
        raise UserError(f"{folder} holds a search that has not begun: nothing to report yet")
    console = Console(markup=False)
    summary = write_outputs(history, folder, thumbnails=thumbnails)
    for table in condition_tables(summary):
        console.print(table)
    console.print(f"report   {folder / 'report.html'}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    run_command(report, name="report")
