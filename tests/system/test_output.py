"""Standard output and error of a real process, whatever they are connected to."""

import os
import pty
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

TEXT = "0.93 ± 0.02 ★ é 猫"
PROGRAM = f"""
import os, sys
from tune_noise.system.output import fault_of, open_output
open_output()
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
print({TEXT!a})
print("x" * 200_000)
print("error", file=sys.stderr)
os.write(file, f"{{fault_of(sys.stdout)!r}} {{fault_of(sys.stderr)!r}}".encode())
"""


def run(path: Path, shell: str = "", **options: Any) -> "subprocess.CompletedProcess[bytes]":
    """Run the program with redirections of a shell, and expect that it ends as it should."""
    unset = {"PYTHONIOENCODING", "PYTHONUTF8", "LC_ALL"}
    environment = {k: v for k, v in os.environ.items() if k not in unset}
    return subprocess.run(
        ["bash", "-c", f'"$@" {shell}', "bash", sys.executable, "-c", PROGRAM, str(path)],
        timeout=120,
        check=True,
        **{"stdout": subprocess.PIPE} | options | {"env": environment | options.get("env", {})},
    )


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"PYTHONIOENCODING": "ascii"}, b"0.93 +- 0.02 * \\xe9 \\u732b"),
        ({"PYTHONIOENCODING": "latin-1"}, b"0.93 \xb1 0.02 * \xe9 \\u732b"),
        ({"PYTHONIOENCODING": "utf-8"}, TEXT.encode()),
        ({"PYTHONIOENCODING": "ascii:ignore"}, b"0.93  0.02   "),
        (
            {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
            b"0.93 +- 0.02 * \\xe9 \\u732b",
        ),
    ],
    ids=["ascii", "latin-1", "utf-8", "chosen", "locale"],
)
def test_signs_that_an_encoding_lacks_are_replaced(
    environment: dict[str, str], expected: bytes, tmp_path: Path
) -> None:
    assert run(tmp_path / "faults", env=environment).stdout.splitlines()[0] == expected


@pytest.mark.parametrize(
    ("shell", "faults"),
    [
        ("> /dev/full 2>&1", "OSError(28, 'No space left on device') " * 2),
        ("| head -c 1", "BrokenPipeError(32, 'Broken pipe') None"),
        (">&- 2>&- <&-", "None None"),
        ("> /dev/null", "None None"),
    ],
    ids=["full", "pipe", "closed", "fine"],
)
def test_a_stream_that_cannot_be_written_ends_the_printing_alone(
    shell: str, faults: str, tmp_path: Path
) -> None:
    run(tmp_path / "faults", shell)
    assert (tmp_path / "faults").read_text() == faults.strip()


def test_a_terminal_that_went_away_ends_the_printing_alone(tmp_path: Path) -> None:
    controller, terminal = pty.openpty()
    os.close(controller)
    run(tmp_path / "faults", stdout=terminal)
    os.close(terminal)
    assert (tmp_path / "faults").read_text() == "OSError(5, 'Input/output error') None"


def test_a_pipe_that_does_not_block_gets_everything(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    received = bytearray()

    def read() -> None:
        while piece := os.read(reading, 1 << 16):
            received.extend(piece)

    reader = threading.Thread(target=read)
    reader.start()
    run(tmp_path / "faults", stdout=writing)
    os.close(writing)
    reader.join()
    os.close(reading)
    assert len(received) == len(TEXT.encode()) + 1 + 200_001
