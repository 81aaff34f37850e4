"""Stands between a client and a server, and cuts a connection at a chosen message."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self


class CuttingProxy:
    """Hands on bytes both ways until a client's message holds a marker; then it cuts once.

    Attributes:
        port: to connect to instead of the server's.
        cuts: how often it has cut.
    """

    def __init__(self, port: int) -> None:
        """Stand before a server on this machine."""
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.cuts = 0
        self._marker: bytes | None = None
        self._delivers = self._tells_server = True
        self._connections: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def cut_at(self, marker: bytes, *, delivers: bool, tells_server: bool = True) -> None:
        """Cut the connection at the next message that holds a marker.

        Args:
            marker: some bytes of the message.
            delivers: the server gets the message, and its answer is lost; else it gets nothing.
            tells_server: its connection is closed, too; else it waits on.
        """
        self._delivers, self._tells_server, self._marker = delivers, tells_server, marker

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *exception: object) -> None:
        for connection in [self._listener, *self._connections]:
            _shut(connection)
        for thread in self._threads:
            thread.join()
        for connection in [self._listener, *self._connections]:
            connection.close()

    def _start(self, work: Callable[..., None], *arguments: socket.socket) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(client)
            try:
                server = socket.create_connection(self._target)
            except OSError:
                _shut(client)
                continue
            self._connections.append(server)
            self._start(self._hand_on, client, server)
            self._start(self._answer, client, server)

    def _hand_on(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := _receive(client):
                if self._marker is not None and self._marker in data:
                    self._cut(client, server, data)
                    return
                server.sendall(data)
        _shut(server)

    def _cut(self, client: socket.socket, server: socket.socket, data: bytes) -> None:
        self._marker = None
        self.cuts += 1
        # First of all: no answer can reach the client any more.
        _shut(client)
        if self._delivers:
            server.sendall(data)
        if self._tells_server:
            # It reads what was sent, and only then sees the end.
            server.shutdown(socket.SHUT_WR)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        while data := _receive(server):
            with suppress(OSError):
                client.sendall(data)
        _shut(client)


def _receive(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except OSError:
        return b""


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
