"""A real MLflow server is stopped, killed, hung, or its answers are lost: all arrives, once."""

import random
import signal
import sqlite3
import time
from contextlib import closing

import pytest

from tests.support.mlflow_server import MlflowServer, Proxy
from tests.support.ports import free_port
from tests.support.scripted_search import WARNINGS_OF_MLFLOW, Script
from tests.support.waiting import PATIENCE_SECONDS, wait_for
from tune_noise.tracking import process as process_module
from tune_noise.tracking.store import connect

pytestmark = [pytest.mark.long, *WARNINGS_OF_MLFLOW]
REQUEST_SECONDS = 2


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    # A request is given up after a minute: too long to wait for in a test.
    limit = {"MLFLOW_HTTP_REQUEST_TIMEOUT": str(REQUEST_SECONDS)}
    environment = process_module.CHILD_ENVIRONMENT | limit
    monkeypatch.setattr(process_module, "CHILD_ENVIRONMENT", environment)


def num_runs(server: MlflowServer) -> int:
    with closing(sqlite3.connect(server.database, timeout=30.0)) as database:
        return int(database.execute("select count(*) from runs").fetchone()[0])


def test_all_arrives_though_the_server_goes_away_and_comes_back(
    script: Script, server: MlflowServer
) -> None:
    script.search()
    process = script.start(server.url)
    script.trial("t1")
    wait_for(script.has_ended(server.url, "t1"))
    for number in range(2, 30):
        script.trial(f"t{number}")
    wait_for(script.has_ended(server.url, "t2"))
    server.stop()
    wait_for(lambda: "delivery failed" in script.log)
    script.trial("t30")
    (script.output / "report.html").write_text("<html></html>")
    script.finish()
    server.start()
    assert process.finish(timeout_seconds=PATIENCE_SECONDS) is None
    artifacts = script.found(server.url).client.list_artifacts(process.run_id)
    assert [file.path for file in artifacts] == ["report.html"]
    script.audit(server.database)


@pytest.mark.slow
@pytest.mark.parametrize("num_kills", [2, 25])
def test_a_server_killed_in_mid_write_again_and_again_gets_everything_once(
    script: Script, server: MlflowServer, num_kills: int
) -> None:
    draw = random.Random(num_kills)
    script.search()
    process = script.start(server.url)
    number = 0
    for _ in range(num_kills):
        before = num_runs(server)
        for _ in range(12):
            number += 1
            script.trial(f"t{number}", epochs=30)
        wait_for(lambda before=before: num_runs(server) > before, "the next runs")
        # Trials go on until the kill, so that it finds something undelivered however fast it is.
        end = time.monotonic() + draw.uniform(0.0, 1.0)
        while time.monotonic() < end:
            number += 1
            script.trial(f"t{number}", epochs=30)
        server.kill()
        server.start()
    script.finish()
    assert process.finish(timeout_seconds=PATIENCE_SECONDS) is None
    script.audit(server.database)
    # Not each kill finds a request: some come while the child waits before it tries again.
    assert "(1 in a row)" in script.log


