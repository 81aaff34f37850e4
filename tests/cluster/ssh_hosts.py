"""Hosts with an address, processes, a home and /tmp of their own, reached by a real sshd."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.hosts import Host, Network, network
from tests.support.mounts import run
from tests.support.waiting import PATIENCE_SECONDS, wait_for

ROOT = Path(__file__).parents[2]
HOME = "/tmp/home"
# $1 is the host's folder, $2 what it sees of this machine's /tmp, then the command.
_ENTER = f"""
set -e
sed 's#^root:x:0:0:root:[^:]*:#root:x:0:0:root:{HOME}:#' /etc/passwd > "$1/passwd"
mount --bind "$1/passwd" /etc/passwd
for seen in $2; do
    mkdir -p "$1$seen"
    mount --rbind "$seen" "$1$seen"
done
mkdir -p "$1/tmp"
mount --rbind "$1/tmp" /tmp
mkdir -p -m 700 {HOME}
mount -t tmpfs tmpfs /run
mkdir /run/sshd
cd "$3"
shift 3
exec "$@"
"""
SSH_OPTIONS = ["-q", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]


def programs_that_are_missing() -> list[str]:
    return [name for name in ("ip", "unshare", "sshd", "ssh", "rsync") if not _which(name)]


def _which(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


class Machine:
    """One host, or the machine of the person who commands them."""

    def __init__(self, host: Host, folder: Path) -> None:
        """See `Lab.machine`; `folder` is where its own files lie."""
        self.address = host.address
        self.folder = folder
        folder.mkdir()
        (folder / "tmp" / "home").mkdir(parents=True, mode=0o700)
        needed = {ROOT, Path(sys.prefix), Path(sys.prefix).resolve(), Path(sys.base_prefix), folder}
        seen = [p.as_posix() for p in sorted(needed) if p.is_relative_to("/tmp")]
        seen.append(folder.parent.as_posix())
        alone = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        self._prefix = [*host.prefix, *alone, "sh", "-c", _ENTER, "sh", folder, " ".join(seen)]
        self._sshd: subprocess.Popen[bytes] | None = None

    @property
    def home(self) -> Path:
        return self.folder / "tmp" / "home"

    def start(self, *command: str, folder: Path = ROOT, **options: str) -> "subprocess.Popen[str]":
        """Start a command on it, in a group of its own and with these environment variables."""
        kept = {k: os.environ[k] for k in ("LANG", "TERM") if k in os.environ}
        path = f"{sys.prefix}/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
        return subprocess.Popen(
            [*self._prefix, folder, *command],
            env=kept | {"HOME": HOME, "PATH": path} | options,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *command: str, folder: Path = ROOT, **options: str) -> tuple[int, str]:
        """Run a command on it to the end: its exit code, and all it printed."""
        process = self.start(*command, folder=folder, **options)
        out, _ = process.communicate(timeout=PATIENCE_SECONDS)
        return process.returncode, out

    def serve(self, key: Path) -> None:
        """Let whoever has the key in by ssh."""
        (self.home / ".ssh").mkdir(mode=0o700)
        (self.home / ".ssh" / "authorized_keys").write_text(key.with_suffix(".pub").read_text())
        (self.home / ".bashrc").write_text("# of its owner\n")
        server = [_which("sshd"), "-D", "-e", "-f", "/dev/null", "-h", str(key)]
        for option in ("PidFile=none", "UsePAM=no", "PasswordAuthentication=no", "StrictModes=no"):
            server += ["-o", option]
        with (self.folder / "sshd.log").open("w") as log:
            self._sshd = subprocess.Popen(
                [*self._prefix, "/", *server], stdout=log, stderr=log, start_new_session=True
            )

    def end(self) -> None:
        """End it and all that runs on it."""
        if self._sshd is not None:
            self._sshd.kill()
            self._sshd.wait()


class Lab:
    """Machines that reach each other and nothing else."""

    def __init__(self, net: Network, folder: Path) -> None:
        """Use `lab`."""
        self._net, self.folder, self._machines = net, folder, list[Machine]()
        self.key = folder / "key"
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key)
        self.desk = self.machine("desk")

    def machine(self, name: str) -> Machine:
        made = Machine(self._net.host(name), self.folder / name)
        self._machines.append(made)
        return made

    def host(self, name: str) -> Machine:
        """One that is reached by ssh."""
        made = self.machine(name)
        made.serve(self.key)
        log = made.folder / "sshd.log"
        wait_for(lambda: self.ssh(made, "true")[0] == 0, "ssh", shown=log.read_text)
        return made

    def ssh(self, host: Machine, command: str) -> tuple[int, str]:
        """Run a command in a shell as Ray opens one: its exit code, and all it printed."""
        shell = f"bash --login -c -i {shlex.quote(f'source ~/.bashrc; {command}')} 2>&1"
        return self.desk.run(
            "ssh", *SSH_OPTIONS, "-i", str(self.key), f"root@{host.address}", shell
        )

    def end(self) -> None:
        for machine in self._machines:
            machine.end()


@contextmanager
def lab(folder: Path) -> Iterator[Lab]:
    """Machines of one's own; skips the test where there can be none."""
    if missing := programs_that_are_missing():
        pytest.skip(f"needs {', '.join(missing)}")
    with network() as net:
        made = Lab(net, folder)
        try:
            yield made
        finally:
            made.end()
