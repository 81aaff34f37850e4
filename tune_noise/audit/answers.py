"""What people say of examples, as events of the record: none is lost, none counts twice.

An answer is about the true class of an example, so it counts for every condition of a search. It
belongs to a person and a mode: answers of an `audit` are blind and count in estimates; those about
`suspects`, whose labels were seen, only correct labels. The last answer of a person about an
example in a mode counts. To take it back is an event, too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args
from uuid import uuid4

from tune_noise.audit.sample import Sample, add_event, sample_event
from tune_noise.errors import UserError
from tune_noise.history.open import find_record
from tune_noise.record import Event, Record
from tune_noise.system.lock import own_folder

# What an example may be: one class; several that could be right (which, if they are named); none
# of the classes; or nothing that a person can tell.
Verdict = Literal["class", "several", "none", "cannot_tell"]
Mode = Literal["audit", "suspects"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
MODES: tuple[Mode, ...] = get_args(Mode)
# Another process writes for moments.
_LOCK_SECONDS = 10.0


@dataclass(frozen=True)
class Answer:
    """What a person says of one example.

    Attributes:
        example: position in the training set.
        person: who says it.
        verdict: what kind of answer it is.
        classes: the class, or the several ones; empty for the others.
        mode: whether the labels were hidden.
        id: of this answer: one that is sent again counts once.
        is_undone: this takes back what the person has said of the example in this mode.
        seconds: Unix time at which it was recorded; 0 before.
    """

    example: int
    person: str
    verdict: Verdict
    classes: tuple[int, ...] = ()
    mode: Mode = "audit"
    id: str = field(default_factory=lambda: uuid4().hex)
    is_undone: bool = False
    seconds: float = 0.0

    def to_event(self) -> Event:
        """Return the event that records it."""
        data = {name: value for name, value in vars(self).items() if name != "seconds"}
        return Event("answer", data={**data, "classes": list(self.classes)})

    @classmethod
    def of_event(cls, event: Event) -> "Answer":
        """Return the answer that an event records."""
        classes = tuple(event.data["classes"])
        return cls(**{**event.data, "classes": classes}, seconds=event.seconds)


def current(answers: Iterable[Answer], mode: Mode) -> dict[int, dict[str, Answer]]:
    """Return the answers of a mode that count: example -> person -> the last one, not undone."""
    last: dict[tuple[int, str], Answer] = {}
    for answer in answers:
        if answer.mode == mode:
            last[answer.example, answer.person] = answer
    by_example: dict[int, dict[str, Answer]] = {}
    for (example, person), answer in last.items():
        if not answer.is_undone:
            by_example.setdefault(example, {})[person] = answer
    return by_example


class AuditRecord:
    """The samples and answers in the record of a finished search.

    Several processes may use it at once: each writes while it owns the folder of the search, which
    takes moments. It must not be used by two threads at once.

    Args:
        folder: of the search.
        url: of the database that holds its record; None for what the folder says.

    Attributes:
        samples: condition -> its sample, as of the last `read`.
        answers: all answers in the order in which they came, as of the last `read`.

    Raises:
        UserError: the folder holds no search, or one that is not finished.
    """

    def __init__(self, folder: Path, url: str | None = None) -> None:
        self._folder, self._place = folder, find_record(folder, url)
        self.samples: dict[str, Sample] = {}
        self.answers: list[Answer] = []
        self._ids: set[str] = set()
        self._last_number = 0
        self.read()

    def read(self) -> None:
        """Read what other processes have written since."""
        with Record(self._place) as record:
            self._read(record)

    def add_answers(self, answers: Sequence[Answer]) -> int:
        """Record answers, all or none, and wait until the disk holds them.

        Returns:
            How many were new: an answer whose id is recorded already is left out.

        Raises:
            UserError: another command is at work in the folder and does not end soon.
            StorageError: the record cannot be written.
        """
        with own_folder(self._folder, seconds=_LOCK_SECONDS), self._writer() as record:
            self._read(record)
            new = {answer.id: answer for answer in answers if answer.id not in self._ids}
            record.append(*(answer.to_event() for answer in new.values()), durable=True)
            self._read(record)
        return len(new)

    def add_sample(self, sample: Sample) -> None:
        """Record a sample, or what it has more than the one of its condition so far.

        Raises:
            UserError: another command is at work in the folder, or has drawn a sample meanwhile.
            StorageError: the record cannot be written.
        """
        before = self.samples.get(sample.condition)
        size = 0 if before is None else len(before)
        if before is not None and before.population != sample.population:
            before = None
        with own_folder(self._folder, seconds=_LOCK_SECONDS), self._writer() as record:
            self._read(record)
            if len(self.samples.get(sample.condition, ())) != size:
                raise UserError(
                    f"{self._folder}: another command has drawn a sample meanwhile; run this one "
                    "again"
                )
            record.append(sample_event(sample, before), durable=True)
            self._read(record)

    def note(self, text: str, **facts: Any) -> None:
        """Record what the answers so far tell."""
        with own_folder(self._folder, seconds=_LOCK_SECONDS), self._writer() as record:
            data = {"text": text, "is_warning": False, **facts}
            record.append(Event("note", data=data), durable=True)

    def _writer(self) -> Record:
        return Record(self._place, writer=True)

    def _read(self, record: Record) -> None:
        first = self._last_number + 1
        for event in record.find(kinds=("audit", "answer"), first=first):
            if event.kind == "answer":
                answer = Answer.of_event(event)
                self._ids.add(answer.id)
                self.answers.append(answer)
            else:
                name = event.data["condition"]
                self.samples[name] = add_event(self.samples.get(name), event)
            self._last_number = event.number
