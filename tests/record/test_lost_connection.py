"""A PostgreSQL that goes away: restarted, crashed, cut off; nothing is lost and nothing doubled."""

import signal
import threading
import time
from collections.abc import Iterator

import pytest

from tests.record.test_crash import writer
from tests.support.cutting_proxy import CuttingProxy
from tests.support.postgres_server import PostgresServer
from tests.support.waiting import wait_for
from tune_noise.errors import StorageError
from tune_noise.record import Event, Record, RecordPlace, postgresql


def epochs(record: Record) -> list[int]:
    """The events' epochs; their numbers are checked by reading."""
    return [event.data["epoch"] for event in record.events()]


def append(record: Record, epoch: int, *, durable: bool = False) -> None:
    record.append(Event("epoch", f"mark{epoch}.", {"epoch": epoch}), durable=durable)


@pytest.fixture
def proxy(postgres: PostgresServer) -> Iterator[CuttingProxy]:
    with CuttingProxy(postgres.port) as proxy:
        yield proxy


@pytest.fixture
def cut_off(postgres: PostgresServer, proxy: CuttingProxy, shared: RecordPlace) -> RecordPlace:
    """The place `shared`, seen through the proxy."""
    return RecordPlace.of_url(postgres.url(port=proxy.port), shared.search)


@pytest.mark.parametrize("tells_server", [True, False])
@pytest.mark.parametrize("delivers", [True, False])
@pytest.mark.parametrize("durable", [True, False])
def test_an_append_whose_answer_is_lost_is_recorded_once(
    proxy: CuttingProxy, cut_off: RecordPlace, delivers: bool, tells_server: bool, durable: bool
) -> None:
    with Record(cut_off, writer=True) as record:
        for epoch in range(30):
            if epoch % 7 == 6:
                # The driver prepares a statement after some uses: both forms are cut.
                marker = f"mark{epoch}.".encode()
                proxy.cut_at(marker, delivers=delivers, tells_server=tells_server)
            append(record, epoch, durable=durable)
        assert epochs(record) == list(range(30))
    assert proxy.cuts == 4


@pytest.mark.parametrize("durable", [True, False])
def test_a_statement_that_still_runs_after_the_cut_is_ended_and_sent_again(
    postgres: PostgresServer, proxy: CuttingProxy, cut_off: RecordPlace, durable: bool
) -> None:
    with Record(cut_off, writer=True) as record:
        append(record, 0)
        postgres.sql(
            "CREATE OR REPLACE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_sleep(600); RETURN NULL; END $$;"
            # At the very end of the transaction: inserted, and not yet committed.
            "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW WHEN (NEW.trial_id = 'mark1.') EXECUTE FUNCTION linger()"
        )
        proxy.cut_at(b"mark1.", delivers=True, tells_server=False)
        helper = threading.Thread(target=append, args=(record, 1), kwargs={"durable": durable})
        helper.start()
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        wait_for(lambda: postgres.sql(query) != "0", "statement that lingers")
        # Dropping waits until the lingering transaction is over.
        postgres.sql("DROP TRIGGER slow ON events")
        helper.join()
        append(record, 2)
        assert epochs(record) == [0, 1, 2]


def test_a_connection_ended_between_insert_and_commit_costs_nothing(
    postgres: PostgresServer, shared: RecordPlace
) -> None:
    with Record(shared, writer=True) as record:
        append(record, 0)
        postgres.sql(
            "CREATE OR REPLACE FUNCTION end_once() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN IF nextval('times') = 1 THEN"
            " PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NULL; END $$;"
            "CREATE SEQUENCE times;"
            "CREATE CONSTRAINT TRIGGER ends AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION end_once()"
        )
        append(record, 1, durable=True)
        append(record, 2)
        assert postgres.sql("SELECT last_value > 1 FROM times") == "t"
        postgres.sql("DROP TRIGGER ends ON events; DROP SEQUENCE times")
        assert epochs(record) == [0, 1, 2]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT, signal.SIGKILL])
def test_a_restart_of_the_server_in_mid_append_loses_and_doubles_nothing(
    postgres: PostgresServer, shared: RecordPlace, how: signal.Signals
) -> None:
    with writer(shared, num_events=3000) as process:
        for _ in range(2):
            postgres.restart(how)
            held = postgres.sql(f"SELECT count(*) FROM events WHERE search = '{shared.search}'")
            assert int(held) < 3000
            time.sleep(0.1)
        assert process.wait() == 0
    with Record(shared, writer=True) as record:
        assert epochs(record) == list(range(3000))


def test_what_a_crash_of_the_server_forgot_is_sent_again(
    postgres: PostgresServer, shared: RecordPlace
) -> None:
    with Record(shared, writer=True) as record, Record(shared) as reader:
        append(record, 0, durable=True)
        for epoch in range(1, 6):
            append(record, epoch)
        assert epochs(reader) == list(range(6))
        # Crashed, before it wrote what nobody asked it to write at once.
        postgres.restart(signal.SIGKILL)
        held = postgres.sql(f"SELECT count(*) FROM events WHERE search = '{shared.search}'")
        assert 1 <= int(held) < 6
        append(record, 6)
        assert epochs(record) == list(range(7))


def test_an_append_waits_only_so_long_for_a_server_that_is_away(
    postgres: PostgresServer, shared: RecordPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "RETRY_SECONDS", 1.0)
    with Record(shared, writer=True) as record:
        append(record, 0)
        postgres.stop()
        try:
            with pytest.raises(StorageError, match=r"does not answer \(.*Connection refused"):
                append(record, 1)
            with pytest.raises(StorageError, match="does not answer"):
                list(record.events())
        finally:
            postgres.start()
        append(record, 2)
        assert epochs(record) == [0, 1, 2]


def test_a_reader_fails_at_once_and_goes_on_when_the_server_is_back(
    postgres: PostgresServer, shared: RecordPlace
) -> None:
    with Record(shared, writer=True) as record, Record(shared) as reader:
        append(record, 0)
        assert epochs(reader) == [0]
        postgres.stop()
        try:
            for _ in range(2):
                with pytest.raises(StorageError, match="does not answer"):
                    epochs(reader)
        finally:
            postgres.start()
        append(record, 1)
        assert epochs(reader) == [0, 1]
