"""What the commands share: how they end, and options that several of them have."""

import json
import math
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from tune_noise.command_line.completion import complete_assignment, complete_search
from tune_noise.command_line.examples import epilog
from tune_noise.command_line.passwords import hide_passwords
from tune_noise.errors import Interrupted, TuneNoiseError, UserError

# Headings under which `--help` lists options.
DATA, SEARCHED, RUN = "The data", "What is searched", "Where and how it runs"
FILES, PRINTED = "Files and tracking", "What is printed"

DataDir = Annotated[
    Path | None,
    typer.Option(
        help="Where data sets lie or are downloaded to; default: $TUNE_NOISE_DATA, else the "
        "user's cache folder.",
        show_default=False,
        rich_help_panel=DATA,
    ),
]
Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Set a field; may be given several times.",
        autocompletion=complete_assignment,
        rich_help_panel=SEARCHED,
    ),
]
SearchFolder = Annotated[
    Path,
    typer.Argument(help="Of the search, e.g. runs/uniform.", autocompletion=complete_search),
]
Output = Annotated[
    Path,
    typer.Option(
        # In an image or on a cluster it is always the same shared folder.
        envvar="TUNE_NOISE_OUTPUT",
        help="Folder of all searches.",
        rich_help_panel=FILES,
    ),
]
# A URI may hold a password, and a command line is visible to every user of a machine.
TrackingUri = Annotated[
    str | None,
    typer.Option(
        envvar="MLFLOW_TRACKING_URI",
        help="Of MLflow; default: sqlite in the output folder.",
        rich_help_panel=FILES,
    ),
]
RecordUrl = Annotated[
    str | None,
    typer.Option(
        envvar="TUNE_NOISE_RECORD",
        help="Of a PostgreSQL database for the record; default: a file in the search's folder.",
        rich_help_panel=FILES,
    ),
]
Register = Annotated[
    bool,
    typer.Option(
        "--register/--no-register",
        help="Enter winners into MLflow's model registry.",
        rich_help_panel=FILES,
    ),
]
Json = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print JSON for a script, and nothing else, on standard output.",
        rich_help_panel=PRINTED,
    ),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", help="No progress display.", rich_help_panel=PRINTED)
]

_DURATION = re.compile(r"^(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?$")


def parse_duration(text: str) -> float:
    """`90s`, `30m`, `2h` or `1h30m` in seconds.

    Raises:
        UserError: the text is not a duration.

    Example:
        >>> parse_duration("1h30m"), parse_duration("45s")
        (5400.0, 45.0)
    """
    match = _DURATION.match(text.strip())
    if not match or not any(match.groups()):
        raise UserError(f"--time-budget {text}: must be a duration such as 90s, 30m or 1h30m")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    total = 3600 * hours + 60 * minutes + seconds
    if total <= 0:
        raise UserError(f"--time-budget {text}: must be above 0, or nothing would be searched")
    return total


def print_json(value: Any) -> None:
    """Print plain values as JSON; a figure that does not exist is null, never NaN."""
    sys.stdout.write(json.dumps(_finite(value), indent=2, allow_nan=False) + "\n")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


@contextmanager
def talk_aside(is_json: bool) -> Iterator[None]:
    """With --json all that is meant for a person goes to standard error meanwhile."""
    with redirect_stdout(sys.stderr) if is_json else nullcontext():
        yield


def run_command(function: Callable[..., Any], *, name: str) -> None:
    """Run one command as a program of its own: `python -m tune_noise.NAME`."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(epilog=epilog(name))(function)
    run_app(app, prog_name=f"python -m tune_noise.{name}")


def run_app(app: typer.Typer, *, prog_name: str) -> None:
    """Run an application; errors of ours become a message and an exit code.

    0: done. 1: our mistake. 2: the user's. 130: interrupted, with the command that resumes.
    """
    hide_passwords()
    errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    try:
        app(prog_name=prog_name)
    except TuneNoiseError as error:
        errors.print(f"error: {error}", style="bold red" if errors.is_terminal else None)
        sys.exit(error.exit_code)
    except Interrupted as interrupted:
        _end_quietly()
        errors.print(
            f"\ninterrupted; nothing that was recorded is lost. Continue with:\n  {interrupted}"
        )
        sys.exit(130)
    except KeyboardInterrupt:
        _end_quietly()
        errors.print("\ninterrupted")
        sys.exit(130)


def _end_quietly() -> None:
    """Nothing is left to be interrupted but what libraries do as the program ends."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
