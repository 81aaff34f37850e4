"""Standard output and error, opened so that what is printed never ends what is computed."""

import codecs
import io
import os
import select
import sys
from typing import TextIO

# What stands for a sign that an encoding lacks; any other is printed as its code, such as \xe9.
_PLAIN_SIGNS = {"±": "+-", "·": "-", "★": "*", "…": "...", "→": "->", "“": '"', "”": '"'}
_PLAIN = "tune_noise_plain"
# The handlers that Python chooses by itself; any other one is the user's choice.
_DEFAULT_HANDLERS = {"strict", "surrogateescape", "backslashreplace"}


class _Output(io.FileIO):
    """A file that is written to until that fails; whatever comes later is dropped.

    Attributes:
        fault: why it cannot be written to any more; None while it can.
    """

    fault: OSError | None = None

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Write all of the data, unless a fault comes first, e.g. a full disk or a closed pipe."""
        rest = memoryview(data)
        while rest and self.fault is None:
            try:
                count = super().write(rest)
            except OSError as error:
                self.fault = error
                break
            if count is None:  # it does not block, and is full
                select.select((), (self,), ())
            rest = rest[count or 0 :]
        return len(data)


def open_output() -> None:
    """Open standard output and error again: writing to them raises no error from here on.

    Signs that the encoding lacks are replaced. After a fault of the stream nothing more is written
    to it. A stream that was closed when the program started goes nowhere.
    """
    codecs.register_error(_PLAIN, _plain_sign)
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # Else the next file to be opened, such as the record, would take its place.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if sys.stdout is sys.__stdout__:
        sys.stdout = _open(1, sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _open(2, sys.stderr)


def _open(descriptor: int, before: TextIO | None) -> TextIO:
    encoding, errors = (before.encoding, before.errors) if before else ("utf-8", "strict")
    if before:
        before.flush()
    # Not buffered, like `python -u`: a signal may come while something is printed, and its handler
    # prints, too.
    return io.TextIOWrapper(
        _Output(descriptor, "w", closefd=False),
        encoding=encoding,
        errors=_PLAIN if errors in _DEFAULT_HANDLERS else errors,
        write_through=True,
    )


def fault_of(stream: TextIO) -> OSError | None:
    """Return why a stream that `open_output` opened cannot be written to any more, or None."""
    output = getattr(stream, "buffer", None)
    return output.fault if isinstance(output, _Output) else None


def _plain_sign(error: UnicodeError) -> tuple[str | bytes, int]:
    """Return what stands for the first sign that cannot be encoded, and where to go on."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    sign, end = error.object[error.start], error.start + 1
    if "\udc80" <= sign <= "\udcff":  # an undecodable byte of a file name
        return bytes([ord(sign) - 0xDC00]), end
    return _PLAIN_SIGNS.get(sign) or sign.encode("ascii", "backslashreplace").decode(), end
