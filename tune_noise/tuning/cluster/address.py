"""Find the cluster that a search is to join, and check within seconds that it can be joined.

Where nothing answers, Ray itself tries for minutes, and reacts to no signal meanwhile.
"""

import os
import socket
import threading
from dataclasses import dataclass

from tune_noise.errors import UserError
from tune_noise.tuning.cluster.held_stderr import held_stderr

# How long to wait for a connection, and for an answer to it.
ANSWER_SECONDS = 5.0
# How long a head that answers may take to name a node on this machine, which may have just started.
NODE_SECONDS = 10.0
# How long all of it may take, also where a name server does not answer.
JOIN_SECONDS = 17.0
# A client of HTTP/2, and so of gRPC, begins with this preface and empty settings. The first frame
# of the server is one of settings, too (RFC 9113, section 3.4).
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
_FRAME_BYTES, _SETTINGS = 9, 4
_NO_HEAD = "what listens there is not the head of a cluster"


@dataclass(frozen=True)
class ClusterAddress:
    """The address of a cluster's head, and how messages speak of it.

    Attributes:
        host: the name or IP address of the head.
        port: the port of the head.
        origin: where the address comes from, e.g. `--address 10.0.0.1:6379`; it begins a message.
        way_out: how to search without this cluster; it ends a message.
    """

    host: str
    port: int
    origin: str
    way_out: str

    def __str__(self) -> str:
        """Return it as Ray takes it, e.g. `10.0.0.1:6379` or `[::1]:6379`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def find_address(option: str | None) -> ClusterAddress | None:
    """Return the address of the cluster to join; None where one is to be started here.

    Args:
        option: the value of `--address`. As everywhere in Ray, RAY_ADDRESS takes its place where it
            is left out or `auto`, and `auto` means the cluster that this machine is a node of.

    Raises:
        UserError: this is not the address of a cluster, or there is none that `auto` could mean.
    """
    address, origin = option, f"--address {option}"
    way_out = "leave --address out to use this machine"
    variable = os.environ.get("RAY_ADDRESS")
    if variable and address in {None, "", "auto"}:
        address, origin = variable, f"RAY_ADDRESS={variable}"
        way_out = "unset RAY_ADDRESS to use this machine"
    if not address or address == "local":
        return None
    if address.startswith(("http://", "https://")):
        raise UserError(
            f"{origin}: is the address of a dashboard, where `ray job submit` sends jobs (it also "
            "takes RAY_API_SERVER_ADDRESS); a search joins the cluster itself: use --address "
            f"HOST:PORT, with the port of the head, 6379 by default, or {way_out}"
        )
    if address.startswith("ray://"):
        raise UserError(
            f"{origin}: must be HOST:PORT of a running cluster, or auto: a search does not run "
            "through Ray Client; start it on a node of the cluster, or by `ray job submit`"
        )
    if address == "auto":
        address, source = _current_cluster(origin, way_out)
        origin = f"{origin} ({address}, from {source})"
    host, _, port = address.rpartition(":")
    if not host or not (port.isdecimal() and 0 < int(port) < 65536):
        raise UserError(f"{origin}: must be HOST:PORT of a running cluster, or auto")
    return ClusterAddress(host.strip("[]"), int(port), origin, way_out)


def _current_cluster(origin: str, way_out: str) -> tuple[str, str]:
    from tune_noise.tuning.ray_internals import current_cluster

    try:
        return current_cluster()
    except ConnectionError:
        reason = "no Ray runs on this machine"
    except (OSError, UnicodeError) as error:
        reason = str(error)
    raise UserError(
        f"{origin}: no Ray cluster is found ({reason}); start one with `ray start --head`, name "
        f"one by --address HOST:PORT, or {way_out}"
    )


def check_joinable(address: ClusterAddress) -> None:
    """Check that a cluster answers, and that this machine is a node of it.

    Raises:
        UserError: it does not answer, refuses the token, or has no node on this machine.
    """
    failures: list[Exception] = []

    def attempt() -> None:
        try:
            _check_listener(address)
            _check_node(address)
        except Exception as error:
            failures.append(error)

    # In a thread of its own: neither the look-up of a name nor Ray would hear a signal.
    thread = threading.Thread(target=attempt, daemon=True)
    with held_stderr():
        thread.start()
        thread.join(JOIN_SECONDS)
        if thread.is_alive():
            raise _no_answer(address, f"nothing for {JOIN_SECONDS:g} s")
        if failures:
            raise failures[0]


def _check_listener(address: ClusterAddress) -> None:
    try:
        place = (address.host, address.port)
        with socket.create_connection(place, timeout=ANSWER_SECONDS) as connection:
            if os.environ.get("RAY_USE_TLS", "0") != "0":
                return  # which begins in another way
            connection.sendall(_GREETING)
            frame = connection.recv(_FRAME_BYTES, socket.MSG_WAITALL)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _no_answer(address, reason) from None
    if frame[3:4] != bytes([_SETTINGS]):
        raise _no_answer(address, _NO_HEAD)


def _no_answer(address: ClusterAddress, reason: str) -> UserError:
    return UserError(
        f"{address.origin}: no Ray cluster answers there ({reason}); start one with "
        f"`ray start --head`, or {address.way_out}"
    )


def _check_node(address: ClusterAddress) -> None:
    # Ray takes a second to import.
    from ray.exceptions import AuthenticationError, RpcError

    from tune_noise.tuning.ray_internals import check_node_here

    try:
        check_node_here(str(address), seconds=NODE_SECONDS)
    except AuthenticationError:
        reason = "the token is missing or not the cluster's"
        raise refusal(address, reason, _token_help()) from None
    except RpcError:
        raise _no_answer(address, _NO_HEAD) from None
    except RuntimeError:
        reason = "no node of it runs on this machine"
        raise refusal(address, reason, f"start one by `ray start --address={address}`") from None


def refusal(address: ClusterAddress, reason: str, action: str) -> UserError:
    """Return the error of a cluster that answers and cannot be joined.

    Args:
        address: of its head.
        reason: why it cannot be joined.
        action: what may help, e.g. "check `ray status`".
    """
    return UserError(
        f"{address.origin}: no Ray cluster can be joined there ({reason}); {action}, or "
        f"{address.way_out}"
    )


def _token_help() -> str:
    if os.environ.get("RAY_AUTH_MODE") != "token":
        return "set RAY_AUTH_MODE=token here too"
    return (
        "give the cluster's own token (RAY_AUTH_TOKEN_PATH names its file; else it is "
        "~/.ray/auth_token)"
    )
