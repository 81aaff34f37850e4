import socket
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from tune_noise.system.signals import Interrupt
from tune_noise.tuning.cluster import watch as cluster_watch
from tune_noise.tuning.cluster.watch import answers


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_watch, "POLL_SECONDS", 0.01)


def address_of(server: socket.socket) -> str:
    return f"127.0.0.1:{server.getsockname()[1]}"


def watch(address: str, ended: threading.Event, said: list[str]) -> None:
    cluster_watch._watch("the head", address, 0.05, Interrupt(), ended, said.append)


def test_what_listens_answers(server: socket.socket) -> None:
    address = address_of(server)
    assert answers(address)
    server.close()
    assert not answers(address)


def test_a_loss_is_said_once(server: socket.socket) -> None:
    address, said = address_of(server), []
    server.close()
    watch(address, threading.Event(), said)
    assert said == [f"the head, {address}, does not answer any more"]


def test_nothing_is_said_of_what_answers_or_was_left(server: socket.socket) -> None:
    said: list[str] = []
    ended = threading.Event()
    thread = threading.Thread(target=watch, args=(address_of(server), ended, said))
    thread.start()
    for _ in range(20):  # questions, in more time than a loss needs
        server.accept()[0].close()
    assert thread.is_alive()
    ended.set()
    thread.join()
    assert said == []


@pytest.mark.parametrize("has_come", [False, True])
def test_where_a_signal_has_ended_ray_too_its_fault_is_an_interruption(
    server: socket.socket, monkeypatch: pytest.MonkeyPatch, has_come: bool
) -> None:
    address = address_of(server)
    context = SimpleNamespace(gcs_address=address)
    monkeypatch.setattr(cluster_watch.ray, "get_runtime_context", lambda: context)
    monkeypatch.setattr(cluster_watch, "_raylet_address", lambda: address)
    interrupt = Interrupt()
    interrupt.requested = has_come
    expected = KeyboardInterrupt if has_come else RuntimeError
    server.close()
    with pytest.raises(expected), cluster_watch.cluster_watch([].append, interrupt):
        raise RuntimeError("Failed to connect to GCS")
