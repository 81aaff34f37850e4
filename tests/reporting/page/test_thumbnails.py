import json
from pathlib import Path

import pytest

from tests.support.histories import Builder
from tune_noise.record import Event
from tune_noise.record.folder import SUSPECTS_JSON, WINNERS
from tune_noise.reporting.findings.summary import summarise
from tune_noise.reporting.page.contact_sheet import contact_sheets

FACTS = {"suspects": 5, "examples": 9}


@pytest.fixture
def judged(builder: type[Builder]) -> Builder:
    """A search whose winner has looked for wrong labels."""
    build = builder()
    build.add_finalist([1.3, 1.2])
    return build


def write_sheet(build: Builder, folder: Path, **facts: object) -> dict[str, object]:
    """Write five suspicious examples of the winner's first seed; return what is known of them."""
    known = FACTS | {"trial_id": "t0002"} | facts
    note = {"text": "", "is_warning": False, "suspects": {build.condition.name: known}}
    build.events.append(Event("note", data=note))
    image = {"given": 1, "predicted": 2, "suspicion": 0.9, "png": "AAAA"}
    sheet = [{"index": n} | image for n in range(5)]
    place = folder / WINNERS / build.condition.name
    place.mkdir(parents=True)
    content = {"facts": known, "sheet": sheet}
    (place / SUSPECTS_JSON).write_text(json.dumps(content))
    return content


@pytest.mark.parametrize(("asked", "expected"), [(0, 0), (2, 2), (100, 5)])
def test_a_page_shows_no_more_thumbnails_than_asked_for(
    judged: Builder, tmp_path: Path, asked: int, expected: int
) -> None:
    write_sheet(judged, tmp_path)
    [sheet] = contact_sheets(summarise(judged.history()), tmp_path, max_examples=asked)
    names = [example.description.split(":")[0] for example in sheet.examples]
    assert names == [f"example {n}" for n in range(expected)]
    assert sheet.sentence.startswith("5 of 9 labels are more likely wrong than right")


def test_the_truth_is_told_where_it_is_known(judged: Builder, tmp_path: Path) -> None:
    write_sheet(judged, tmp_path, wrong_labels=4, precision=0.6, recall=0.75)
    [sheet] = contact_sheets(summarise(judged.history()), tmp_path)
    assert "4 labels are wrong, precision 60.0 %, recall 75.0 %" in sheet.sentence


@pytest.mark.parametrize("png", ["<script>", "", None])
def test_a_file_that_cannot_be_used_leaves_a_sheet_without_examples(
    judged: Builder, tmp_path: Path, png: str | None
) -> None:
    content = write_sheet(judged, tmp_path)
    content["sheet"] = [{"index": 0, "given": 1, "predicted": 2, "suspicion": 0.9, "png": png}]
    path = tmp_path / WINNERS / judged.condition.name / SUSPECTS_JSON
    path.write_text(json.dumps(content))
    [sheet] = contact_sheets(summarise(judged.history()), tmp_path)
    assert sheet.examples == []


def test_a_table_of_another_winner_makes_no_sheet(judged: Builder, tmp_path: Path) -> None:
    write_sheet(judged, tmp_path, trial_id="t0009")
    assert contact_sheets(summarise(judged.history()), tmp_path) == []
