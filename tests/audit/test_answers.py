"""Answers in the record: durable, counted once, taken back, and seen by every process."""

import threading
from pathlib import Path

import pytest

from tests.support.populations import made_up
from tests.support.searches import finished_search
from tune_noise.audit.answers import Answer, AuditRecord, current
from tune_noise.audit.sample import draw_sample
from tune_noise.errors import UserError
from tune_noise.history.open import read_history
from tune_noise.history.status import read_state
from tune_noise.record import Event, Record, RecordPlace
from tune_noise.record.salvage import salvage
from tune_noise.system.lock import own_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    finished_search(tmp_path / "demo", gain=0.1)
    return tmp_path / "demo"


def test_what_one_process_records_another_reads(folder):
    population, _ = made_up(100)
    mine, yours, late = AuditRecord(folder), AuditRecord(folder), AuditRecord(folder)
    sample = draw_sample(population, labels=20, seed=0)
    mine.add_sample(sample)
    answer = Answer(3, "ada", "class", (2,))
    assert mine.add_answers([answer]) == 1
    yours.read()
    assert yours.samples["demo"].examples.tolist() == sample.examples.tolist()
    assert [a.classes for a in yours.answers] == [(2,)]
    with pytest.raises(UserError, match="meanwhile"):
        late.add_sample(sample)


def test_an_answer_that_is_sent_again_counts_once(folder):
    record, answer = AuditRecord(folder), Answer(3, "ada", "class", (2,))
    assert record.add_answers([answer, answer]) == 1
    assert AuditRecord(folder).add_answers([answer]) == 0
    assert len(AuditRecord(folder).answers) == 1


def test_the_last_answer_of_a_person_counts_unless_it_is_taken_back():
    answers = [
        Answer(3, "ada", "class", (2,)),
        Answer(3, "bob", "none"),
        Answer(3, "ada", "several", (1, 2)),
        Answer(3, "bob", "none", is_undone=True),
        Answer(3, "ada", "class", (0,), mode="suspects"),
    ]
    assert {p: a.classes for p, a in current(answers, "audit")[3].items()} == {"ada": (1, 2)}
    assert current(answers, "suspects")[3]["ada"].classes == (0,)


def _write_at_once(folder: Path, url: str | None = None) -> list[tuple[int, str]]:
    """Let two people answer the same ten examples; return who has answered which, as recorded."""

    def write(person: str) -> None:
        record = AuditRecord(folder, url)
        for example in range(10):
            record.add_answers([Answer(example, person, "class", (1,))])

    threads = [threading.Thread(target=write, args=(person,)) for person in ("ada", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted((answer.example, answer.person) for answer in AuditRecord(folder, url).answers)


ALL_ANSWERS = [(example, person) for example in range(10) for person in ("ada", "bob")]


def test_two_writers_at_once_lose_and_double_nothing(folder):
    assert _write_at_once(folder) == ALL_ANSWERS


def test_a_record_in_postgresql_takes_answers_in_the_same_way(tmp_path, postgres):
    url = postgres.url()
    with Record(RecordPlace.of_url(url, "demo"), writer=True) as record:
        record.append(Event("note", data={"text": "begun", "is_warning": False}))
    (tmp_path / "demo").mkdir()
    assert _write_at_once(tmp_path / "demo", url) == ALL_ANSWERS


def test_a_folder_in_which_another_command_is_at_work_refuses_after_a_while(folder, monkeypatch):
    monkeypatch.setattr("tune_noise.audit.answers._LOCK_SECONDS", 0.1)
    record = AuditRecord(folder)
    with own_folder(folder), pytest.raises(UserError, match="is running in it"):
        record.add_answers([Answer(1, "ada", "none")])


def test_history_status_and_salvage_cope_with_answers(folder):
    record = AuditRecord(folder)
    record.add_answers([Answer(1, "ada", "none"), Answer(2, "ada", "cannot_tell")])
    assert read_history(folder).finished
    assert read_state(folder).status == "finished"
    place = RecordPlace.of_folder(folder)
    assert salvage(place).reason is None
    with Record(place) as events:
        last = events.last_number()
    with Record(place, writer=True) as events:
        events.append(Event("note", data={"text": "more", "is_warning": False}))
    record.add_answers([Answer(3, "ada", "none")])
    assert [event.kind for event in Record(place).events(after=last)] == ["note", "answer"]
