"""A password in a URI is in nobody's sight: no screen, no file, no log, no database, no `ps`."""

import base64
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.mlflow_server import MlflowServer, Proxy
from tests.support.ports import free_port
from tests.support.postgres_server import USER, PostgresServer, programs, running_server
from tests.support.scripted_search import WARNINGS_OF_MLFLOW
from tests.support.shell import Shell

pytestmark = WARNINGS_OF_MLFLOW
# What no encoding of a URI changes, and around it what every encoding does.
TRACKING_CORE, RECORD_CORE = "Geh3imTracking", "Geh3imRecord"
TRACKING_PASSWORD = f"@{TRACKING_CORE}/:#?%&= +"
RECORD_PASSWORD = f"@{RECORD_CORE}/:#?%&= +"
AUTHORIZATION = base64.b64encode(f"{USER}:{TRACKING_PASSWORD}".encode())
SECRETS = [TRACKING_CORE.encode(), RECORD_CORE.encode(), AUTHORIZATION]
GIVEN_BY = ["option", "environment"]
STEADY = {"early_stopping": None, "fixed": {"model": "mlp2", "ramp_epochs": 2, "batch_size": 16}}


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    binaries = programs()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed: initdb is neither on PATH nor in /usr/lib")
    with running_server(binaries) as server:
        server.sql(f"CREATE ROLE {USER} LOGIN PASSWORD '{RECORD_PASSWORD}'")
        server.sql(f"CREATE DATABASE tune OWNER {USER}")
        yield server


