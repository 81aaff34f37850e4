"""`python -m tune_noise.spaces`: list the shipped spaces, show one, check one of your own."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tune_noise.commands import run_app
from tune_noise.config.loader import build_search, find_space, read_space, shipped_spaces

app = typer.Typer(no_args_is_help=False, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def spaces(context: typer.Context) -> None:
    """List the shipped search spaces; `show NAME` prints one, `check FILE` checks one."""
    if context.invoked_subcommand is not None:
        return
    table = Table(box=None, header_style="dim")
    for column in ("space", "data", "conditions", "trials each", "asks"):
        table.add_column(column)
    for name, path in shipped_spaces().items():
        search = build_search({"name": name, **read_space(path)}, source=str(path))
        conditions = ", ".join(f"{field} {levels}" for field, levels in search.conditions.items())
        table.add_row(name, search.dataset, conditions, str(search.trials), search.title)
    Console(markup=False).print(table, highlight=False)


@app.command()
def show(space: Annotated[str, typer.Argument(help="A shipped space or a YAML file.")]) -> None:
    """Print a space as it stands in its file."""
    path = find_space(space)
    read_space(path)
    Console(soft_wrap=True).print(path.read_text(encoding="utf-8"), markup=False, highlight=False)


@app.command()
def check(space: Annotated[str, typer.Argument(help="A shipped space or a YAML file.")]) -> None:
    """Check a space: exit code 0, or 2 with all its problems."""
    path = find_space(space)
    search = build_search({"name": path.stem, **read_space(path)}, source=str(path))
    count = len(search.all_conditions)
    text = f"{path}: {count} conditions, {search.trials} trials each: ok"
    Console(markup=False, soft_wrap=True).print(text, highlight=False)


if __name__ == "__main__":
    run_app(app, prog_name="python -m tune_noise.spaces")
