"""The page's requests: who may ask, what is handed out, what is kept, and what stays hidden."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import uvicorn

from tests.support.reviews import fetch, recorded
from tests.support.searches import finished_search
from tests.support.waiting import wait_for
from tune_noise.audit.answers import Answer, AuditRecord
from tune_noise.data import Dataset
from tune_noise.data.example_views import ExampleViews
from tune_noise.errors import UserError
from tune_noise.service.review import handing_out
from tune_noise.service.review.app import Words, make_app
from tune_noise.service.review.handing_out import HandingOut
from tune_noise.service.review.serve import ADDRESS_FILE, open_socket
from tune_noise.service.review.work import Review, Task

NAMES = ["cat", "dog", "owl"]
WORDS = Words("Audit of demo", "Which class?", "demo/list", "ada", "tune-noise audit demo", str)
TOKEN = "secret"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    finished_search(tmp_path / "demo", gain=0.1)
    return tmp_path / "demo"


def make_review(folder: Path, digits: Dataset, **options: Any) -> Review:
    tasks = [Task(example) for example in (17, 3, 99, 5, 42)]
    views = ExampleViews("pixels", digits.train_inputs)
    return Review(tasks, views, NAMES, AuditRecord(folder), "audit", **options)


@pytest.fixture
def url(folder: Path, digits: Dataset) -> Iterator[str]:
    """The address of a page that is served by a thread."""
    app = make_app(make_review(folder, digits), WORDS, TOKEN)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    with open_socket(folder, None) as (listener, _, _):
        port = listener.getsockname()[1]
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        wait_for(lambda: server.started, "server")
        yield f"http://127.0.0.1:{port}/{TOKEN}/"
        server.should_exit = True
        thread.join()


def post(url: str, path: str, **body: Any) -> tuple[int, Any]:
    body = {"client": "page", "person": "ada", "list": WORDS.list_id, **body}
    status, _, content = fetch(f"{url}api/{path}", body)
    return status, json.loads(content) if status == 200 else content.decode()


def entry(one_id: str, key: int, value: Any, **changes: Any) -> dict[str, Any]:
    return {"id": one_id, "kind": "answer", "key": key, "value": value, "person": "ada"} | changes


def test_only_whoever_has_the_token_gets_anything_and_nothing_comes_from_elsewhere(url):
    for path in ("", "api/state", "review.js", "api/picture/0"):
        status, headers, content = fetch(url + path)
        assert status == 200, path
        assert "default-src 'none'" in headers["content-security-policy"]
        assert b"http" not in content.replace(b"http://www.w3.org/2000/svg", b"")
        for wrong in ("/wrong/", "/secre/", "//", "/"):
            status, headers, content = fetch(url.replace(f"/{TOKEN}/", wrong) + path)
            assert (status, b"token" in content) == (403, True)
            assert "default-src 'none'" in headers["content-security-policy"]
    assert fetch(f"{url}api/take".replace(TOKEN, "no"), {})[0] == 403
    assert fetch(url, host="evil.example")[0] == 400
    assert fetch(url, host="localhost:1")[0] == 200
    for path in ("../app.py", "%2e%2e/app.py", "api/picture/5", "api/example/99", "nothing"):
        assert fetch(url + path)[0] in (400, 404)


def test_an_audit_tells_the_page_nothing_but_the_example(url, digits):
    status, answer = post(url, "take", holding=[], count=5)
    assert status == 200
    assert [set(task) for task in answer["tasks"]] == [{"key", "place", "about", "picture"}] * 5
    assert all(task["about"] is None for task in answer["tasks"])
    assert answer["tasks"][2]["place"] == "Example 3 of 5"
    state = json.loads(fetch(f"{url}api/state")[2])
    assert state["classes"] == NAMES
    picture = fetch(f"{url}api/picture/2")[2]
    assert picture == ExampleViews("pixels", digits.train_inputs).picture(99)


def test_answers_are_kept_at_once_each_one_once_and_may_be_taken_back(url, folder):
    batch = [entry("one", 0, 2), entry("two", 1, "several")]
    assert post(url, "answers", entries=batch) == (200, {"checked": 2, "interval": ""})
    assert post(url, "answers", entries=batch) == (200, {"checked": 2, "interval": ""})
    undo = entry("three", 0, None, kind="undo")
    assert post(url, "answers", entries=[undo, entry("two", 1, "several")])[1]["checked"] == 1
    assert [(a.example, a.verdict, a.classes, a.is_undone) for a in recorded(folder)] == [
        (17, "class", (2,), False),
        (3, "several", (), False),
        (17, "cannot_tell", (), True),
    ]
    state = json.loads(fetch(f"{url}api/state")[2])
    assert state["mine"] == [{"key": 1, "value": "several"}]
    assert json.loads(fetch(f"{url}api/state?person=bob")[2])["mine"] == []


def test_an_answer_that_is_not_one_is_refused_whole(url, folder):
    for change, fault in (
        ({"value": 3}, "3 is not the number of a class"),
        ({"value": True}, "True is not"),
        ({"value": "cat"}, "'cat' is not"),
        ({"key": 5}, "5 is not the number of an example"),
        ({"key": None}, "None is not"),
        ({"person": " "}, "person: must be a line"),
        ({"person": "a\nb"}, "person: must be a line"),
        ({"id": "x" * 101}, "id: must be a line"),
    ):
        batch = [entry("one", 0, 1), entry("two", 1, 1) | change]
        status, message = post(url, "answers", entries=batch)
        assert (status, fault in message) == (400, True), message
    assert recorded(folder) == []


def test_a_page_of_another_list_and_a_request_of_another_form_are_refused(url):
    assert post(url, "answers", entries=[], list="other")[0] == 400
    assert "load it again" in post(url, "take", holding=[], count=1, list="other")[1]
    assert post(url, "answers", entries={})[0] == 400
    assert post(url, "take", holding=None, count=1)[0] == 400
    assert fetch(f"{url}api/take", [1])[0] == 400


def test_two_pages_get_different_examples_and_what_one_leaves_the_other_gets(folder, digits):
    review = make_review(folder, digits)
    assert review.take("a", "ada", [], 2) == ([0, 1], 5)
    assert review.take("b", "bob", [], 2) == ([2, 3], 5)
    review.save([entry("one", 0, 1), entry("two", 2, 1, person="bob")])
    assert review.take("a", "ada", [1], 1) == ([4], 3)
    assert review.take("b", "bob", [3], 9) == ([], 3)
    review.release("a")
    assert review.take("b", "bob", [3], 9) == ([1, 4], 3)


def test_with_again_two_people_see_all_but_two_pages_of_one_share(folder, digits):
    review = make_review(folder, digits, again=True)
    review.save([entry("one", 0, 1)])
    assert review.take("a", "ada", [], 2) == ([1, 2], 4)
    assert review.take("c", "ada", [], 2) == ([3, 4], 4)
    assert review.take("b", "bob", [], 9) == ([0, 1, 2, 3, 4], 5)


def test_a_page_that_is_silent_loses_what_it_holds(monkeypatch):
    seconds = 0.0
    monkeypatch.setattr(handing_out.time, "monotonic", lambda: seconds)
    places = HandingOut(3)
    assert places.take("a", [], 2, set()) == [0, 1]
    seconds = handing_out.LAPSE_SECONDS - 1
    assert places.take("b", [], 2, set()) == [2]
    assert places.take("a", [0, 1], 2, set()) == []
    seconds *= 1.5
    assert places.take("b", [2], 2, set()) == []
    seconds = 9 * handing_out.LAPSE_SECONDS
    assert places.take("b", [2], 2, set()) == [0, 1]


def test_after_a_kill_a_page_keeps_what_it_holds_before_others_get_more(monkeypatch):
    seconds = 0.0
    monkeypatch.setattr(handing_out.time, "monotonic", lambda: seconds)
    places = HandingOut(4, opens=6.0)
    assert places.take("b", [2], 2, set()) == []
    assert places.take("a", [0], 2, set()) == []
    seconds = 6.0
    assert places.take("b", [2], 2, set()) == [1, 3]


def test_an_answer_of_another_process_closes_an_example(folder, digits):
    review = make_review(folder, digits)
    AuditRecord(folder).add_answers([Answer(17, "bob", "none")])
    assert review.answers_of("ada") == []  # what a page asks first: it reads the record
    assert review.take("a", "ada", [], 2) == ([1, 2], 4)


def test_the_address_is_kept_by_a_kill_and_forgotten_by_an_end(folder):
    with open_socket(folder, None) as (listener, token, was_killed):
        port = listener.getsockname()[1]
        assert not was_killed
        assert (folder / ADDRESS_FILE).stat().st_mode & 0o777 == 0o600
        kept = (folder / ADDRESS_FILE).read_text()
        (folder / ADDRESS_FILE).unlink()
        with pytest.raises(UserError, match="--port"), open_socket(folder, port):
            pass
    assert not (folder / ADDRESS_FILE).exists()
    (folder / ADDRESS_FILE).write_text(kept)
    with open_socket(folder, None) as (listener, same, was_killed):
        assert (listener.getsockname()[1], same, was_killed) == (port, token, True)
    with open_socket(folder, None) as (_, other, _):
        assert other != token


def test_a_second_command_names_the_page_that_is_open(url, folder, monkeypatch):
    # A proxy cannot reach this machine's own address, so it must not be asked.
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    port = int(url.split(":")[2].partition("/")[0])
    (folder / ADDRESS_FILE).write_text(json.dumps({"port": port, "token": TOKEN}))
    with pytest.raises(UserError, match=f"open already: {url}"), open_socket(folder, None):
        pass


def test_a_text_and_a_row_are_shown_whole_and_without_a_label():
    texts = ExampleViews("texts", np.array(["a\n\nb " + "long " * 900], object))
    assert texts.words(0) == {"text": "a\n\nb " + "long " * 900}
    frame = pd.DataFrame({"age": [31.0, np.nan], "job": ["nurse", None]})
    rows = ExampleViews("table", frame)
    assert rows.words(0) == {"row": [["age", "31"], ["job", "nurse"]]}
    assert rows.words(1) == {"row": [["age", "(empty)"], ["job", "(empty)"]]}
    vectors = ExampleViews("features", np.arange(80, dtype=np.float32).reshape(2, 40))
    assert vectors.words(1)["row"][0] == ["1", "40"]
    assert vectors.words(1)["hidden"] == 8
