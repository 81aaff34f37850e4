"""The page of `tune-noise review`: by keyboard, by two people, and while its server is killed."""

import itertools
import random
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.support.ports import free_port
from tests.support.reviews import ReviewCommand, audited_search, recorded, served
from tune_noise.audit.answers import AuditRecord, current
from tune_noise.data.example_views import ExampleViews
from tune_noise.service.review.app import Words
from tune_noise.service.review.work import Review, Task

from .conftest import Visit, keep

slow = pytest.mark.slow
# A port of its own, as another test may start the command while this one has killed it.
OPTIONS = ("--person", "ada", "--port", str(free_port()))
PHONE = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "has_touch": True}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "audited"


def place(page: Page, number: int, total: int = 40) -> None:
    expect(page.get_by_role("heading", level=2)).to_have_text(f"Example {number} of {total}")


def saved(page: Page, number: int, total: int = 40) -> None:
    expect(page.get_by_text(f"{number} of {total} checked")).to_be_visible()


def check_for_all(page: Page) -> None:
    widths = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert widths[0] <= widths[1], f"the page is wider than the window: {widths}"
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.long
def test_keys_answer_undo_and_go_back_and_a_kill_in_mid_click_loses_nothing(
    visit: Visit, folder: Path, digits
) -> None:
    examples, page = audited_search(folder, digits), visit.page
    with ReviewCommand(folder, *OPTIONS) as command:
        page.goto(command.url)
        place(page, 1)
        check_for_all(page)
        for key in ("7", "+", "-", "?", "3"):
            page.keyboard.press(key)
        saved(page, 5)
        place(page, 6)
        page.keyboard.press("u")
        place(page, 5)
        saved(page, 4)
        page.keyboard.press("ArrowLeft")
        place(page, 4)
        cannot_tell = page.get_by_role("button", name="cannot tell")
        expect(cannot_tell).to_have_attribute("aria-pressed", "true")
        page.keyboard.press("0")
        page.get_by_role("button", name="9").click()
        saved(page, 5)
        command.process.kill()
        command.process.wait()
        page.keyboard.press("4")
        page.keyboard.press("5")
        expect(page.get_by_role("alert")).to_contain_text("2 answers are not saved yet")
    visit.faults.clear()  # requests that nobody answered
    with ReviewCommand(folder, *OPTIONS) as again:
        assert again.url == command.url
        saved(page, 7)
        expect(page.get_by_role("alert")).to_be_hidden()
        again.process.send_signal(signal.SIGTERM)
        assert again.process.wait(60) == 0
        assert "7 of 40 checked" in again.process.stdout.read()
    standing = current(recorded(folder), "audit")
    said = [standing[example]["ada"] for example in examples[:7]]
    assert [answer.classes or answer.verdict for answer in said] == [
        *((7,), "several", "none", (0,), (9,), (4,), (5,)),
    ]
    assert len({answer.id for answer in recorded(folder)}) == len(recorded(folder)) == 10


@slow
@pytest.mark.parametrize("visit", [PHONE], indirect=True)
def test_a_phone_shows_all_of_it_and_a_page_that_is_opened_again_goes_on(
    visit: Visit, folder: Path, digits
) -> None:
    total = len(audited_search(folder, digits, labels=20))
    page = visit.page
    with ReviewCommand(folder, *OPTIONS) as command:
        page.goto(command.url)
        place(page, 1, total)
        check_for_all(page)
        keep(page, "review-phone")
        page.get_by_role("button", name="2", exact=True).tap()
        saved(page, 1, total)
        page.get_by_role("button", name="on", exact=True).tap()
        place(page, 3, total)
        page.reload()
        place(page, 2, total)
        page.get_by_role("button", name="back").tap()
        place(page, 1, total)
        two = page.get_by_role("button", name="2", exact=True)
        expect(two).to_have_attribute("aria-pressed", "true")
        page.get_by_role("button", name="on", exact=True).tap()
        for number in range(2, total + 1):
            place(page, number, total)
            page.get_by_role("button", name="none fits").tap()
        expect(page.get_by_role("heading", level=2)).to_have_text("All are checked")
        check_for_all(page)


