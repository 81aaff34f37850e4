"""A few of the kills of `python -m tests.reliability`, with the same audit."""

import dataclasses
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reliability.audit import Audit
from tests.reliability.command import RUN, RUN_MARK, kill_all, remove, workplace
from tests.reliability.kills import Reference, killed, uninterrupted
from tests.reliability.searches import PARALLEL, SERIAL, Search
from tests.support.postgres_server import PostgresServer

from .test_search import pytestmark as warnings_of_mlflow

pytestmark = [pytest.mark.long, *warnings_of_mlflow]


@pytest.fixture(scope="module")
def reference() -> Iterator[Reference]:
    """An uninterrupted run of the serial search."""
    place = workplace()
    try:
        # Earlier than the moments of the benchmark: no machine may be done before them.
        yield dataclasses.replace(uninterrupted(SERIAL, place), seconds=12.0, search_seconds=1.0)
    finally:
        kill_all(RUN_MARK, RUN)
        remove(place)


@pytest.fixture
def place() -> Iterator[Path]:
    folder = workplace()
    try:
        yield folder
    finally:
        kill_all(RUN_MARK, RUN)
        remove(folder)


def test_an_uninterrupted_run_passes_the_audit(reference: Reference) -> None:
    assert reference.problems == []


def audited(
    search: Search, seed: int, reference: Reference, place: Path, record: str | None = None
) -> Audit:
    found = killed(search, reference, random.Random(seed), place, record=record)
    # Ray's agents notice within a minute that their node is gone; nobody waits for them here.
    kill_all(RUN_MARK, RUN)
    found.settle()
    return found


def check(found: Audit) -> None:
    assert found.findings.all == []
    assert all(one.intervals <= 1 for one in found.redone)
    assert any(life.killed for life in found.lives)


def test_a_killed_search_gives_what_an_uninterrupted_one_gives(
    reference: Reference, place: Path
) -> None:
    # Its resume is killed, too.
    check(audited(SERIAL, 161, reference, place))


@pytest.mark.slow
def test_levels_with_equal_compute_get_the_same_trials_after_a_kill(place: Path) -> None:
    search = dataclasses.replace(SERIAL, space=SERIAL.space | {"budget": "network_epochs"})
    (place / "whole").mkdir()
    whole = uninterrupted(search, place / "whole")
    assert whole.problems == []
    known = dataclasses.replace(whole, seconds=12.0, search_seconds=1.0)
    check(audited(search, 161, known, place))


@pytest.mark.slow
def test_nothing_is_lost_of_one_whose_record_is_in_postgresql(
    reference: Reference, place: Path, postgres: PostgresServer
) -> None:
    check(audited(PARALLEL, 5, reference, place, record=postgres.url()))
    assert not (place / "runs" / "killed" / "record.db").exists()
