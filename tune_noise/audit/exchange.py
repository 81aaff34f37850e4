"""A sample as files for other tools, and people's answers from them.

A table for a spreadsheet, and tasks for Label Studio. Both are blind: they show an example and a
key that says nothing of it, and no label, prediction or stratum.
"""

import base64
import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from tune_noise.audit.answers import Answer, Verdict
from tune_noise.audit.sample import Sample
from tune_noise.errors import ConfigError, DataError, Problem, suggestion
from tune_noise.system.files import replace_file

TABLE, TASKS, LABELLING = "sample.csv", "label_studio.json", "label_studio.xml"
PICTURES = "pictures"
# Answers that are no class, as people write them.
WORDS: dict[str, Verdict] = {
    "several": "several",
    "none": "none",
    "cannot tell": "cannot_tell",
}
# Between the classes of an answer that names several.
_BETWEEN = "|"


@dataclass(frozen=True)
class Shown:
    """What a person is shown of an example: one of the three.

    Attributes:
        picture: a whole PNG.
        text: the whole text.
        row: column -> value in words.
        id: the user's own name for it; None where there is none.
    """

    picture: bytes | None = None
    text: str | None = None
    row: Mapping[str, str] | None = None
    id: str | None = None


@dataclass(frozen=True)
class Said:
    """One answer of a file.

    Attributes:
        place: where it stands, for messages.
        key: of the example.
        words: what was chosen; empty where nothing was.
        person: who says it, where the file tells.
    """

    place: str
    key: str
    words: tuple[str, ...]
    person: str | None = None


def keys_of(sample: Sample) -> dict[str, int]:
    """Return a key of each example of a sample -> its position in the training set."""
    root = f"{sample.condition}/{sample.trial_id}/{sample.seed}"
    return {
        hashlib.sha256(f"{root}/{example}".encode()).hexdigest()[:12]: example
        for example in sample.examples.tolist()
    }


