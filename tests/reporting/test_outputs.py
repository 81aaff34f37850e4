import base64
import html
import itertools
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from tests.support.histories import RESOLUTION, Builder
from tune_noise.reporting import verdict_sentence, write_outputs

FILES = {"criteria.csv", "trials.csv", "epochs.csv", "transition.csv"}
FILES |= {"summary.json", "report.html", "figures", "tables"}
TABLES = [
    "classes.csv",
    "confusion.csv",
    "effort.csv",
    "finalists.csv",
    "importance.csv",
    "knowledge.csv",
]


class Tags(HTMLParser):
    """Every tag with its attributes, and that what is opened is closed."""

    VOID = ("meta", "link", "img", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("finished", [True, False])
def test_all_files_are_written_and_no_other(many: Builder, tmp_path: Path, finished: bool) -> None:
    write_outputs(many.history(finished=finished), tmp_path)
    write_outputs(many.history(finished=finished), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == FILES
    figures = sorted(path.name for path in (tmp_path / "figures").iterdir())
    # PNG and SVG of accuracy, and of each condition's curves, history and parallel coordinates.
    assert len(figures) == 2 * (1 + 3 * 3)
    assert figures[:2] == ["accuracy.png", "accuracy.svg"]
    assert len(pd.read_csv(tmp_path / "trials.csv")) == 42
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == TABLES
    json.loads((tmp_path / "summary.json").read_text())


def test_the_page_loads_nothing_and_says_everything(many: Builder, tmp_path: Path) -> None:
    summary = write_outputs(many.history(), tmp_path)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    tags = Tags(text)
    assert tags.open == []
    assert not [tag for tag, _ in tags.found if tag in ("script", "iframe", "object")]
    links = [a[k] for _, a in tags.found for k in ("src", "href", "srcset", "data") if k in a]
    assert links
    assert all((link or "").startswith(("data:", "#")) for link in links)
    targets = {a["id"] for _, a in tags.found if "id" in a}
    assert {(link or "")[1:] for link in links if (link or "").startswith("#")} <= targets
    assert "url(" not in text
    assert "@import" not in text
    for condition in summary.conditions:
        assert html.escape(verdict_sentence(condition)) in text
    assert html.escape(RESOLUTION) in text
    for path in (*tmp_path.glob("*.csv"), *tmp_path.glob("tables/*.csv")):
        assert f"<code>{path.relative_to(tmp_path)}</code>" in text
    for said in ("oracle", "search.yaml", "0123abc", "torch 2.13.0", "network-epochs"):
        assert said in text


def test_figures_in_the_page_load_nothing_either(compared: Builder, tmp_path: Path) -> None:
    write_outputs(compared.history(), tmp_path)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    images = re.findall(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)", text)
    assert len(images) == 4
    for image in images:
        svg = base64.b64decode(image).decode()
        assert not re.findall(r'href="(?!#)', svg)


def test_headings_go_down_one_level_at_a_time_and_images_have_texts(
    many: Builder, tmp_path: Path
) -> None:
    write_outputs(many.history(), tmp_path)
    tags = Tags((tmp_path / "report.html").read_text(encoding="utf-8")).found
    levels = [int(tag[1]) for tag, _ in tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    assert all(attrs.get("alt") for tag, attrs in tags if tag == "img")
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_a_title_cannot_break_the_page(builder: type[Builder], tmp_path: Path) -> None:
    build = builder(title="<script>alert(1)</script> & $x$")
    build.add({"val_information_noisy": 0.5}, status=None)
    write_outputs(build.history(finished=False), tmp_path)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script>" not in text
    assert "The search is not finished" in text


def test_a_renamed_finalist_is_explained(builder: type[Builder], tmp_path: Path) -> None:
    build = builder()
    finalist = build.add({"val_information_noisy": 1.0})
    shown = {"val_information_noisy": 1.0, "val_renamed": 1.0}
    build.add(shown, finalist=finalist, seed=1)
    write_outputs(build.history(), tmp_path)
    assert "the best one-to-one match" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_an_empty_search_has_a_page(builder: type[Builder], tmp_path: Path) -> None:
    write_outputs(builder().history(finished=False), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == FILES - {"figures"}
    assert "No trial has a result yet" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_page_says_how_each_finalist_was_judged(builder: type[Builder], tmp_path: Path) -> None:
    build = builder(confirm={"finalists": 3, "seeds": 3, "max_seeds": 10})
    build.add_finalist([1.30, 1.31, 1.32])
    build.add_finalist([0.30, 0.31, 0.33], model="mlp2")
    build.add_finalist([1.20, 1.40, 1.29], model="mlp4")
    write_outputs(build.history(), tmp_path)
    page = (tmp_path / "report.html").read_text("utf-8")
    # The first of three looks may err by 0.05 * 0.3**2, by half of that for each of two rivals.
    assert "n = 3, 99.78 % interval, separated" in page
    assert "n = 3, 99.55 % interval, tied" in page
    assert "for the looks at 3 to 10 seeds" in page
