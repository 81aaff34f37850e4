"""Progress of long work on data, on a terminal."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def with_progress(items: Iterable[T], total: int, title: str, *, done: int = 0) -> Iterator[T]:
    """Yield items, and show on a terminal how many of them there were.

    Args:
        items: the ones still to come.
        total: how many there are in all.
        title: what is done.
        done: how many were there before.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task(title, total=total, completed=done)
        for item in items:
            yield item
            progress.update(task, advance=1)