def write_files(
    folder: Path, sample: Sample, show: Callable[[int], Shown], class_names: Sequence[str]
) -> None:
    """Write the table, Label Studio's tasks and its labelling interface, and the pictures.

    Args:
        folder: made if it does not exist.
        sample: whose examples are shown, in its order.
        show: returns what is shown of an example.
        class_names: what people read for the classes.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows, tasks = [], []
    for number, (key, example) in enumerate(keys_of(sample).items(), start=1):
        shown = show(example)
        data: dict[str, Any] = {"key": key, "number": number}
        data |= {} if shown.id is None else {"id": shown.id}
        cells = dict(data)
        if shown.picture is not None:
            (folder / PICTURES).mkdir(exist_ok=True)
            replace_file(folder / PICTURES / f"{key}.png", shown.picture)
            cells["picture"] = f"{PICTURES}/{key}.png"
            data["image"] = f"data:image/png;base64,{base64.b64encode(shown.picture).decode()}"
        elif shown.text is not None:
            cells["text"] = data["text"] = shown.text
        else:
            row = shown.row or {}
            # Without a prefix a column `answer` of the data would be ours.
            cells |= {f"input {name}": value for name, value in row.items()}
            data["text"] = "\n".join(f"{name}: {value}" for name, value in row.items())
        rows.append(cells)
        tasks.append({"data": data})
    replace_file(folder / TABLE, _table(rows))
    replace_file(folder / TASKS, json.dumps(tasks, ensure_ascii=False, indent=1).encode())
    is_picture = "image" in tasks[0]["data"]
    replace_file(folder / LABELLING, _labelling(class_names, is_picture=is_picture).encode())


def _table(rows: Sequence[Mapping[str, Any]]) -> bytes:
    names = [*dict.fromkeys(name for row in rows for name in row), "answer", "comment"]
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    # With its mark a spreadsheet takes the file for UTF-8.
    return text.getvalue().encode("utf-8-sig", "backslashreplace")


def _labelling(class_names: Sequence[str], *, is_picture: bool) -> str:
    tag, value = ("Image", "$image") if is_picture else ("Text", "$text")
    choices = dict.fromkeys([*class_names, *WORDS])
    lines = [f"    <Choice value={quoteattr(choice)}/>" for choice in choices]
    return "\n".join(
        [
            "<View>",
            f'  <{tag} name="example" value="{value}"/>',
            '  <Choices name="answer" toName="example" choice="multiple" required="true">',
            *lines,
            "  </Choices>",
            "</View>",
            "",
        ]
    )


def read_answers(
    path: Path, sample: Sample, class_names: Sequence[str], *, person: str
) -> list[Answer]:
    """Read the answers of a filled table or of Label Studio's export, JSON or JSON-MIN.

    Examples without an answer are left out.

    Args:
        path: the file.
        sample: whose examples it must be about.
        class_names: what people read for the classes.
        person: who answers, where the file does not say it.

    Raises:
        DataError: the file cannot be read as either.
        ConfigError: answers that cannot be understood; all of them at once.
    """
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise DataError(f"--import {path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DataError(f"--import {path}: is not UTF-8: save it as CSV UTF-8") from None
    said = _of_json(text, path) if text.lstrip()[:1] in ("[", "{") else _of_table(text, path)
    keys, problems, answers = keys_of(sample), [], []
    for entry in said:
        if not entry.words:
            continue
        if entry.key not in keys:
            message = f"{entry.key!r} is not a key of this sample: import it for its condition"
            problems.append(Problem(f"{entry.place}, key", message))
            continue
        try:
            verdict, classes = _meaning(entry.words, class_names)
        except ValueError as error:
            problems.append(Problem(f"{entry.place}, answer", str(error)))
            continue
        answers.append(Answer(keys[entry.key], entry.person or person, verdict, classes))
    if problems:
        raise ConfigError(f"--import {path}", problems)
    return answers


def _meaning(words: Sequence[str], class_names: Sequence[str]) -> tuple[Verdict, tuple[int, ...]]:
    """Return what words mean: classes first, as a class may be called `none`.

    Raises:
        ValueError: a word is neither a class nor one of `WORDS`, or they contradict each other.
    """
    numbers = {name: number for number, name in enumerate(class_names)}
    alike = {name.casefold(): number for name, number in numbers.items()}
    if len(words) == 1 and words[0] not in numbers and _BETWEEN in words[0]:
        words = [word.strip() for word in words[0].split(_BETWEEN)]
    classes, verdicts = set(), set()
    for word in words:
        if (number := numbers.get(word, alike.get(word.casefold()))) is not None:
            classes.add(number)
        elif (verdict := WORDS.get(word.casefold())) is not None:
            verdicts.add(verdict)
        else:
            meant = suggestion(word, [*class_names[:20], *WORDS])
            raise ValueError(f"{word!r} is neither a class nor {', '.join(WORDS)}: {meant}")
    if len(verdicts) > 1 or (classes and verdicts - {"several"}):
        raise ValueError(f"{' and '.join(map(repr, words))} contradict each other: keep one")
    if classes:
        return ("class" if len(classes) == 1 and not verdicts else "several"), tuple(
            sorted(classes)
        )
    return verdicts.pop(), ()


def _of_table(text: str, path: Path) -> Iterator[Said]:
    first = text.partition("\n")[0]
    # A spreadsheet may save with another separator.
    separator = max(",;\t", key=first.count)
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
    missing = [name for name in ("key", "answer") if name not in (rows.fieldnames or ())]
    if missing:
        raise DataError(
            f"--import {path}: has no column {' and '.join(missing)}: fill in {TABLE} as it was "
            "written, or export JSON from Label Studio"
        )
    for row in rows:
        word = (row["answer"] or "").strip()
        yield Said(f"line {rows.line_num}", (row["key"] or "").strip(), (word,) if word else ())


def _of_json(text: str, path: Path) -> Iterator[Said]:
    try:
        tasks = json.loads(text)
        for number, task in enumerate(tasks, start=1):
            yield from _of_task(task, f"task {number}")
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise DataError(
            f"--import {path}: is not an export of Label Studio as JSON or JSON-MIN ({error})"
        ) from None


def _of_task(task: Mapping[str, Any], place: str) -> Iterator[Said]:
    if "annotations" not in task:  # JSON-MIN
        answer = task.get("answer") or ()
        words = answer["choices"] if isinstance(answer, Mapping) else answer
        words = (words,) if isinstance(words, str) else tuple(words)
        yield Said(place, str(task["key"]), words, _person(task.get("annotator")))
        return
    for annotation in task["annotations"]:
        if annotation.get("was_cancelled"):
            continue
        chosen = [r["value"]["choices"] for r in annotation["result"] if r["type"] == "choices"]
        words = tuple(word for choices in chosen for word in choices)
        person = _person(annotation.get("completed_by"))
        yield Said(place, str(task["data"]["key"]), words, person)


def _person(who: object) -> str | None:
    """Return the name of an annotator: Label Studio tells a number, or what it knows of a user."""
    if isinstance(who, Mapping):
        who = who.get("email") or who.get("id")
    return None if who is None else f"Label Studio {who}"
