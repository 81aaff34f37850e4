"""A PostgreSQL server of one's own: made in a temporary folder, started, stopped, killed."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.waiting import wait_for

ADMIN = "admin"
# For a user who must give a password; each character that a URI could stumble over.
USER, PASSWORD = "ada", "s3cr:t/@#?%&= +'\"\\x"


def programs() -> Path | None:
    """The folder of initdb and postgres; None where they are not installed."""
    found = shutil.which("initdb")
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda f: -int(f.parent.name))
    candidates = [Path(found).resolve().parent] if found else []
    return next((f for f in [*candidates, *folders] if (f / "postgres").exists()), None)


class PostgresServer:
    """A server on a free port of 127.0.0.1, and on a socket in its folder.

    Attributes:
        port: stays the same when it is stopped and started again.
        folder: also the folder of its socket.
    """

    def __init__(self, folder: Path, binaries: Path) -> None:
        """Make its files; the server refuses to run as root, so another user runs it then."""
        self.folder, self._binaries = folder, binaries
        self._user: dict[str, Any] = {}
        if os.getuid() == 0:
            self._user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
            shutil.chown(folder, user="nobody", group="nogroup")
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port: int = listener.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        initdb = [str(binaries / "initdb"), "-D", str(self._data), "-U", ADMIN, "-A", "trust"]
        subprocess.run(
            [*initdb, "-E", "UTF8", "--no-sync"],
            check=True, capture_output=True, cwd=folder, **self._user,
        )  # fmt: skip
        rules = (self._data / "pg_hba.conf").read_text()
        password_rule = f"host all {USER} 127.0.0.1/32 scram-sha-256\n"
        (self._data / "pg_hba.conf").write_text(password_rule + rules)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str = "postgres", *, port: int | None = None) -> str:
        """Of a database on it, for the administrator, who needs no password."""
        return f"postgresql://{ADMIN}@127.0.0.1:{port or self.port}/{database}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.folder,
            "max_connections": 40,
            "shared_buffers": "16MB",
            # What need not be on the disk at once stays in memory for long, so a crash loses it.
            "wal_writer_delay": "10s",
        }
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]

        def answers() -> bool:
            if self._ask("SELECT 1").returncode == 0:
                return True
            # After a kill its children may live a moment longer, and it refuses to start.
            if self._process is None or self._process.poll() is not None:
                self._process = self._spawn(options)
            return False

        wait_for(answers, "answer of PostgreSQL", shown=(self.folder / "log").read_text)

    def _spawn(self, options: list[str]) -> "subprocess.Popen[bytes]":
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [str(self._binaries / "postgres"), "-D", str(self._data), *options],
                stdout=log, stderr=log, cwd=self.folder, **self._user,
            )  # fmt: skip

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT ends its connections, SIGQUIT is as if it had crashed."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None

    def restart(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop and start."""
        self.stop(how)
        self.start()

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run a statement as the administrator; its rows, with | between columns."""
        done = self._ask(statement, database)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def _ask(
        self, statement: str, database: str = "postgres"
    ) -> "subprocess.CompletedProcess[str]":
        psql = [str(self._binaries / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
        where = ["-h", str(self.folder), "-p", str(self.port), "-U", ADMIN, "-d", database]
        return subprocess.run(
            [*psql, *where, "-c", statement], capture_output=True, text=True, check=False
        )


@contextmanager
def running_server(binaries: Path) -> Iterator[PostgresServer]:
    """A server that runs until the end of the block."""
    # Not pytest's folder, which only its own user may enter.
    with tempfile.TemporaryDirectory(prefix="pg") as name:
        server = PostgresServer(Path(name), binaries)
        try:
            server.start()
            yield server
        finally:
            server.stop(signal.SIGQUIT)