class Witness:
    """Looks everywhere for secrets: files, and the command lines of all processes of a shell."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        # Ray's sockets allow no long path.
        self.ray = Path(tempfile.mkdtemp(prefix="tn", dir="/tmp"))
        shell.environment["RAY_TMPDIR"] = str(self.ray)
        self.command_lines: set[bytes] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "Witness":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._thread.join()
        shutil.rmtree(self.ray)

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            for pid in self.shell.processes():
                try:
                    self.command_lines.add(Path(f"/proc/{pid}/cmdline").read_bytes())
                except OSError:
                    continue  # it has just ended

    def saw_nothing(self, *texts: str, server: MlflowServer | None = None) -> None:
        """In texts, in the files of the search, Ray and MLflow, and in the list of processes.

        Args:
            *texts: what the commands printed.
            server: that the search used; None where it never began.
        """
        assert bool(list(self.ray.rglob("gcs_server*"))) == (server is not None)
        for text in texts:
            assert not found_in(text.encode()), text
        for folder in (self.shell.folder, self.ray, *([server.folder] if server else [])):
            leaks = [p for p in folder.rglob("*") if p.is_file() and found_in(p.read_bytes())]
            assert not leaks
        # The command that the user typed, until it has started itself anew.
        assert not [c for c in self.command_lines if found_in(c) and b"tune_noise.search" not in c]


def found_in(data: bytes) -> list[bytes]:
    return [secret for secret in SECRETS if secret in data]


@pytest.fixture
def witness(shell: Shell) -> Iterator[Witness]:
    with Witness(shell) as witness:
        yield witness


def tracking_uri(port: int) -> str:
    return f"http://{USER}:{quote(TRACKING_PASSWORD, safe='')}@127.0.0.1:{port}"


def record_url(port: int) -> str:
    return f"postgresql://{USER}:{quote(RECORD_PASSWORD, safe='')}@127.0.0.1:{port}/tune"


def give(shell: Shell, by: str, **urls: str) -> list[str]:
    """The options that give these URLs; none where the environment does."""
    names = {"tracking": ("--tracking-uri", "MLFLOW_TRACKING_URI")}
    names["record"] = ("--record", "TUNE_NOISE_RECORD")
    if by == "environment":
        shell.environment |= {names[what][1]: url for what, url in urls.items()}
        return []
    return [word for what, url in urls.items() for word in (names[what][0], url)]


@pytest.mark.long
@pytest.mark.parametrize(
    "by", [GIVEN_BY[0], *(pytest.param(by, marks=pytest.mark.slow) for by in GIVEN_BY[1:])]
)
def test_a_search_shows_its_passwords_nowhere(
    shell: Shell, witness: Witness, server: MlflowServer, postgres: PostgresServer, by: str
) -> None:
    with Proxy(server.port) as proxy:
        urls = {"tracking": tracking_uri(proxy.port), "record": record_url(postgres.port)}
        if by == "environment":
            # The variables of MLflow's own; test_a_search_that_loses_... has the whole URI there.
            urls["tracking"] = proxy.url
            shell.environment["MLFLOW_TRACKING_USERNAME"] = USER
            shell.environment["MLFLOW_TRACKING_PASSWORD"] = TRACKING_PASSWORD
        options = give(shell, by, **urls)
        search = shell.start("tune_noise.search", "--space", shell.space(), "--name", by, *options)
        shell.wait_for(search, lambda: (shell.folder / "runs" / by).exists(), "folder")
        # From here on not even the user's own command shows them.
        assert not found_in(Path(f"/proc/{search.pid}/cmdline").read_bytes())
        out, err = shell.ending_of(search, code=0)
    assert proxy.heads
    assert all(b"Basic " + AUTHORIZATION in head for head in proxy.heads)
    assert ("MLFLOW_TRACKING_URI" in err and "TUNE_NOISE_RECORD" in err) == (by == "option")
    user = "***@" if by == "option" else ""
    assert f"MLflow   http://{user}127.0.0.1:{proxy.port}/#/experiments/" in out
    assert not found_in(postgres.sql("SELECT * FROM events", "tune").encode())
    witness.saw_nothing(out, err, server=server)
    options = give(shell, by, record=urls["record"])
    salvage = shell.start("tune_noise.salvage", str(shell.folder / "runs" / by), *options)
    out, err = shell.ending_of(salvage, code=0)
    assert "is not damaged" in out
    assert not found_in((out + err).encode())


@pytest.mark.parametrize("by", GIVEN_BY)
@pytest.mark.parametrize("what", ["tracking", "record"])
def test_a_start_that_fails_shows_no_password(
    shell: Shell, witness: Witness, what: str, by: str
) -> None:
    make = tracking_uri if what == "tracking" else record_url
    options = give(shell, by, **{what: make(free_port())})
    search = shell.start("tune_noise.search", "--space", shell.space(), *options)
    out, err = shell.ending_of(search, code=2)
    assert "error: " in err
    assert not (shell.folder / "runs").exists()
    witness.saw_nothing(out, err)


def test_a_refused_password_is_not_shown(
    shell: Shell, witness: Witness, postgres: PostgresServer
) -> None:
    url = record_url(postgres.port).replace(RECORD_CORE, RECORD_CORE + "Wrong")
    options = give(shell, "environment", record=url)
    search = shell.start("tune_noise.search", "--space", shell.space(), *options)
    out, err = shell.ending_of(search, code=2)
    assert "password" in err
    witness.saw_nothing(out, err)


@pytest.mark.slow
@pytest.mark.parametrize("by", ["option", "environment"])
def test_a_search_that_loses_its_server_and_is_interrupted_shows_no_password(
    shell: Shell, witness: Witness, server: MlflowServer, postgres: PostgresServer, by: str
) -> None:
    urls = {"tracking": tracking_uri(server.port), "record": record_url(postgres.port)}
    space, folder = shell.space(**STEADY, trials=2, epochs=30), shell.folder / "runs" / f"cut-{by}"
    options = ["--space", space, "--name", folder.name, *give(shell, by, **urls)]
    search = shell.start("tune_noise.search", *options)
    log = folder / "tracking.log"
    shell.wait_for(search, lambda: (folder / "checkpoints").exists(), "first checkpoint")
    server.kill()
    shell.wait_for(search, lambda: "delivery failed" in log.read_text(), "failure")
    search.send_signal(signal.SIGINT)
    out, err = shell.ending_of(search, code=130)
    witness.saw_nothing(out, err, server=server)
    # The command as it was printed, once the environment says what *** stands for.
    give(shell, "environment", **urls)
    server.start()
    resumed = shell.go_on(err)
    witness.saw_nothing(resumed, server=server)
