"""The console script `tune-noise`: search, resume, status, train, report, suspects, spaces."""

import os
from typing import Annotated

import typer

from tune_noise import __version__
from tune_noise.commands import run_app
from tune_noise.completion import answer_in_pieces, join_words
from tune_noise.report import report
from tune_noise.salvage import salvage
from tune_noise.search import resume, search
from tune_noise.spaces import app as spaces
from tune_noise.status import status
from tune_noise.suspects import suspects
from tune_noise.train import train

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
app.command()(search)
app.command()(resume)
app.command()(status)
app.command()(train)
app.command()(report)
app.command()(suspects)
app.command()(salvage)
app.add_typer(spaces, name="spaces")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"tune-noise {__version__}")
        raise typer.Exit


@app.callback()
def tune_noise(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Search which training method, network and hyper-parameters survive noisy labels."""


def main() -> None:
    """Run the command line."""
    join_words(os.environ)
    with answer_in_pieces(os.environ):
        run_app(app, prog_name="tune-noise")
