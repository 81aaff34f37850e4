"""Fetch an official file from its mirrors: checked, and complete or not there at all.

torchvision's own download has no timeout, falls back from https to http in silence, and leaves a
broken-off file under its final name. `pooch.retrieve` has none of these faults, but its timeout
starts again at each address of a mirror and leaves out the look-up of its name: where there is no
network, a user would wait far longer than `_ANSWER_SECONDS` for each mirror.
"""

import hashlib
import urllib.request
from collections.abc import Iterator, Sequence
from functools import partial
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

from tune_noise.system.files import replacement

# A mirror that has not answered by then counts as unreachable.
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
    """Return the MD5 of a file's content in hexadecimal, as torchvision checks it."""
    with path.open("rb") as file:
        # Not for security: without the flag MD5 is refused where FIPS rules apply.
        new_md5 = partial(hashlib.md5, usedforsecurity=False)
        return hashlib.file_digest(file, new_md5).hexdigest()


def _fetch_from(url: str, path: Path, *, md5: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with _open_within(url, _ANSWER_SECONDS) as response, replacement(path) as unchecked:
        with unchecked.open("xb") as file:
            for chunk in _chunks_with_progress(response, title=path.name):
                file.write(chunk)
        if md5_of(unchecked) != md5:
            raise OSError(f"answered with another or an incomplete file (MD5 is not {md5})")


def _open_within(url: str, seconds: float) -> HTTPResponse:
    """Open a URL or give up: a socket's own timeout counts for each address, and not for names."""
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
