"""`python -m tune_noise.status`: print the progress of a search, running or not."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from tune_noise.command_line.completion import complete_search
from tune_noise.command_line.options import Json, Output, RecordUrl, parse_path
from tune_noise.command_line.run import print_json, run_command
from tune_noise.errors import StorageError, UserError


def status(
    folder: Annotated[
        Path | None,
        typer.Argument(
            parser=parse_path,
            help="Folder of the search, e.g. runs/uniform. Default: all searches.",
            autocompletion=complete_search,
        ),
    ] = None,
    output: Output = Path("runs"),
    record: RecordUrl = None,
    as_json: Json = False,
) -> None:
    """Print whether a search is running, interrupted or finished, and how far each condition is.

    This only reads, so you may run it at any time, also while the search runs.
    """
    from tune_noise.history.status import read_state
    from tune_noise.record.folder import search_folders
    from tune_noise.service.status_lines import lines, state_to_json

    console = Console(markup=False, highlight=False, soft_wrap=True)
    if folder is not None:
        state = read_state(folder, record)
        if as_json:
            print_json(state_to_json(state))
            return
        for line in lines(state):
            console.print(line)
        return
    if not output.is_dir():
        raise UserError(f"--output: {output} does not exist: give the folder of your searches")
    rows = [_row(path, record) for path in search_folders(output)]
    if as_json:
        print_json(rows)
    elif not rows:
        console.print(f"{output} holds no search")
    else:
        Console(markup=False).print(_table(rows), highlight=False)
        for row in rows:
            if "error" in row:
                console.print(f"{row['name']}: {row['error']}")


def _row(folder: Path, url: str | None) -> dict[str, Any]:
    """Return the summary of a search; if it cannot be read, the reason stands in `error`."""
    from tune_noise.history.status import read_state
    from tune_noise.service.status_lines import state_to_json

    try:
        whole = state_to_json(read_state(folder, url))
    except (UserError, StorageError) as error:
        place = str(folder.resolve())
        return {"name": folder.name, "folder": place, "status": None, "error": str(error)}
    left_out = ("conditions", "warnings", "failures")
    return {name: value for name, value in whole.items() if name not in left_out}


def _table(rows: list[dict[str, Any]]) -> Table:
    from tune_noise.history.time_left import clock

    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("search", overflow="fold")
    table.add_column("", no_wrap=True)
    for name in ("trials", "confirmed", "worked", "left"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        if "error" in row:
            table.add_row(row["name"], "cannot be read: see below")
            continue
        counts = [f"{row[n]['ended']}/{row[n]['planned']}" for n in ("trials", "confirmations")]
        left = row["seconds_left"]
        times = [clock(row["seconds_worked"]), "" if left in (None, 0.0) else clock(left)]
        table.add_row(row["name"], row["status"], *counts, *times)
    return table


if __name__ == "__main__":
    run_command(status, name="status")
