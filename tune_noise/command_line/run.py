"""How a command runs, prints and ends."""

import json
import math
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from typing import Any

import typer
from rich.console import Console

from tune_noise.command_line.examples import epilog
from tune_noise.command_line.passwords import hide_passwords
from tune_noise.errors import Interrupted, TuneNoiseError, UserError
from tune_noise.system.output import fault_of, open_output
from tune_noise.system.signals import Interrupt

_DURATION = re.compile(r"^(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?$")


def parse_duration(text: str) -> float:
    """Return the seconds of a duration such as `90s`, `30m`, `2h` or `1h30m`.

    Raises:
        UserError: the text is not a duration, or is 0.

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
        raise UserError(f"--time-budget {text}: must be greater than 0")
    return total


def print_json(value: Any) -> None:
    """Print plain values as JSON; NaN and infinity become null.

    Raises:
        TuneNoiseError: see `print_result`.
    """
    print_result(json.dumps(_finite(value), indent=2, allow_nan=False) + "\n")


def print_result(text: str) -> None:
    """Print what a program reads, and may take for complete.

    Raises:
        TuneNoiseError: standard output cannot be written, e.g. because the disk is full. A reader
            that has closed its end, such as `head`, wants no more.
    """
    sys.stdout.write(text)
    fault = fault_of(sys.stdout)
    if fault is not None and not isinstance(fault, BrokenPipeError):
        raise TuneNoiseError(f"standard output cannot be written: {fault.strerror}")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


@contextmanager
def divert_output(is_json: bool) -> Iterator[None]:
    """With `--json`, send everything that is meant for people to standard error."""
    with redirect_stdout(sys.stderr) if is_json else nullcontext():
        yield


def run_command(function: Callable[..., Any], *, name: str) -> None:
    """Run one command as a program: `python -m tune_noise.NAME`."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(epilog=epilog(name))(function)
    run_app(app, prog_name=f"python -m tune_noise.{name}")


def run_app(app: typer.Typer, *, prog_name: str) -> None:
    """Run an application; turn the errors of this package into a message and an exit code.

    0: done. 1: a fault of the program. 2: a mistake of the user. 130: interrupted by Ctrl-C,
    SIGTERM or SIGHUP; the command that resumes a search is printed.
    """
    open_output()
    hide_passwords()
    errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    with Interrupt() as interrupt:
        try:
            app(prog_name=prog_name)
        except TuneNoiseError as error:
            errors.print(f"error: {error}", style="bold red" if errors.is_terminal else None)
            sys.exit(error.exit_code)
        except Interrupted as interrupted:
            interrupt.ignore_further()
            errors.print(f"\n{interrupted}")
            sys.exit(interrupted.exit_code)
        except (KeyboardInterrupt, SystemExit) as error:
            # Typer turns the one into the other.
            if isinstance(error, SystemExit) and error.code != Interrupted.exit_code:
                raise
            interrupt.ignore_further()
            errors.print("\ninterrupted")
            sys.exit(Interrupted.exit_code)
