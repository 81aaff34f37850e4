"""How much memory a data set may take on this machine."""

from collections.abc import Iterator
from pathlib import Path


def available_bytes() -> int | None:
    """Return the memory that can be taken without swapping or being killed; None: unknown.

    Linux only: the smallest of what the kernel calls available and what the control groups of
    this process (a container's, a batch job's) have left.
    """
    amounts = [*_of_machine(Path("/proc/meminfo")), *_of_groups(Path("/proc/self/cgroup"))]
    return max(0, min(amounts)) if amounts else None


def _of_machine(meminfo: Path) -> Iterator[int]:
    for name, value in _numbers(meminfo):
        if name == "MemAvailable:":
            yield 1024 * value


def _of_groups(membership: Path, root: Path = Path("/sys/fs/cgroup")) -> Iterator[int]:
    """Yield what version 2 control groups have left, from this process's group up to the root."""
    for line in _lines(membership):
        if line.startswith("0::/"):
            group = root / line[4:]
            for folder in (group, *group.parents):
                if folder.is_relative_to(root):
                    yield from _left_in(folder)


def _left_in(group: Path) -> Iterator[int]:
    limits, used = _lines(group / "memory.max"), _lines(group / "memory.current")
    if limits and used and limits[0].isdigit() and used[0].isdigit():
        # Cached files count as used and give way when memory is asked for.
        caches = [
            value for name, value in _numbers(group / "memory.stat") if name == "inactive_file"
        ]
        yield int(limits[0]) - int(used[0]) + sum(caches)


def _numbers(path: Path) -> Iterator[tuple[str, int]]:
    for words in map(str.split, _lines(path)):
        if len(words) >= 2 and words[1].isdigit():
            yield words[0], int(words[1])


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
