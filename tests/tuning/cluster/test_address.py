"""Addresses at which no cluster can be joined: each ends within seconds, and says where it was."""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.support.ports import free_port
from tune_noise.errors import UserError
from tune_noise.system.signals import Interrupt
from tune_noise.tuning.cluster import address as address_module
from tune_noise.tuning.cluster.address import check_joinable, find_address


@pytest.fixture(autouse=True)
def _no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


@pytest.mark.parametrize(
    ("option", "variable", "address"),
    [
        ("10.0.0.1:6379", None, "10.0.0.1:6379"),
        (None, "10.0.0.2:6379", "10.0.0.2:6379"),
        ("10.0.0.1:6379", "http://10.0.0.2:8265", "10.0.0.1:6379"),
        ("auto", "10.0.0.2:6379", "10.0.0.2:6379"),
        ("[::1]:6379", None, "[::1]:6379"),
    ],
)
def test_the_option_goes_before_the_variable_unless_it_is_auto(
    option: str | None, variable: str | None, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable is not None:
        monkeypatch.setenv("RAY_ADDRESS", variable)
    assert str(find_address(option)) == address


@pytest.mark.parametrize(
    ("option", "variable"), [(None, None), (None, ""), ("local", "10.0.0.2:6379"), (None, "local")]
)
def test_without_an_address_a_cluster_is_started_here(
    option: str | None, variable: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable is not None:
        monkeypatch.setenv("RAY_ADDRESS", variable)
    assert find_address(option) is None


@pytest.mark.parametrize("option", [None, "auto"])
def test_the_address_of_a_dashboard_is_known_and_the_variable_that_holds_it_is_named(
    option: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "http://127.0.0.1:8265")
    with pytest.raises(UserError) as failure:
        find_address(option)
    message = str(failure.value)
    assert message.startswith("RAY_ADDRESS=http://127.0.0.1:8265: is the address of a dashboard")
    assert "--address HOST:PORT" in message
    assert "unset RAY_ADDRESS" in message


@pytest.mark.parametrize(
    "option",
    [
        "head",
        ":6379",
        "head:port",
        "head:0",
        "head:99999",
        "head:²",
        "https://head",
        "ray://head:1",
    ],
)
def test_what_is_no_address_is_refused(option: str) -> None:
    with pytest.raises(UserError, match=f"^--address {option}: "):
        find_address(option)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Something that accepts connections and says nothing."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield listener


def refuse(address: str, reason: str, *, option: str | None = None) -> None:
    place = find_address(option or address)
    assert place is not None
    with pytest.raises(UserError) as failure:
        check_joinable(place)
    message = str(failure.value)
    assert message.startswith(f"{place.origin}: no Ray cluster answers there ({reason}")
    assert address in message
    assert place.way_out in message


def test_where_nothing_listens_or_nobody_is(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(f"127.0.0.1:{free_port()}", "Connection refused")
    refuse("no.such.host.invalid:6379", "")
    refuse(f"{'a' * 64}.org:6379", "encoding")
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{free_port()}")
    refuse(os.environ["RAY_ADDRESS"], "Connection refused", option="auto")


def test_where_something_listens_that_says_nothing(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(address_module, "ANSWER_SECONDS", 0.1)
    refuse(f"127.0.0.1:{listener.getsockname()[1]}", "timed out")


def test_where_a_web_server_listens() -> None:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        refuse(f"127.0.0.1:{server.server_port}", "what listens there is not the head of a cluster")


def test_a_look_up_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    monkeypatch.setattr(address_module, "JOIN_SECONDS", 0.1)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments: ended.wait() or [])
    try:
        refuse("head:6379", "nothing for 0.1 s")
    finally:
        ended.set()


def test_a_signal_ends_the_wait_for_an_answer(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(address_module, "ANSWER_SECONDS", 600.0)
    monkeypatch.setattr(address_module, "JOIN_SECONDS", 600.0)
    place = find_address(f"127.0.0.1:{listener.getsockname()[1]}")
    assert place is not None
    connections = []

    def signal_once_connected() -> None:
        connections.append(listener.accept())
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=signal_once_connected, daemon=True).start()
    with Interrupt(), pytest.raises(KeyboardInterrupt):
        check_joinable(place)
    connections[0][0].close()
