"""Everything that tune_noise raises on purpose.

TuneNoiseError          ours: the command ends with exit code 1
+-- UserError           the user's mistake: one message, exit code 2, no traceback
    +-- ConfigError     one or more problems of a space, a trial or a `--set`
    +-- DataError       a data set that is missing, unreadable or wrong
+-- StorageError        the disk or database of a running search failed; it can be resumed
"""

import errno
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

# A disk that is full, failing or gone, whatever file it was met at.
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE}


class TuneNoiseError(Exception):
    """Base of all errors of this package; the command line shows them without a traceback."""

    exit_code = 1


class Interrupted(Exception):  # noqa: N818 - not an error: the user asked for it
    """Ctrl-C, SIGTERM or SIGHUP has ended a search.

    Args:
        command: the one that resumes it.
    """

    exit_code = 130

    def __init__(self, command: str) -> None:
        """Say how to go on."""
        super().__init__(
            f"interrupted; nothing that was recorded is lost. Continue with:\n  {command}"
        )


class StorageError(TuneNoiseError):
    """What a search writes to has failed: it stops, and goes on when there is room again."""


class UserError(TuneNoiseError):
    """Something the user can correct: the message names place, rule, value and way out."""

    exit_code = 2


class DataError(UserError):
    """A data set cannot be found, read or trusted."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with an input.

    Attributes:
        place: where it is, e.g. `conditions.noise_rate` or `--set lr`.
        message: rule, value found and way out, in one sentence.
    """

    place: str
    message: str


class ConfigError(UserError):
    """All problems of one input at once.

    Args:
        source: what was read, e.g. a file name or `--set`.
        problems: at least one.
    """

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        """Format every problem as one aligned line below a heading."""
        self.source = source
        self.problems = list(problems)
        width = max(len(problem.place) for problem in problems)
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = [f"{source} has {count}"]
        lines += [f"  {problem.place:<{width}}  {problem.message}" for problem in problems]
        super().__init__("\n".join(lines))


# The field's other words, which no comparison of letters would find.
_SYNONYMS = {"learning_rate": "lr", "network": "model", "architecture": "model"}


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return the end of an unknown-name message: the closest known name, or all of them.

    Example:
        >>> suggestion("symetric", ["symmetric", "pair_flip"])
        "did you mean 'symmetric'?"
        >>> suggestion("xyz", ["symmetric", "pair_flip"])
        'choose from symmetric, pair_flip'
    """
    names = list(known)
    meant = _SYNONYMS.get(word)
    close = [meant] if meant in names else get_close_matches(word, names, n=1)
    return f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(names)}"
