"""The console script `tune-noise`, with every command of the package."""

import os
from collections.abc import Callable
from typing import Annotated

import typer

from tune_noise import __version__
from tune_noise.command_line.completion import answer_in_pieces, join_words
from tune_noise.command_line.data import data
from tune_noise.command_line.examples import epilog
from tune_noise.command_line.run import run_app
from tune_noise.predict import predict
from tune_noise.report import report
from tune_noise.salvage import salvage
from tune_noise.search import deliver, resume, search
from tune_noise.service.audit.command import audit
from tune_noise.service.repair.command import repair
from tune_noise.service.review.command import review
from tune_noise.spaces import app as spaces
from tune_noise.status import status
from tune_noise.suspects import suspects
from tune_noise.train import train

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
_PANELS: dict[str, tuple[Callable[..., None], ...]] = {
    "Search": (data, search, resume, train),
    "Results": (status, report, predict, suspects),
    "Labels": (audit, review, repair),
    "Repair": (deliver, salvage),
}
for _panel, _commands in _PANELS.items():
    for _command in _commands:
        _name = _command.__name__
        app.command(_name, rich_help_panel=_panel, epilog=epilog(_name))(_command)
app.add_typer(spaces, name="spaces", rich_help_panel="Search")


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        print(f"tune-noise {__version__}")
        raise typer.Exit


@app.callback()
def tune_noise(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Search which training method, network and hyper-parameters survive noisy labels."""


def main() -> None:
    """Run the command line."""
    join_words(os.environ)
    with answer_in_pieces(os.environ):
        run_app(app, prog_name="tune-noise")
