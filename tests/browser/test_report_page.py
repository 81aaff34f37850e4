"""report.html in a browser: nothing from outside, nothing cut off, nothing that axe objects to."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from .conftest import Visit, keep

pytestmark = pytest.mark.long

SIZES = {"desk": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
VISITS = [
    pytest.param({"viewport": size, "color_scheme": scheme}, id=f"{name}-{scheme}")
    for name, size in SIZES.items()
    for scheme in ("light", "dark")
]


@pytest.mark.parametrize("visit", VISITS, indirect=True)
def test_the_report_opens_from_a_file_whole_readable_and_alone(
    visit: Visit, search_folder: Path, request: pytest.FixtureRequest
) -> None:
    page = visit.page
    page.goto((search_folder / "report.html").as_uri())
    assert page.get_by_role("heading", level=1).count() == 1
    broken = "images => images.filter(i => !i.complete || !i.naturalWidth).map(i => i.alt)"
    assert page.locator("img").evaluate_all(broken) == []
    widths = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert widths[0] <= widths[1], f"the page is wider than the window: {widths}"
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    if request.node.callspec.id == "desk-light":
        keep(page, "report")
