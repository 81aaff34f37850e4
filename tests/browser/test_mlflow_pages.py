"""MLflow's own pages, as docs/mlflow.md describes them, over the default store of a search."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from mlflow import MlflowClient
from playwright.sync_api import Page, expect

from tests.support.mlflow_server import MlflowServer
from tests.support.scripted_search import WARNINGS_OF_MLFLOW

from .conftest import Visit, keep

pytestmark = [pytest.mark.long, *WARNINGS_OF_MLFLOW]
QUERY = "workflowType=machine_learning"
OBJECTIVE = "val_information_noisy_selected"
DOCS = Path(__file__).parents[2] / "docs" / "mlflow.md"


class Site:
    """The pages of one search.

    Attributes:
        experiment: MLflow's number of it.
        runs: the search's runs.
    """

    def __init__(self, url: str, search: str) -> None:
        client = MlflowClient(url)
        experiment = client.get_experiment_by_name(search)
        assert experiment
        self.experiment = experiment.experiment_id
        self.runs = list(client.search_runs([self.experiment], max_results=1000))
        self._client, self._url = client, url

    def of(self, stage: str) -> list[Any]:
        return [run for run in self.runs if run.data.tags["tune_noise.stage"] == stage]

    def found(self, query: str) -> int:
        return len(self._client.search_runs([self.experiment], query, max_results=1000))

    def runs_page(self, **options: str) -> str:
        path = f"experiments/{self.experiment}/runs?{QUERY}"
        return f"{self._url}/#/{path}&{urlencode(options, quote_via=quote)}"

    def compare_page(self, runs: list[Any]) -> str:
        ids = json.dumps([run.info.run_id for run in runs])
        options = {"runs": ids, "experiments": json.dumps([self.experiment])}
        # In this order: the page reads its runs before anything else.
        return f"{self._url}/#/compare-runs?{urlencode(options, quote_via=quote)}&{QUERY}"

    def run_page(self, run: Any, tab: str = "") -> str:
        path = f"experiments/{self.experiment}/runs/{run.info.run_id}{tab}"
        return f"{self._url}/#/{path}?{QUERY}"


@pytest.fixture(scope="module")
def site(server: MlflowServer, search_folder: Path) -> Site:
    return Site(server.url, search_folder.name)


def expect_runs(page: Page, number: int) -> None:
    expect(page.get_by_text(re.compile(rf"^{number} matching runs?$"))).to_be_visible()


def test_the_runs_page_shows_the_search_and_in_it_its_trials(visit: Visit, site: Site) -> None:
    page = visit.page
    page.goto(site.runs_page())
    expect_runs(page, len(site.runs))
    [parent] = site.of("summary")
    expect(page.get_by_role("link", name=parent.info.run_name, exact=True).last).to_be_visible()
    page.get_by_test_id("saved-views-trigger").click()
    for name in ("Trials", "Finalists", "Seeds"):
        expect(page.get_by_role("menuitem", name=name).first).to_be_visible()


def test_the_view_of_trials_lists_the_best_first_and_draws_all_without_set_up(
    visit: Visit, site: Site
) -> None:
    page, trials = visit.page, site.of("search")
    page.goto(site.runs_page(viewStateShareKey="tune_noise_trials"))
    expect_runs(page, len(trials))
    best = max(trials, key=lambda run: run.data.metrics[OBJECTIVE])
    links = page.locator('a[href*="/runs/"]', has_text=re.compile("mlp|perceptron|conv"))
    expect(links.first).to_have_text(best.info.run_name)
    keep(page, "mlflow-trials")
    page.goto("about:blank")  # a page that is open already would keep its charts
    page.goto(site.runs_page(viewStateShareKey="tune_noise_trials", compareRunsMode="CHART"))
    expect(page.get_by_role("heading", name="Parallel Coordinates")).to_be_visible()
    axes = page.locator(".parcoords .label")
    expect(axes.last).to_contain_text("val_information")
    assert {"lr", "method", "noise_rate"} <= set(axes.all_text_contents())
    keep(page, "mlflow-charts")
    for name in (f"{OBJECTIVE} vs. test_accuracy_clean_selected", f"lr vs. {OBJECTIVE}"):
        page.get_by_role("heading", name=name).scroll_into_view_if_needed()
    expect(page.locator(".xtitle", has_text="lr").first).to_be_visible()


def test_the_view_of_finalists_says_how_they_stand(visit: Visit, site: Site) -> None:
    page, finalists = visit.page, site.of("finalist")
    page.goto(site.runs_page(viewStateShareKey="tune_noise_finalists"))
    expect_runs(page, len(finalists))
    for run in finalists:
        standing = run.data.tags["tune_noise.standing"]
        expect(page.get_by_role("gridcell", name=standing, exact=True).first).to_be_visible()
    keep(page, "mlflow-finalists")


def test_the_view_of_seeds_draws_the_mean_curve_of_each_finalist(visit: Visit, site: Site) -> None:
    page = visit.page
    page.goto(site.runs_page(viewStateShareKey="tune_noise_seeds", compareRunsMode="CHART"))
    expect_runs(page, len(site.of("confirm")))
    for run in site.of("finalist"):
        configuration = run.data.tags["tune_noise.configuration"]
        expect(page.get_by_text(re.compile(re.escape(configuration))).first).to_be_attached()
    expect(page.locator(".scatterlayer .js-line").first).to_be_attached()
    keep(page, "mlflow-seeds")


def test_the_search_s_own_run_says_the_verdict_and_shows_the_report(
    visit: Visit, site: Site, search_folder: Path
) -> None:
    page, [parent] = visit.page, site.of("summary")
    page.goto(site.run_page(parent))
    summary = json.loads((search_folder / "summary.json").read_text())
    for entry in summary["conditions"]:
        start = entry["sentence"].split(",")[0]
        expect(page.get_by_text(start).first).to_be_visible()
    keep(page, "mlflow-search")
    page.goto(site.run_page(parent, "/artifacts/report.html"))
    frame = page.frame_locator("iframe").first
    expect(frame.get_by_role("heading", level=1)).to_be_visible()
    for name in ("summary.json", "trials.csv", "epochs.csv", "figures", "winners"):
        expect(page.get_by_text(name, exact=True).first).to_be_visible()


def test_the_comparison_of_all_trials_begins_with_what_differs(visit: Visit, site: Site) -> None:
    page = visit.page
    page.goto(site.compare_page(site.of("search")))
    expect(page.get_by_text(re.compile(r"Comparing \d+ Runs"))).to_be_visible()
    expect(page.get_by_role("tab", name="Parallel Coordinates Plot")).to_be_visible()
    axes = page.locator(".parcoords .axis-title")
    expect(axes.first).to_be_attached()
    shown = axes.all_text_contents()
    assert {"lr", "method"} <= set(shown)
    assert "val_information_noisy" in " ".join(shown)
    keep(page, "mlflow-compare")
    page.get_by_role("tab", name="Scatter Plot").click()
    expect(page.locator(".xtitle", has_text="lr").first).to_be_visible()


def documented_filters() -> list[str]:
    [block] = re.findall(r"```sql\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    return [line.partition(" --")[0].strip() for line in block.splitlines() if line.strip()]


def test_every_documented_filter_is_one_that_mlflow_takes(site: Site) -> None:
    filters = documented_filters()
    assert len(filters) >= 6
    assert "tags.`tune_noise.winner` = 'true'" in filters
    assert sum(site.found(each) > 0 for each in filters) >= len(filters) - 2


@pytest.mark.parametrize("number", [0, 1])
def test_a_filter_typed_into_the_page_finds_what_it_says(
    visit: Visit, site: Site, number: int
) -> None:
    query = documented_filters()[number]
    page = visit.page
    page.goto(site.runs_page(orderByKey=f"metrics.`{OBJECTIVE}`"))
    expect_runs(page, len(site.runs))
    box = page.get_by_placeholder(re.compile("metrics.rmse"))
    box.fill(query)
    box.press("Enter")
    expect_runs(page, site.found(query))