@slow
def test_two_tabs_and_two_people_share_the_work(visit: Visit, folder: Path, digits) -> None:
    audited_search(folder, digits)
    with ReviewCommand(folder, *OPTIONS) as command:
        pages = [visit.page, visit.page.context.new_page()]
        for page, person in zip(pages, ("ada", "bob"), strict=True):
            page.goto(f"{command.url}?person={person}")
            expect(page.get_by_text(f"You are {person}.")).to_be_visible()
        headings = [page.get_by_role("heading", level=2) for page in pages]
        for page, heading in itertools.cycle(zip(pages, headings, strict=True)):
            text = heading.text_content() or ""
            if text.startswith("Example"):
                page.keyboard.press("7")
                expect(heading).not_to_have_text(text)
            elif text == "All are checked":
                break
        for heading in headings:
            expect(heading).to_have_text("All are checked")
    answers = recorded(folder)
    assert len(answers) == len({answer.example for answer in answers}) == 40
    assert min(Counter(answer.person for answer in answers).values()) >= 15


@pytest.fixture
def many_classes(folder: Path, digits) -> Iterator[str]:
    """A page about 1,000 classes, which this process serves."""
    examples = audited_search(folder, digits)
    names = [f"{colour} bird {number}" for colour in ("red", "blue") for number in range(500)]
    views = ExampleViews("pixels", digits.train_inputs)
    tasks = [Task(one, {"given label": names[0], "predicted label": names[1]}) for one in examples]
    review = Review(tasks, views, names, AuditRecord(folder), "suspects")
    words = Words("Suspects of birds", "Which bird?", "birds", "ada", "tune-noise repair", str)
    with served(review, words, folder) as url:
        yield url


@slow
def test_a_thousand_classes_are_chosen_by_typing(
    visit: Visit, many_classes: str, folder: Path
) -> None:
    page = visit.page
    page.goto(many_classes)
    place(page, 1)
    expect(page.get_by_text("given label")).to_be_visible()
    check_for_all(page)
    page.keyboard.type("BIRD 49")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    place(page, 2)
    page.keyboard.type("blue bird 7")
    check_for_all(page)
    page.keyboard.press("Enter")
    place(page, 3)
    page.keyboard.press("?")
    place(page, 4)
    saved(page, 3)
    page.keyboard.press("Control+z")
    place(page, 3)
    saved(page, 2)
    said = [answer.classes for answer in recorded(folder)]
    assert said[:2] == [(490,), (507,)]


@slow
def test_fifty_kills_in_mid_work_lose_no_answer_and_double_none(
    visit: Visit, folder: Path, digits
) -> None:
    """Each round presses keys while the server dies at a random moment, and starts another."""
    examples, page, rng = audited_search(folder, digits, labels=600), visit.page, random.Random(0)
    pressed: list[int] = []
    heading = page.get_by_role("heading", level=2)
    url = ""
    for kill in range(51):
        with ReviewCommand(folder, *OPTIONS) as command:
            if not url:
                url = command.url
                page.goto(url)
            assert command.url == url
            place(page, len(pressed) + 1, 600)
            for _ in range(rng.randrange(4, 9)):
                # Where the next example is not there yet, a key would mean nothing.
                if heading.text_content() != f"Example {len(pressed) + 1} of 600":
                    break
                pressed.append(rng.randrange(10))
                page.keyboard.press(str(pressed[-1]))
                page.wait_for_timeout(rng.randrange(40))
            if kill < 50:
                command.process.kill()
            else:
                saved(page, len(pressed), 600)
    visit.faults.clear()
    answers = recorded(folder)
    assert len(pressed) > 150
    assert len({answer.id for answer in answers}) == len(answers) == len(pressed)
    standing = current(answers, "audit")
    given = [standing[example]["ada"].classes for example in examples[: len(pressed)]]
    assert given == [(value,) for value in pressed]
