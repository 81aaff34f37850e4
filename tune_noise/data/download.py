"""Fetch an official file from its mirrors: checked, complete or not there at all.

Written out instead of torchvision's own download, which has no timeout, falls back from https to
http in silence, and leaves a broken-off file under its final name.
"""

import hashlib
import os
import secrets
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import BinaryIO

# A mirror that has not answered by then is taken for unreachable.
_ANSWER_SECONDS = 10.0
_CHUNK_BYTES = 1 << 18


def fetch(urls: Sequence[str], path: Path, *, md5: str) -> None:
    """Download one file from the first mirror that has it, showing progress on a terminal.

    Args:
        urls: the same file on each mirror, at least one.
        path: where it goes; it appears there only complete and with the right MD5.
        md5: of the official file.

    Raises:
        OSError: no mirror gave the file, or it cannot be written; the text names each reason.
    """
    reasons = []
    for url in urls:
        try:
            _fetch_from(url, path, md5=md5)
        except (OSError, HTTPException) as error:
            reasons.append(f"{url}: {getattr(error, 'reason', error)}")
        else:
            return
    raise OSError("; ".join(reasons))


def md5_of(path: Path) -> str:
    """MD5 of a file's content, in hexadecimal: torchvision's check against corruption."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, _new_md5).hexdigest()


@contextmanager
def complete_or_absent(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes its name only after the block has ended without an error.

    Several processes may write the same file at once: each writes its own part, the last one
    to finish wins, and a reader never sees half a file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            yield file
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _fetch_from(url: str, path: Path, *, md5: str) -> None:
    with _open_within(url, _ANSWER_SECONDS) as response, complete_or_absent(path) as file:
        digest = _new_md5()
        for chunk in _chunks_with_progress(response, title=path.name):
            digest.update(chunk)
            file.write(chunk)
        if digest.hexdigest() != md5:
            raise OSError(f"answered with another or an incomplete file (MD5 is not {md5})")


def _open_within(url: str, seconds: float) -> HTTPResponse:
    """Open a URL or give up: a socket's own timeout counts for each address and not for names."""
    outcome: SimpleQueue[HTTPResponse | Exception] = SimpleQueue()

    def attempt() -> None:
        try:
            request = urllib.request.Request(url, headers={"User-Agent": "tune_noise"})
            outcome.put(urllib.request.urlopen(request, timeout=seconds))
        except (OSError, HTTPException) as error:
            outcome.put(error)

    Thread(target=attempt, daemon=True).start()
    try:
        answer = outcome.get(timeout=seconds)
    except Empty:
        raise TimeoutError(f"no answer within {seconds:.0f} s") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _chunks_with_progress(response: HTTPResponse, *, title: str) -> Iterator[bytes]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    hidden = not console.is_terminal
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=hidden) as progress:
        task = progress.add_task(f"downloading {title}", total=response.length)
        while chunk := response.read(_CHUNK_BYTES):
            yield chunk
            progress.update(task, advance=len(chunk))


def _new_md5() -> "hashlib._Hash":
    # Not for security: without the flag MD5 is refused where FIPS rules apply.
    return hashlib.md5(usedforsecurity=False)
