"""What the search before a repair tells the one after it: where to start, and what to beat."""

from itertools import islice
from pathlib import Path
from typing import Any

from tune_noise.config.configurations import Values
from tune_noise.config.data_source import DataSource
from tune_noise.config.search import SearchConfig
from tune_noise.data import Dataset
from tune_noise.data.lineage import describe_lineage, read_lineage
from tune_noise.errors import UserError
from tune_noise.history.open import read_history
from tune_noise.history.ranking import different, ranked
from tune_noise.history.replay import History
from tune_noise.reporting import summarise
from tune_noise.service.begin import digest_of_test_set

METRICS = ("test_accuracy_clean", "test_balanced_accuracy_clean")
# Of the trials of a search, so many may be those that another one has found good.
_SHARE = 0.25


def earlier_search(search: SearchConfig) -> tuple[dict[str, Any], History | None] | None:
    """Return the lineage of the data, and the search that it came from; None without a lineage.

    The history is None where that search is not in its folder any more.

    Raises:
        DataError: the lineage is damaged, or is not that of the data.
    """
    source = search.data
    if source is None and search.dataset.endswith(".npz"):
        source = DataSource(train=search.dataset)
    lineage = None if source is None else read_lineage(source)
    if lineage is None:
        return None
    try:
        history = read_history(Path(lineage["search"]["folder"]))
    except UserError:
        return lineage, None
    is_same = history.search["search_id"] == lineage["search"]["id"]
    return lineage, history if is_same else None


def good_configurations(search: SearchConfig) -> dict[str, list[Values]]:
    """Return what the search before a repair found good; nothing where it is gone."""
    earlier = earlier_search(search)
    return {} if earlier is None or earlier[1] is None else configurations_of(earlier[1], search)


def configurations_of(history: History, search: SearchConfig) -> dict[str, list[Values]]:
    """Return name of a condition -> what another search found good: finalists, then best trials.

    A search with one condition helps every condition of another.

    Args:
        history: of the other search.
        search: is to ask for them first: for the finalists, and up to a quarter of its trials.
    """
    good = {}
    for condition in summarise(history).conditions:
        best = different(ranked(condition.search_trials))
        configs = [finalist.config for finalist in condition.scored]
        configs += [trial.config for trial in best if trial.config not in configs]
        most = max(len(condition.scored), round(_SHARE * search.trials))
        good[condition.name] = [
            {
                name: value
                for name in history.config.search
                if (value := getattr(config, name)) is not None
            }
            for config in islice(configs, most)
        ]
    only = next(iter(good.values())) if len(good) == 1 else []
    return {condition.name: good.get(condition.name, only) for condition in search.all_conditions}


def lineage_facts(search: SearchConfig, dataset: Dataset) -> dict[str, Any] | None:
    """Return what a record keeps of the lineage of its data; None where they have none.

    `conditions` has, for each condition of the search before, its leader's metrics by seed; it is
    empty where that search is gone or had another test set.
    """
    earlier = earlier_search(search)
    if earlier is None:
        return None
    lineage, history = earlier
    facts = {
        "version": lineage["version"],
        "sentence": describe_lineage(lineage),
        "changes": len(lineage["changes"]),
        "search": lineage["search"],
        "before": lineage["before"],
        "conditions": {},
    }
    digest = digest_of_test_set(dataset)
    if history is None or digest is None:
        return facts
    if (history.search.get("dataset") or {}).get("test_digest") == digest:
        facts["conditions"] = {
            condition.name: {
                name: [[seed, value] for seed, value in condition.leader.values(name).items()]
                for name in METRICS
            }
            for condition in summarise(history).conditions
            if condition.leader is not None
        }
    return facts