@pytest.mark.usefixtures("_impatient")
def test_a_server_that_hangs_and_then_serves_what_was_given_up_holds_nothing_twice(
    script: Script, server: MlflowServer
) -> None:
    script.search()
    process = script.start(server.url)
    for pause in range(2):
        before = num_runs(server)
        for number in range(5):
            script.trial(f"t{pause}-{number}", epochs=30)
        wait_for(lambda before=before: num_runs(server) > before, "the next runs")
        failures = script.log.count("delivery failed")
        server.signal(signal.SIGSTOP)
        wait_for(lambda failures=failures: script.log.count("delivery failed") > failures)
        server.signal(signal.SIGCONT)
    script.trial("late")
    script.finish()
    assert process.finish(timeout_seconds=PATIENCE_SECONDS) is None
    assert "delivery failed" in script.log
    script.audit(server.database)


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("held_back", [1, 3])
def test_a_run_made_by_a_request_that_was_given_up_is_taken_away(
    script: Script, server: MlflowServer, held_back: int
) -> None:
    """The search's own run, or that of the second trial, is made too late."""
    with Proxy(server.port) as proxy:

        def delay(head: bytes) -> float:
            made = sum(b"/runs/create" in other for other in proxy.heads)
            return 2.5 * REQUEST_SECONDS if b"/runs/create" in head and made == held_back else 0.0

        proxy.delays = delay
        before = num_runs(server)
        script.search()
        process = script.start(proxy.url)
        script.trial("t1")
        script.trial("t2")
        wait_for(script.has_ended(server.url, "t2"))
        wait_for(lambda: num_runs(server) == before + 4, "the run that is one too many")
        script.finish()
        assert process.finish(timeout_seconds=PATIENCE_SECONDS) is None
    script.audit(server.database)


def test_requests_whose_answers_are_lost_leave_nothing_twice(
    script: Script, server: MlflowServer
) -> None:
    draw = random.Random(0)
    with Proxy(server.port) as proxy:
        proxy.loses = lambda head: head.startswith(b"POST") and draw.random() < 0.15
        script.search()
        process = script.start(proxy.url)
        for number in range(1, 7):
            script.trial(f"t{number}", epochs=100)
        script.finish()
        assert process.finish(timeout_seconds=PATIENCE_SECONDS) is None
    assert "delivery failed" in script.log
    script.audit(server.database)


def test_a_server_that_stays_away_costs_a_warning_with_a_way_out(script: Script) -> None:
    script.search()
    script.trial("t1")
    process = script.start(f"http://ada:secret@127.0.0.1:{free_port()}")
    warning = process.finish(timeout_seconds=2.0)
    assert warning
    assert "did not receive everything" in warning
    assert process.run_id is None
    assert "secret" not in warning + script.log


def answer(status: str, body: str) -> bytes:
    head = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("deleted", "was deleted; restore it with"),
        ("401 Unauthorized", "the server refused us with status 401 (Authorization Required)"),
    ],
)
def test_a_fault_that_cannot_pass_ends_the_attempts_and_all_arrives_once_it_is_mended(
    script: Script, server: MlflowServer, fault: str, reason: str
) -> None:
    client = connect(server.url)
    with Proxy(server.port) as proxy:
        script.search()
        process = script.start(proxy.url)
        script.trial("t1")
        wait_for(script.has_ended(server.url, "t1"))
        experiment_id = client.get_experiment_by_name(script.experiment).experiment_id
        if fault == "deleted":
            client.delete_experiment(experiment_id)
        else:
            proxy.answers = lambda head: answer(fault, "Authorization Required")
        script.trial("t2")
        wait_for(lambda: "does not pass by itself" in script.log)
        script.trial("t3")
        script.finish()
        warning = process.finish(timeout_seconds=PATIENCE_SECONDS)
        assert warning
        assert reason in warning
        # When it was met, and once more at the end.
        assert script.log.count("delivery failed") == 2
        if fault == "deleted":
            client.restore_experiment(experiment_id)
        proxy.answers = lambda head: None
        assert script.start(proxy.url).finish(timeout_seconds=PATIENCE_SECONDS) is None
    script.audit(server.database)


def test_a_server_that_is_not_ready_is_tried_until_it_is(
    script: Script, server: MlflowServer
) -> None:
    with Proxy(server.port) as proxy:
        proxy.answers = lambda head: answer("502 Bad Gateway", "<html>try again later</html>")
        script.search()
        script.trial("t1")
        script.finish()
        process = script.start(proxy.url)
        wait_for(lambda: "delivery failed (2 in a row)" in script.log)
        proxy.answers = lambda head: None
        assert process.finish(timeout_seconds=PATIENCE_SECONDS) is None
    script.audit(server.database)
