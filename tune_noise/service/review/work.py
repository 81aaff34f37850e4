"""The examples that are to be checked, what the page may know of them, and what people answered."""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from tune_noise.audit.answers import Answer, AuditRecord, Mode, Verdict, current
from tune_noise.data.example_views import ExampleViews
from tune_noise.errors import UserError
from tune_noise.service.review.handing_out import REOPENING_SECONDS, HandingOut

# Answers that are not one class, as the page writes them.
OTHER_VERDICTS: tuple[Verdict, ...] = ("several", "none", "cannot_tell")
_MAX_AHEAD = 20
_LONGEST_NAME = 100


@dataclass(frozen=True)
class Task:
    """An example to check. The page knows its place in the list alone, which says nothing.

    Attributes:
        example: position in the training set.
        about: what a person is told beside the example, by name; empty in an audit, which is blind.
    """

    example: int
    about: Mapping[str, str] = field(default_factory=dict)


class Review:
    """What the page asks for and what it brings back; any number of threads may use it.

    Args:
        tasks: in the order in which they are shown.
        views: of the training examples.
        class_names: what people read for the classes.
        record: takes the answers.
        mode: whether the labels are hidden.
        again: whether examples that somebody has answered are shown to others, too.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        views: ExampleViews,
        class_names: Sequence[str],
        record: AuditRecord,
        mode: Mode,
        *,
        again: bool = False,
    ) -> None:
        self.tasks, self.class_names, self.mode = tasks, class_names, mode
        self._views, self._record, self._again = views, record, again
        self._place_of = {task.example: place for place, task in enumerate(tasks)}
        # With `again` two people may hold the same example, but not two pages of one person.
        self._opens = 0.0
        self._handed_out = defaultdict[str, HandingOut](lambda: HandingOut(len(tasks), self._opens))
        self._lock = Lock()

    def reopen(self) -> None:
        """Leave pages that are still open time to say what they hold, after a kill."""
        self._opens = time.monotonic() + REOPENING_SECONDS

    @property
    def num_checked(self) -> int:
        """How many of the examples have an answer."""
        return len(current(self._record.answers, self.mode).keys() & self._place_of.keys())

    def answers_of(self, person: str) -> list[dict[str, Any]]:
        """Return what a person has answered, in the order of answering, as the page writes it."""
        with self._lock:
            self._record.read()
            standing = current(self._record.answers, self.mode)
            mine = (answers[person] for answers in standing.values() if person in answers)
            shown = [answer for answer in mine if answer.example in self._place_of]
        return [
            {
                "key": self._place_of[answer.example],
                "value": answer.classes[0] if answer.verdict == "class" else answer.verdict,
            }
            for answer in sorted(shown, key=lambda answer: answer.seconds)
        ]

    def take(
        self, page: str, person: str, holding: Sequence[int], count: int
    ) -> tuple[list[int], int]:
        """Hand out examples that nobody has answered and no other page holds.

        Returns:
            (their places, how many are open in all).
        """
        with self._lock:
            standing = current(self._record.answers, self.mode)
            closed = {
                self._place_of[example]
                for example, answers in standing.items()
                if example in self._place_of and (person in answers or not self._again)
            }
            handed_out = self._handed_out[person if self._again else ""]
            places = handed_out.take(page, holding, min(count, _MAX_AHEAD), closed)
        return places, len(self.tasks) - len(closed)

    def release(self, page: str) -> None:
        """Take back what a page holds."""
        with self._lock:
            for handed_out in self._handed_out.values():
                handed_out.release(page)

    def show(self, place: int) -> dict[str, Any]:
        """Return what the page shows of an example."""
        task = self._task(place)
        shown = {"picture": True} if self._views.are_pictures else self._views.words(task.example)
        return {
            "key": place,
            "place": f"Example {place + 1:,} of {len(self.tasks):,}",
            "about": list(task.about.items()) or None,
            **shown,
        }

    def picture(self, place: int) -> bytes:
        """Return the picture of an example as PNG.

        Raises:
            UserError: there is none, or its file cannot be read any more.
        """
        task = self._task(place)
        if not self._views.are_pictures:
            raise UserError("the examples are not pictures")
        try:
            return self._views.picture(task.example)
        except OSError as error:
            raise UserError(f"the picture cannot be read: {error.strerror or error}") from None

    def save(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Record what the page brings; the disk holds it when this returns.

        Args:
            entries: `id`, `kind` (`answer` or `undo`), `key`, `person`, and `value` of an answer.

        Raises:
            UserError: an entry is not as it must be, or another command keeps the record.
            StorageError: the record cannot be written.
        """
        answers = [self._answer(entry) for entry in entries]
        with self._lock:
            self._record.add_answers(answers)

    def _task(self, place: object) -> Task:
        if type(place) is not int or not 0 <= place < len(self.tasks):
            raise UserError(f"{place!r} is not the number of an example")
        return self.tasks[place]

    def _answer(self, entry: Mapping[str, Any]) -> Answer:
        value, is_undone = entry.get("value"), entry.get("kind") == "undo"
        verdict: Verdict = "cannot_tell"
        classes: tuple[int, ...] = ()
        if type(value) is int and 0 <= value < len(self.class_names) and not is_undone:
            verdict, classes = "class", (value,)
        elif value in OTHER_VERDICTS:
            verdict = value
        elif not is_undone:
            raise UserError(f"{value!r} is not the number of a class")
        return Answer(
            example=self._task(entry.get("key")).example,
            person=check_person(entry.get("person")),
            verdict=verdict,
            classes=classes,
            mode=self.mode,
            id=check_word(entry.get("id"), "id"),
            is_undone=is_undone,
        )


def check_word(text: object, name: str) -> str:
    """Return a short printable text.

    Raises:
        UserError: it is something else.
    """
    if isinstance(text, str) and 0 < len(text) <= _LONGEST_NAME and text.isprintable():
        return text
    raise UserError(f"{name}: must be a line of at most {_LONGEST_NAME} letters, not {text!r}")


def check_person(name: object) -> str:
    """Return the name of a person, without spaces around it.

    Raises:
        UserError: it is not one line.
    """
    return check_word(name.strip() if isinstance(name, str) else name, "person")
