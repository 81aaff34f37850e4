"""A real MLflow server that a test can stop, kill and hang, and a proxy that loses its answers."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from tests.support.ports import free_port
from tests.support.waiting import wait_for
from tune_noise.errors import UserError
from tune_noise.tracking import check_tracking_uri


def answers(url: str) -> bool:
    try:
        check_tracking_uri(url)
    except UserError:
        return False
    return True


class MlflowServer:
    """`mlflow server` with its runs in a folder; gone, with its workers, at the end.

    Args:
        folder: for its log, artifacts and runs.
        database: of the runs, where that is another file.
    """

    def __init__(self, folder: Path, *, database: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.database = database or folder / "server.db"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"]
        command += ["--workers", "1", "--port", str(self.port)]
        command += ["--backend-store-uri", f"sqlite:///{self.database}"]
        command += ["--artifacts-destination", str(self.folder / "artifacts")]
        environment = os.environ | {
            "MLFLOW_DISABLE_TELEMETRY": "true",
            # Eight processes that would serve features which nobody uses here.
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        }
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, env=environment, start_new_session=True
            )
        wait_for(lambda: answers(self.url), "the MLflow server")

    def signal(self, number: signal.Signals) -> None:
        """To the server and its workers."""
        assert self._process
        os.killpg(self._process.pid, number)

    def stop(self) -> None:
        """As its owner does."""
        self.signal(signal.SIGTERM)
        assert self._process
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """Where it stands."""
        self.signal(signal.SIGKILL)
        assert self._process
        self._process.wait()
        self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._process:
            self.kill()


class Proxy:
    """Stands between a client and a server, one request per connection.

    Attributes:
        loses: told the head of a request, whether its answer is thrown away; the server has
            served it by then.
        delays: told the head of a request, for how many seconds it is held back; by then its
            client may have given up.
        answers: told the head of a request, what is answered in place of the server.
        heads: of all requests so far.
    """

    def __init__(self, target_port: int) -> None:
        self.loses: Callable[[bytes], bool] = lambda head: False
        self.delays: Callable[[bytes], float] = lambda head: 0.0
        self.answers: Callable[[bytes], bytes | None] = lambda head: None
        self.heads: list[bytes] = []
        self._target = ("127.0.0.1", target_port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with client, socket.create_connection(self._target, timeout=30) as server:
                client.settimeout(30)
                head, body = _read_message(client)
                if not head:
                    return
                self.heads.append(head)
                time.sleep(self.delays(head))
                if (instead := self.answers(head)) is not None:
                    client.sendall(instead)
                    return
                server.sendall(_closing(head) + body)
                answer = b"".join(iter(lambda: server.recv(65536), b""))
                if not self.loses(head):
                    client.sendall(answer)
        except OSError:
            return  # one of the two has gone


def _read_message(stream: socket.socket) -> tuple[bytes, bytes]:
    """Head, with its empty line, and body of one request."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = stream.recv(65536)
        if not more:
            return b"", b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [
        int(line.partition(b":")[2])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    ]
    while lengths and len(body) < lengths[0]:
        body += stream.recv(65536)
    return head + b"\r\n\r\n", body


def _closing(head: bytes) -> bytes:
    """The head with the wish that the server closes, so that its answer has an end."""
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([lines[0], b"Connection: close", *lines[1:]])
