"""Passwords on the command line: taken off it before anybody writes it down.

A command line can be read by every user of a machine, and Ray shows that of its driver to everybody
who may look at the cluster. So an option whose URI holds a password is masked, and the whole URI
goes on in the environment variable that stands for the option.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tune_noise.errors import UserError
from tune_noise.system.files import expand_home
from tune_noise.system.masking import mask_password

# Option -> environment variable that may be given instead.
URI_OPTIONS = {"--tracking-uri": "MLFLOW_TRACKING_URI", "--record": "TUNE_NOISE_RECORD"}


class GivenUri(NamedTuple):
    """A URI that the user gave.

    Attributes:
        uri: with its password; None where none was given.
        source: the option or the variable that it was given by, for messages.
    """

    uri: str | None
    source: str


def given_uri(value: str | None, option: str) -> GivenUri:
    """Return the URI that the value of an option means, with the home folder for ~, and its source.

    Args:
        value: what the parser found, by option or by variable; possibly masked.
        option: one of `URI_OPTIONS`.

    Raises:
        UserError: the password of a masked URI is not told.
    """
    variable = URI_OPTIONS[option]
    whole = os.environ.get(variable)
    if value is None or value == whole:
        return GivenUri(_expand(value), variable if value else option)
    if "***" not in value:
        return GivenUri(_expand(value), option)
    if whole is None or mask_password(whole) != value:
        raise UserError(
            f"{option} {value}: *** stands for a user and a password that are not told: put the "
            f"whole URI into the environment variable {variable}"
        )
    return GivenUri(whole, option)


def _expand(uri: str | None) -> str | None:
    """Return a URI such as `sqlite:///~/x.db` with the home folder in it."""
    if uri is None:
        return None
    scheme, slashes, path = uri.partition(":///")
    return f"{scheme}{slashes}{expand_home(path)}"


def hide_passwords() -> None:
    """Restart this program without the password if an option holds one, and warn the user.

    The process stays the same one. Call it first of all, before threads are started.
    """
    arguments, variables = without_passwords(sys.argv[1:])
    if not variables:
        return
    for option, variable in URI_OPTIONS.items():
        if variable in variables:
            sys.stderr.write(
                f"warning: {option} holds a password, which other users can read while a command "
                f"starts and your shell remembers: put the URI into {variable} instead\n"
            )
    sys.stderr.flush()
    interpreter = sys.orig_argv[: len(sys.orig_argv) - len(arguments)]
    if os.name == "posix" and sys.orig_argv[len(interpreter) :] == sys.argv[1:]:
        os.execve(sys.executable, [*interpreter, *arguments], os.environ | variables)


def without_passwords(arguments: Sequence[str]) -> tuple[list[str], Mapping[str, str]]:
    """Return the arguments with the passwords of their URIs masked.

    Returns:
        The arguments, and variable -> whole URI of each option that held a password.

    Example:
        >>> without_passwords(["--trials", "4", "--record=postgresql://ada:secret@db/tune"])
        (['--trials', '4', '--record=postgresql://***@db/tune'], \
{'TUNE_NOISE_RECORD': 'postgresql://ada:secret@db/tune'})
    """
    masked, variables = list(arguments), {}
    for i, argument in enumerate(arguments):
        option, equals, value = argument.partition("=")
        if not equals and i > 0:
            option, value = arguments[i - 1], argument
        hidden = mask_password(value)
        if option in URI_OPTIONS and hidden != value:
            variables[URI_OPTIONS[option]] = value
            masked[i] = f"{option}={hidden}" if equals else hidden
    return masked, variables
