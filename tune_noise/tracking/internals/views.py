"""Views of a search that MLflow's Runs page offers under *Views*: columns, order and charts.

MLflow keeps a saved view as a tag of the experiment. Its form is MLflow's own and no interface: the
tests open each view in a browser, and where another release does not know it, it only is not there.
"""

import base64
import json
import zlib
from typing import Any

from tune_noise.config.search import SearchConfig

TAG_PREFIX = "mlflow.sharedViewState."
STAGE = "tags.`tune_noise.stage`"
# So many scatter plots of a searched number against the objective.
MAX_SCATTER_PLOTS = 3
# What a trial's figures are called in the order in which a person asks for them.
SEEN = ("test_accuracy_clean_selected", "train_label_precision_selected")
CURVES = ("test_accuracy_clean", "train_label_precision")
NAME_COLUMN, NAME_PIXELS = "attributes.`Run Name`", 330
METRIC_PIXELS = 200
# Section of the charts -> its name, and how many stand side by side; shown in the names' order.
SECTIONS = {"tune_noise_wide": ("All trials", 1), "tune_noise_small": ("Charts", 3)}
View = dict[str, Any]
Chart = dict[str, Any]


def view_tags(config: SearchConfig) -> dict[str, str]:
    """Return the experiment's tags: a view of the trials, the finalists and their seeds.

    Example:
        >>> sorted(view_tags(SearchConfig(name="mine")))  # doctest: +NORMALIZE_WHITESPACE
        ['mlflow.sharedViewState.tune_noise_finalists',
         'mlflow.sharedViewState.tune_noise_seeds',
         'mlflow.sharedViewState.tune_noise_trials']
    """
    views = (("Trials", _trials(config)), ("Finalists", _finalists(config)))
    tags = {}
    for age, (name, state) in enumerate((*views, ("Seeds", _seeds(config)))):
        # MLflow lists the newest first; the times are only for that order.
        times = {"createdAt": len(SEEN) + 1 - age, "updatedAt": 0}
        packed = base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
        value = {"name": name, **times, "state": f"deflate;{packed}"}
        tags[f"{TAG_PREFIX}tune_noise_{name.lower()}"] = json.dumps(value)
    return tags


def _trials(config: SearchConfig) -> View:
    objective = f"{config.objective}_selected"
    # MLflow leaves a run out of the plot that lacks one of its axes.
    axes = [*config.conditions, *(f for f, domain in config.search.items() if not domain.when)]
    numbers = [field for field, domain in config.search.items() if domain.choice is None]
    charts = [
        {
            "type": "PARALLEL",
            "selectedParams": axes,
            "selectedMetrics": [objective],
            "showAllRuns": True,
        },
        _scatter(("METRIC", objective), ("METRIC", SEEN[0])),
        *(
            _scatter(("PARAM", field), ("METRIC", objective))
            for field in numbers[:MAX_SCATTER_PLOTS]
        ),
    ]
    metrics = [objective, *SEEN, "trained_epochs"]
    columns = _columns(config, metrics=metrics, params=list(config.search))
    return _view(config, "search", columns=columns, charts=charts)


def _finalists(config: SearchConfig) -> View:
    objective = f"{config.objective}_selected"
    metrics = [objective, f"{objective}_low", f"{objective}_high", "seeds", *SEEN]
    columns = ["tags.`tune_noise.standing`"]
    columns += _columns(config, metrics=metrics, params=list(config.search))
    charts = [{"type": "BAR", "metricKey": name} for name in (objective, *SEEN)]
    return _view(config, "finalist", columns=columns, charts=charts)


def _seeds(config: SearchConfig) -> View:
    metrics = [f"{config.objective}_selected", *SEEN]
    columns = _columns(config, metrics=metrics, params=["method", "model", "seed"])
    charts = [
        {"type": "LINE", "metricKey": name, "selectedMetricKeys": [name]} | LINE
        for name in (config.objective, *CURVES)
    ]
    view = _view(config, "confirm", columns=columns, charts=charts)
    key = {"mode": "tag", "groupByData": "tune_noise.configuration"}
    return view | {"groupBy": {"aggregateFunction": "average", "groupByKeys": [key]}}


LINE: Chart = {
    "lineSmoothness": 0,
    "range": {},
    "selectedXAxisMetricKey": "",
    "xAxisKey": "step",
    "xAxisScaleType": "linear",
    "scaleType": "linear",
    "ignoreOutliers": False,
    "useGlobalXaxisKey": True,
    "useGlobalLineSmoothing": True,
    "yAxisKey": "metric",
    "yAxisExpressions": [],
    "selectedYAxisMetricKey": "",
    "displayPoints": None,
}


def _scatter(x: tuple[str, str], y: tuple[str, str]) -> Chart:
    axes = {
        name: {"type": kind, "key": key, "dataAccessKey": key if kind == "METRIC" else None}
        for name, (kind, key) in (("xaxis", x), ("yaxis", y))
    }
    return {"type": "SCATTER", **axes}


def _columns(config: SearchConfig, *, metrics: list[str], params: list[str]) -> list[str]:
    names = [
        *(f"params.`{name}`" for name in config.conditions),
        *(f"metrics.`{name}`" for name in metrics),
        *(f"params.`{name}`" for name in params),
    ]
    return list(dict.fromkeys(names))


def _section(chart: Chart) -> str:
    return "tune_noise_wide" if chart["type"] == "PARALLEL" else "tune_noise_small"


def _view(config: SearchConfig, stage: str, *, columns: list[str], charts: list[Chart]) -> View:
    """Return the state of the Runs page.

    Runs are sorted by the objective, best first: sorted by time MLflow would put them under their
    parents, folded, and draw no charts of them.
    """
    section = {"display": True, "isReordered": False, "deleted": False, "isGenerated": False}
    extra = {"runsCountToCompare": 20, "deleted": False, "isGenerated": False}
    return {
        "searchFilter": f"{STAGE} = '{stage}'",
        "orderByKey": f"metrics.`{config.objective}_selected`",
        "orderByAsc": "loss" in config.objective,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": columns,
        "columnOrder": [NAME_COLUMN, *columns],
        "columnWidths": {NAME_COLUMN: NAME_PIXELS}
        | {name: METRIC_PIXELS for name in columns if name.startswith("metrics.")},
        "runsHiddenMode": "FIRST_20_RUNS",
        "compareRunCharts": [
            {"uuid": f"tune_noise_{number}", "metricSectionId": _section(chart), **extra, **chart}
            for number, chart in enumerate(charts)
        ],
        "compareRunSections": [
            {"uuid": uuid, "name": name, "columns": number, "cardHeight": 380, **section}
            for uuid, (name, number) in SECTIONS.items()
            if uuid in map(_section, charts)
        ],
        "viewMaximized": False,
        "runListHidden": False,
        "isAccordionReordered": False,
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "groupBy": None,
        "groupsExpanded": {},
        "globalLineChartConfig": {
            "xAxisKey": "step",
            "lineSmoothness": 0,
            "selectedXAxisMetricKey": "",
        },
    }
