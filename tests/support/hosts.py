"""Hosts of one's own on this machine: a network namespace each, with an address and a name.

They are joined by a bridge in a namespace of its own, so nothing of the machine's network is seen
or changed. Only root may make them.
"""

import json
import os
import random
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.support.mounts import run

# Run in namespaces of its own: $0 is the host name, $1 a folder that the host has to itself or "",
# $2 its folder for Ray, which keeps the address of its host there.
_ENTER = """
hostname "$0"; test -z "$1" || mount -t tmpfs tmpfs "$1"
mkdir -p /tmp/ray; mount --bind "$2" /tmp/ray; shift 2; exec "$@"
"""


class Host:
    """One host.

    Attributes:
        name: its host name.
        address: its IP address.
        prefix: put before a command, it runs there.
        ray_folder: what Ray's folder is there.
    """

    def __init__(self, name: str, address: str, namespace: str, own_folder: Path | None) -> None:
        """See `Network.host`."""
        self.name, self.address, self._namespace = name, address, namespace
        self.ray_folder = mkdtemp(prefix="ray_")
        inside = ["unshare", "--mount", "--uts", "sh", "-c", _ENTER, name]
        self.prefix = ["ip", "netns", "exec", namespace, *inside]
        self.prefix += [str(own_folder or ""), self.ray_folder]

    @property
    def received_bytes(self) -> int:
        """All that has come over the network so far."""
        [link] = json.loads(run("ip", "-n", self._namespace, "-j", "-s", "link", "show", "eth0"))
        return int(link["stats64"]["rx"]["bytes"])


class Network:
    """Hosts that reach each other and nothing else."""

    def __init__(self) -> None:
        """Use `network`."""
        self._mark = f"tn{uuid.uuid4().hex[:6]}"
        self._subnet = f"10.{random.randrange(200, 250)}.{random.randrange(250)}"
        self._namespaces: list[str] = []
        self._hosts: list[Host] = []
        self._switch = self._namespace("switch")
        run("ip", "-n", self._switch, "link", "add", "br0", "type", "bridge")
        run("ip", "-n", self._switch, "link", "set", "br0", "up")

    def _namespace(self, name: str) -> str:
        namespace = f"{self._mark}-{name}"
        run("ip", "netns", "add", namespace)
        self._namespaces.append(namespace)
        run("ip", "-n", namespace, "link", "set", "lo", "up")
        return namespace

    def host(self, name: str, *, own_folder: Path | None = None) -> Host:
        """Another host; it shares all files but what lies in `own_folder`, which is empty there."""
        namespace = self._namespace(name)
        number = len(self._namespaces)
        address, port = f"{self._subnet}.{number}", f"port{number}"
        run("ip", "-n", namespace, "link", "add", "eth0", "type", "veth", "peer", "name", port,
            "netns", self._switch)  # fmt: skip
        run("ip", "-n", self._switch, "link", "set", port, "master", "br0", "up")
        run("ip", "-n", namespace, "addr", "add", f"{address}/24", "dev", "eth0")
        run("ip", "-n", namespace, "link", "set", "eth0", "up")
        self._hosts.append(Host(name, address, namespace, own_folder))
        return self._hosts[-1]

    def remove(self) -> None:
        """Remove it; what still runs in it has no network any more."""
        for namespace in self._namespaces:
            subprocess.run(["ip", "netns", "delete", namespace], check=True)
        for host in self._hosts:
            shutil.rmtree(host.ray_folder, ignore_errors=True)


@contextmanager
def network() -> Iterator[Network]:
    """A network; skips the test where there can be none."""
    if os.getuid() != 0:
        pytest.skip("only root may make network namespaces")
    made = Network()
    try:
        yield made
    finally:
        made.remove()
