"""A Ray cluster of several nodes on this machine: real processes that can be killed."""

import subprocess
import sys
import uuid

from tests.support.hosts import Host
from tests.support.ports import free_port
from tests.support.shell import ACTOR, Shell, kill, marked
from tests.support.waiting import PATIENCE_SECONDS

NODE_MARK = "TUNE_NOISE_TEST_NODE"
# The head asks its nodes whether they live, and so finds out within seconds that one is dead, not
# within half a minute. One that is only slow to answer on a busy machine still lives.
SOONER = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "60000",
    "RAY_health_check_failure_threshold": "3",
}


class Node:
    """The processes of one node."""

    def __init__(
        self, shell: Shell, *arguments: str, cpus: int, gpus: int = 0, host: Host | None = None
    ) -> None:
        """Start it; it has joined its cluster when this returns."""
        self.mark = uuid.uuid4().hex
        self.address = host.address if host else "127.0.0.1"
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", *arguments]
        command += ["--num-cpus", str(cpus), "--num-gpus", str(gpus)]
        command += ["--node-ip-address", self.address, "--dashboard-agent-listen-port", "0"]
        command += ["--object-store-memory", "100000000"]
        log = shell.folder / f"node-{self.mark[:8]}.log"
        with log.open("w") as file:
            done = subprocess.run(
                [*(host.prefix if host else ()), *command, "--disable-usage-stats"],
                env=shell.environment | SOONER | {NODE_MARK: self.mark},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
                timeout=PATIENCE_SECONDS,
            )
        assert done.returncode == 0, log.read_text()

    def processes(self) -> dict[int, str]:
        """All that belong to it: pid -> command line."""
        return marked(NODE_MARK, self.mark)

    def trains(self) -> bool:
        """Whether one of its processes trains a trial."""
        return self.num_training > 0

    @property
    def num_training(self) -> int:
        """How many of its processes train a trial, or are about to."""
        return sum(bool(ACTOR.match(command)) for command in self.processes().values())

    def kill(self) -> None:
        """SIGKILL to its raylet: the node is gone, and what ran on it ends."""
        [raylet] = [pid for pid, name in self.processes().items() if "/raylet/raylet" in name]
        kill(raylet)

    def cut_power(self) -> None:
        """SIGKILL to all its processes."""
        while pids := self.processes():
            kill(*pids)


class Cluster:
    """A head, to which nodes can be added."""

    def __init__(
        self,
        shell: Shell,
        *arguments: str,
        cpus: int,
        gpus: int = 0,
        host: Host | None = None,
        port: int | None = None,
    ) -> None:
        """Start the head; drivers connect to it, so they live as long as it does."""
        self._shell = shell
        shell.has_cluster = True
        port = port or free_port()
        self.address = f"{host.address if host else '127.0.0.1'}:{port}"
        start = ["--head", "--port", str(port), "--include-dashboard", "false", *arguments]
        self.head = Node(shell, *start, cpus=cpus, gpus=gpus, host=host)

    def add(self, *, cpus: int, gpus: int = 0, host: Host | None = None) -> Node:
        """A node that has joined."""
        return Node(self._shell, "--address", self.address, cpus=cpus, gpus=gpus, host=host)
