import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tune_noise.config.search import SearchConfig
from tune_noise.reporting.findings.summary import Summary
from tune_noise.reporting.page.contact_sheet import SUSPECTS_JSON, WINNERS_DIR, contact_sheets


@pytest.mark.parametrize(("asked", "shown"), [(0, 0), (2, 2), (100, 5)])
def test_a_page_shows_no_more_thumbnails_than_asked_for(
    tmp_path: Path, asked: int, shown: int
) -> None:
    facts = {"suspects": 5, "examples": 9}
    condition: Any = SimpleNamespace(
        name="all", factors={}, config=SearchConfig(name="demo"), suspects=facts
    )
    sheet = [
        {"index": n, "given": 1, "predicted": 2, "suspicion": 0.9, "png": "AAAA"} for n in range(5)
    ]
    folder = tmp_path / WINNERS_DIR / "all"
    folder.mkdir(parents=True)
    (folder / SUSPECTS_JSON).write_text(json.dumps({"facts": facts, "sheet": sheet}))
    summary = cast(Summary, SimpleNamespace(conditions=[condition]))
    [found] = contact_sheets(summary, tmp_path, max_images=asked)
    assert [image.alt.split(":")[0] for image in found.images] == [
        f"image {n}" for n in range(shown)
    ]
