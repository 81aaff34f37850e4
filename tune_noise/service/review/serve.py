"""Run the page: its address, its server, and its end."""

import json
import os
import secrets
import socket
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import ProxyHandler, build_opener

from tune_noise.errors import UserError

if TYPE_CHECKING:
    from starlette.applications import Starlette

HOST = "127.0.0.1"
# The same one each time, as a browser keeps unsaved answers for each port by itself.
DEFAULT_PORT = 8642
ADDRESS_FILE = ".review"


@contextmanager
def open_socket(folder: Path, port: int | None) -> Iterator[tuple[socket.socket, str, bool]]:
    """Listen on this machine alone; yield the socket, the token, and whether pages may be open.

    After the command was killed, the next one takes the same port and token, so that a page that is
    still open goes on. After its own end they are forgotten.

    Args:
        folder: of the search; remembers port and token.
        port: asked for; None: the last one, or `DEFAULT_PORT`, or any that is free.

    Raises:
        UserError: the port is not free, or another command serves this search.
    """
    path = folder / ADDRESS_FILE
    last_port, last_token = _read_address(path)
    if last_token and _is_answered(url := address_of(last_port or 0, last_token)):
        raise UserError(f"{folder}: a review of it is open already: {url} (add ?person=NAME)")
    token = last_token or secrets.token_urlsafe(24)
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        candidates = [port] if port is not None else [last_port, DEFAULT_PORT, 0]
        _bind(listener, [candidate for candidate in candidates if candidate is not None])
        address = {"port": listener.getsockname()[1], "token": token}
        _write_address(path, json.dumps(address))
        try:
            yield listener, token, last_token is not None
        finally:
            path.unlink(missing_ok=True)


def address_of(port: int, token: str) -> str:
    """Return the address of a page."""
    return f"http://{HOST}:{port}/{token}/"


def _is_answered(url: str) -> bool:
    """Return whether a command serves an address of this machine now; no proxy is asked."""
    directly = build_opener(ProxyHandler({}))
    with suppress(OSError), directly.open(url, timeout=2) as response:
        return bool(response.status == 200)
    return False


def _bind(listener: socket.socket, ports: list[int]) -> None:
    for port in ports:
        with suppress(OSError):
            listener.bind((HOST, port))
            return listener.listen()
    raise UserError(f"--port {ports[0]}: it is not free: choose another one, or leave it out")


def _read_address(path: Path) -> tuple[int | None, str | None]:
    """Return port and token of a command that was killed, if one was."""
    try:
        address = json.loads(path.read_text(encoding="utf-8"))
        return int(address["port"]), str(address["token"])
    except (OSError, ValueError, LookupError, TypeError):
        return None, None


def _write_address(path: Path, text: str) -> None:
    """Write a file that nobody else can read: who has the token can answer."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def serve(app: "Starlette", listener: socket.socket, url: str, *, browser: bool) -> None:
    """Serve until Ctrl-C or SIGTERM; requests that are under way are answered first."""
    import uvicorn

    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=5
    )
    if browser:
        webbrowser.open(url)
    # The server answers what is under way, and then raises the signal again.
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])
