"""The record is in PostgreSQL, which is restarted, goes away, or holds other searches, too."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgres_server import PostgresServer
from tests.support.scripted_search import WARNINGS_OF_MLFLOW, Script
from tests.support.waiting import PATIENCE_SECONDS, wait_for

pytestmark = WARNINGS_OF_MLFLOW


@pytest.fixture
def shared(tmp_path: Path, postgres: PostgresServer) -> Iterator[Script]:
    script = Script(tmp_path / "runs" / tmp_path.name, record=postgres.url())
    yield script
    script.record.close()


def test_a_search_is_mirrored_from_a_database_that_other_searches_share(
    shared: Script, uri: str, tmp_path: Path, postgres: PostgresServer
) -> None:
    other = Script(tmp_path / "runs" / "other", record=postgres.url())
    processes = [script.start(uri) for script in (shared, other)]
    for script, search_id in ((shared, "aa"), (other, "bb")):
        script.search(search_id)
        script.trial("t1")
        script.finish()
    assert [p.finish(timeout_seconds=PATIENCE_SECONDS) for p in processes] == [None, None]
    assert shared.found(uri).num_runs == 4
    other.record.close()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["restart", "crash"])
def test_a_restarted_database_is_simply_read_again(
    shared: Script, uri: str, postgres: PostgresServer, how: signal.Signals
) -> None:
    process = shared.start(uri)
    shared.search()
    shared.trial("t1")
    wait_for(shared.has_ended(uri, "t1"))
    postgres.stop(how)
    wait_for(lambda: "delivery failed" in shared.log)
    postgres.start()
    for number in range(2, 6):
        shared.trial(f"t{number}")
    shared.finish()
    assert process.finish(timeout_seconds=PATIENCE_SECONDS) is None
    shared.audit(shared.output.parent / "mlflow.db")


def test_a_database_that_stays_away_costs_a_sentence_and_no_waiting(
    shared: Script, uri: str, postgres: PostgresServer
) -> None:
    process = shared.start(uri)
    shared.search()
    shared.trial("t1")
    wait_for(shared.has_ended(uri, "t1"))
    postgres.stop()
    try:
        warning = process.finish(timeout_seconds=2.0)
        assert warning
        assert "did not receive everything" in warning
    finally:
        postgres.start()
    shared.finish()
    assert shared.start(uri).finish(timeout_seconds=PATIENCE_SECONDS) is None
    shared.audit(shared.output.parent / "mlflow.db")
