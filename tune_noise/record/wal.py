"""What SQLite left out of its write-ahead log when it recovered after a crash.

SQLite takes the log's frames up to the last whole transaction and silently ignores what follows.
What follows is an unfinished write, unless it is older than the log's header: then it is what an
earlier use of the file left behind.

Reference:
    https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

import struct
from pathlib import Path

_HEADER = struct.Struct(">8I")  # magic, version, page size, checkpoint, two salts, two checksums
_FRAME = struct.Struct(">6I")  # page, pages in all (0: the transaction goes on), salts, checksums


def lost_writes(path: Path, *, num_valid: int) -> int:
    """Return the number of writes in a log that do not count because they are not whole.

    Args:
        path: the `-wal` file; it may be missing.
        num_valid: frames that SQLite accepted.
    """
    log = path.read_bytes() if path.exists() else b""
    if len(log) < _HEADER.size:
        return int(len(log) > 0)
    _, _, page_size, *_ = header = _HEADER.unpack_from(log)
    if page_size & (page_size - 1) or not 512 <= page_size <= 65536:
        return 1  # the header itself is damaged, and nothing behind it can be told apart
    salts, lost, is_open = header[4:6], 0, False
    size = _FRAME.size + page_size
    for start in range(_HEADER.size + num_valid * size, len(log), size):
        if len(log) - start < _FRAME.size:
            return lost + 1
        _, num_pages, first, second, _, _ = _FRAME.unpack_from(log, start)
        # Both salts change when the log is used again: one that agrees says it is no older frame.
        if first == salts[0] or second == salts[1]:
            lost, is_open = lost + (num_pages > 0), num_pages == 0
    return lost + is_open
