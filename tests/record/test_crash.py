"""Writers and readers in several processes, and what a killed writer leaves."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tune_noise.record import Event, Record, RecordPlace

WRITER = """
import sys
from tune_noise.record import Event, Record, RecordPlace
with Record(RecordPlace(sys.argv[1], sys.argv[2]), writer=True) as record:
    for number in range(int(sys.argv[3])):
        record.append(Event("epoch", "t1", {"epoch": number}), durable=number % 50 == 0)
        if number == 100:
            print("far enough", flush=True)
"""


@contextmanager
def writer(place: RecordPlace, *, num_events: int) -> Iterator["subprocess.Popen[bytes]"]:
    """Another process, which has written some events already."""
    arguments = [sys.executable, "-c", WRITER, place.url, place.search, str(num_events)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"far enough\n"
        yield process
        process.kill()


def test_a_reader_in_another_process_never_misses_or_repeats_an_event(place: RecordPlace) -> None:
    seen: list[int] = []
    with writer(place, num_events=600) as process, Record(place) as reader:
        while len(seen) < 600:
            ended = process.poll() is not None
            seen += [event.data["epoch"] for event in reader.events(after=len(seen))]
            if ended:
                break
    assert seen == list(range(600))


def test_a_killed_writer_leaves_all_that_it_appended(place: RecordPlace) -> None:
    with writer(place, num_events=100_000) as process:
        process.kill()
    with Record(place, writer=True) as record:
        numbers = [event.data["epoch"] for event in record.events()]
        assert len(numbers) > 100
        assert numbers == list(range(len(numbers)))
        record.append(Event("finish"))
        assert [event.number for event in record.events()] == list(range(1, len(numbers) + 2))


def test_a_reader_goes_on_when_the_writer_is_killed_and_another_comes(place: RecordPlace) -> None:
    with writer(place, num_events=100_000) as process, Record(place) as reader:
        seen = [event.number for event in reader.events()]
        process.kill()
        process.wait()
        with Record(place, writer=True) as second:
            second.append(Event("run"))
            seen += [event.number for event in reader.events(after=len(seen))]
        assert seen == list(range(1, len(seen) + 1))
