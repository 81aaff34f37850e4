"""A real search, a real MLflow server with its default store, and a real Chromium.

TUNE_NOISE_SCREENSHOTS=docs/images keeps what is seen, for the documentation.
TUNE_NOISE_BROWSER_SEARCH=FOLDER shows a finished search of yours instead of a small one.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, expect, sync_playwright

from tests.support.mlflow_server import MlflowServer
from tests.support.shell import TINY, running_shell
from tests.support.turns import ray_turn

SCREENSHOTS = "TUNE_NOISE_SCREENSHOTS"
SEARCH = "TUNE_NOISE_BROWSER_SEARCH"
NAMES = ("chromium", "chromium-browser", "google-chrome")
LOCAL = ("127.0.0.1", "")
# What MLflow's pages say of themselves: they ask who is logged in, where nobody can be, and draw
# charts before they know how large they are.
OF_MLFLOW = (
    "/mlflow/users/current",
    "NaN",
    "A negative value is not valid",
    "ResizeObserver loop completed",
)
# Else its assistant covers a third of the window at the first visit.
NO_ASSISTANT = """
if (location.protocol.startsWith("http"))
    localStorage.setItem("mlflow.assistant.fab.autoOpenedOnFirstLoad_v1", "true")
"""
MILLISECONDS = 120_000  # a busy machine takes its time
SPACE: dict[str, Any] = TINY | {
    "name": "browsed",
    "title": "what a browser shows of a search",
    "conditions": {"noise_rate": [0.2, 0.45]},
    "suspects": {"folds": 2},
}


@dataclass
class Visit:
    """A page, and what must not be: faults that it reports and requests that leave the machine."""

    page: Page
    faults: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def note(self, message: ConsoleMessage) -> None:
        text = f"{message.text} {message.location.get('url', '')}"
        if message.type == "error" and not any(known in text for known in OF_MLFLOW):
            self.faults.append(text)

    def guard(self, route: Route) -> None:
        url = urlsplit(route.request.url)
        if url.scheme in ("http", "https", "ws", "wss") and url.hostname not in LOCAL:
            self.outside.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    def check(self) -> None:
        assert self.faults == []
        assert self.outside == []


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"no browser is installed: none of {', '.join(NAMES)} is on PATH")
    # The sandbox of Chromium refuses root.
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """A new page; a test's parameter may name its `viewport` and `color_scheme`."""
    options = {"viewport": {"width": 1600, "height": 1000}} | getattr(request, "param", {})
    context = browser.new_context(**options)
    context.set_default_timeout(MILLISECONDS)
    expect.set_options(timeout=MILLISECONDS)
    context.add_init_script(NO_ASSISTANT)
    visit = Visit(context.new_page())
    visit.page.on("console", visit.note)
    visit.page.on("pageerror", lambda error: visit.faults.append(str(error)))
    context.route("**/*", visit.guard)
    yield visit
    context.close()
    visit.check()


@pytest.fixture(scope="session")
def search_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a finished search, beside its MLflow store."""
    given = os.environ.get(SEARCH)
    if given:
        return Path(given).resolve()
    import yaml

    with ray_turn(), running_shell(tmp_path_factory.mktemp("browsed")) as shell:
        (shell.folder / "browsed.yaml").write_text(yaml.safe_dump(SPACE))
        shell.search("--space", "browsed.yaml", "--quiet", "--max-concurrent", "2")
    return shell.folder / "runs" / "browsed"


@pytest.fixture(scope="session")
def server(search_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    folder = tmp_path_factory.mktemp("server")
    with MlflowServer(folder, database=search_folder.parent / "mlflow.db") as server:
        yield server


def keep(page: Page, name: str, **options: Any) -> None:
    """Keep a picture for the documentation, where it is asked for: few colours, few bytes."""
    folder = os.environ.get(SCREENSHOTS)
    if not folder:
        return
    path = Path(folder) / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    page.wait_for_timeout(2000)  # charts are drawn bit by bit
    page.screenshot(path=path, **options)
    with Image.open(path) as image:
        image.convert("RGB").quantize(128).save(path, optimize=True)
    assert path.stat().st_size < 250_000
