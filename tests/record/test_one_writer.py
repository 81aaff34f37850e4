"""One writer per search in a shared database, and what happens to a second one."""

import os
import threading

import pytest

from tests.record.test_crash import writer
from tests.support.postgres_server import PostgresServer
from tune_noise.errors import StorageError, UserError
from tune_noise.record import Event, Record, RecordPlace
from tune_noise.record.reach import exists


def end_connections(postgres: PostgresServer) -> None:
    """Of every driver, as a server's administrator would."""
    postgres.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name LIKE 'tune_noise %'"
    )


def test_a_second_writer_is_refused_while_the_first_lives(shared: RecordPlace) -> None:
    with writer(shared, num_events=100_000) as process:
        message = rf"'{shared.search}'.* is running already \(process {process.pid} on "
        with pytest.raises(UserError, match=message):
            Record(shared, writer=True)
        assert process.poll() is None
        with Record(shared) as reader:
            assert next(reader.events()).number == 1


def test_a_writer_is_allowed_at_once_when_the_one_before_was_killed(shared: RecordPlace) -> None:
    for life in range(3):
        with writer(shared, num_events=100_000) as process:
            process.kill()
            with Record(shared, writer=True) as record:
                record.append(Event("run", data={"life": life}))
    with Record(shared) as record:
        lives = [event.data["life"] for event in record.events() if event.kind == "run"]
    assert lives == [0, 1, 2]


def test_a_writer_that_ended_leaves_no_lock(shared: RecordPlace, postgres: PostgresServer) -> None:
    for _ in range(3):
        with Record(shared, writer=True):
            assert postgres.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == "1"
    assert postgres.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == "0"


def test_searches_of_one_name_in_two_schemas_do_not_exclude_each_other(
    shared: RecordPlace, postgres: PostgresServer
) -> None:
    postgres.sql("CREATE SCHEMA IF NOT EXISTS mine")
    url = f"{postgres.url()}?options=-csearch_path%3Dmine"
    other = RecordPlace.of_url(url, shared.search)
    with Record(shared, writer=True) as first, Record(other, writer=True) as second:
        first.append(Event("search"))
        assert list(second.events()) == []


def test_a_writer_takes_its_lock_again_after_a_broken_connection(
    shared: RecordPlace, postgres: PostgresServer
) -> None:
    with Record(shared, writer=True) as record:
        record.append(Event("search"))
        end_connections(postgres)
        record.append(Event("ask", "t1"))
        with pytest.raises(UserError, match="is running already"):
            Record(shared, writer=True)
        assert [event.kind for event in record.events()] == ["search", "ask"]


def test_a_writer_whose_search_was_taken_over_stops(
    shared: RecordPlace, postgres: PostgresServer
) -> None:
    with Record(shared, writer=True) as first:
        first.append(Event("search"))
        end_connections(postgres)
        with Record(shared, writer=True) as second:
            message = rf"another driver took over the search \(process {os.getpid()} on "
            for _ in range(2):
                with pytest.raises(StorageError, match=message):
                    first.append(Event("ask", "t1"))
            second.append(Event("ask", "t2"))
            assert [event.trial_id for event in second.events()] == [None, "t2"]


def test_a_writer_stops_when_another_wrote_while_it_was_cut_off(
    shared: RecordPlace, postgres: PostgresServer
) -> None:
    with Record(shared, writer=True) as first:
        first.append(Event("search"))
        end_connections(postgres)
        with Record(shared, writer=True) as second:
            second.append(Event("ask", "t2"))
        with pytest.raises(StorageError, match="another driver has written to this search"):
            first.append(Event("ask", "t1"))
    with Record(shared) as record:
        assert [event.trial_id for event in record.events()] == [None, "t2"]


def test_a_writer_stops_when_the_database_was_set_back(
    shared: RecordPlace, postgres: PostgresServer
) -> None:
    with Record(shared, writer=True) as record:
        for number in range(3):
            record.append(Event("epoch", "t1", {"epoch": number}), durable=True)
        postgres.sql(f"DELETE FROM events WHERE search = '{shared.search}' AND number = 3")
        end_connections(postgres)
        with pytest.raises(StorageError, match="it has lost what was safe before, event 3"):
            record.append(Event("end", "t1"))


def test_many_searches_may_begin_at_the_same_moment(postgres: PostgresServer) -> None:
    postgres.sql("CREATE DATABASE fresh")
    places = [RecordPlace.of_url(postgres.url("fresh"), f"s{number}") for number in range(8)]
    start = threading.Barrier(len(places))

    def begin(place: RecordPlace) -> None:
        start.wait()
        with Record(place, writer=True) as record:
            record.append(Event("search"), durable=True)

    threads = [threading.Thread(target=begin, args=(place,)) for place in places]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(exists(place) for place in places)
    assert postgres.sql("SELECT count(*), max(number) FROM events", "fresh") == "8|1"
