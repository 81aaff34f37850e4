"""How long the page of `tune-noise review` takes from a key to the next example.

    python -m benchmarks.review

The page is served on this machine, and opened in the Chromium that is installed. A key is pressed
as soon as an example is there, until all are answered: of pictures of 28 x 28 pixels, of photos, of
texts of 2,000 characters, and of rows of twelve columns. Printed are milliseconds by the clock of
the page, from the key until the next example is on the screen, its picture decoded and drawn, and
how many examples a minute that allows somebody who needs no time to look.
"""

import argparse
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.support.reviews import served
from tests.support.searches import finished_search
from tune_noise.audit.answers import AuditRecord
from tune_noise.data.example_views import ExampleViews
from tune_noise.service.review.app import Words
from tune_noise.service.review.work import Review, Task

CLASSES = [str(number) for number in range(10)]
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
# Runs in the page. What is shown has been drawn when the second frame from then on begins.
PRESS = """async () => {
  const place = document.getElementById("place"), before = place.textContent;
  const frame = () => new Promise(requestAnimationFrame);
  const start = performance.now();
  document.dispatchEvent(new KeyboardEvent("keydown", {key: "7", bubbles: true}));
  while (place.textContent === before) await new Promise((wake) => setTimeout(wake));
  for (const image of document.querySelectorAll("#example img")) await image.decode();
  await frame();
  await frame();
  return performance.now() - start;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--examples", type=int, default=201)
    parser.add_argument("--photo", type=int, default=1000, help="width of the photos in pixels")
    options = parser.parse_args()
    print("| examples | n | median, ms | 5 % to 95 % | slowest | examples a minute |")
    print("| -- | -- | -- | -- | -- | -- |")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        program = next(filter(None, map(shutil.which, CHROMIUM)))
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        kinds = views_of(Path(folder), options.examples, options.photo)
        for number, (name, views) in enumerate(kinds.items()):
            with measured_page(Path(folder) / f"run{number}", views) as url:
                page = browser.new_page()
                page.goto(url)
                report(name, pressed(page, options.examples))
                page.close()
        browser.close()


def views_of(folder: Path, examples: int, width: int) -> dict[str, ExampleViews]:
    """Return made-up examples of each kind."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (examples, 1, 28, 28), dtype=np.uint8)
    # Blurred noise: as large a file as a photo of that size.
    coarse = rng.integers(0, 256, (examples, width // 8, width // 8, 3), dtype=np.uint8)
    photos = [folder / f"{number}.jpg" for number in range(examples)]
    for path, picture in zip(photos, coarse, strict=True):
        Image.fromarray(picture).resize((width, width)).save(path)
    letters = rng.choice(list("abcdefghij "), (examples, 2000))
    texts = np.array(["".join(row) for row in letters], dtype=object)
    rows = pd.DataFrame(rng.random((examples, 12)).round(3)).add_prefix("column ")
    return {
        "pictures, 28 x 28": ExampleViews("pixels", pixels),
        f"photos, {width} x {width}": ExampleViews("photos", np.array(photos, dtype=object)),
        "texts of 2,000 characters": ExampleViews("texts", texts),
        "rows of twelve columns": ExampleViews("table", rows),
    }


@contextmanager
def measured_page(folder: Path, views: ExampleViews) -> Iterator[str]:
    """Serve the page about all of the examples; yield its address."""
    finished_search(folder, gain=0.0)
    tasks = [Task(example) for example in range(len(views.inputs))]
    review = Review(tasks, views, CLASSES, AuditRecord(folder), "audit")
    words = Words("Measured", "Which class?", "measured", "ada", "", lambda: "")
    with served(review, words, folder) as url:
        yield url


def pressed(page: Page, examples: int) -> list[float]:
    """Answer all examples but the last; return the milliseconds that each took."""
    page.get_by_role("heading", name=f"Example 1 of {examples}").wait_for()
    times: list[float] = [page.evaluate(PRESS) for _ in range(examples - 1)]
    page.get_by_text(f"{examples - 1} of {examples} checked").wait_for()
    return times


def report(name: str, times: list[float]) -> None:
    low, median, high, slowest = np.percentile(times, (5, 50, 95, 100))
    cells = [name, f"{len(times)}", f"{median:.0f}", f"{low:.0f} to {high:.0f}", f"{slowest:.0f}"]
    print(f"| {' | '.join([*cells, f'{60_000 / np.mean(times):,.0f}'])} |", flush=True)


if __name__ == "__main__":
    main()
