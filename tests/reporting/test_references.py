"""Reference models in sentences, tables, the page and the terminal."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from tests.support.histories import Builder
from tune_noise.reporting import condition_tables, verdict_sentence, write_outputs
from tune_noise.reporting.findings.summary import ConditionSummary, summarise
from tune_noise.reporting.sentences import badge
from tune_noise.reporting.tables import references_table


@pytest.fixture
def build() -> Builder:
    """Two methods, of which co_teaching wins."""
    build = Builder(compare="method", search={"method": {"choice": ["standard", "co_teaching"]}})
    build.add_finalist([1.10, 1.11, 1.09, 1.10, 1.10], method="standard")
    build.add_finalist([1.30, 1.32, 1.28, 1.31, 1.29], method="co_teaching")
    return build


def first(build: Builder) -> ConditionSummary:
    return summarise(build.history()).conditions[0]


def test_without_reference_models_the_sentence_is_what_it_was(build: Builder) -> None:
    sentence = verdict_sentence(first(build))
    assert sentence.startswith("At pair_flip noise_rate 0.2, co_teaching (mlp1) wins: ")
    assert "reference" not in sentence
    assert first(build).to_json()["references"] == []


def test_the_leader_is_better_than_all(build: Builder) -> None:
    build.add_reference("majority", [0.0, 0.01, 0.0, 0.0, 0.01])
    build.add_reference("logistic", [1.20, 1.21, 1.19, 1.20, 1.20], C=0.1, scaling="unit")
    sentence = verdict_sentence(first(build))
    assert sentence.startswith("At pair_flip noise_rate 0.2, co_teaching (mlp1) wins: ")
    assert sentence.endswith(
        "The leader is better than all reference models, of which logistic regression is the "
        "best: information 1.200 nats [1.191, 1.209]; paired difference 0.100 [0.088, 0.112] "
        "(95 % interval, n = 5 seeds)."
    )


def test_no_network_is_better_comes_first(build: Builder) -> None:
    build.add_reference("nearest_mean", [1.5, 1.5, 1.5, 1.5, 1.5])
    build.add_reference("knn", [1.29, 1.33, 1.30, 1.28, 1.31])
    build.add_reference("majority", [0.0] * 5)
    condition = first(build)
    assert [r.name for r in condition.references] == ["nearest_mean", "knn", "majority"]
    assert [r.is_ahead_of_all for r in condition.references] == [True, False, False]
    assert condition.references[0].leader_minus_this is not None
    # 0.05 / 3: any of the three may be ahead by luck.
    assert condition.references[0].leader_minus_this.level == pytest.approx(0.05 / 3)
    assert verdict_sentence(condition) == (
        "At pair_flip noise_rate 0.2, no network is better than the nearest class mean: "
        "information 1.300 nats against 1.500 for the nearest class mean; paired difference -0.200 "
        "[-0.228, -0.172] (98.33 % interval, n = 5 seeds); test accuracy 65.0 % [64.0, 66.0] "
        "against 75.0 %. Nor is one clearly better than k nearest neighbours. Among the networks, "
        "co_teaching (mlp1) wins: information 1.300 nats against 1.100 for standard; paired "
        "difference 0.200 [0.188, 0.212] (95 % interval, n = 5 seeds); test accuracy 65.0 % "
        "[64.0, 66.0] against 55.0 % [54.6, 55.4]."
    )
    assert (condition.verdict, badge(condition)) == ("winner", "best network")


def test_of_one_seed_nothing_is_said(build: Builder) -> None:
    build.add_reference("knn", [9.0])
    assert "neighbours" not in verdict_sentence(first(build))


def test_a_loss_is_better_where_it_is_less() -> None:
    build = Builder(objective="val_loss_noisy")
    build.add_finalist([1.0, 1.1, 1.2], method="standard")  # losses 1.0, 0.9, 0.8
    build.add_reference("knn", [0.4, 0.5, 0.6])
    build.add_reference("logistic", [1.5, 1.6, 1.7])
    condition = first(build)
    assert [r.name for r in condition.references] == ["logistic", "knn"]
    assert [r.standing for r in condition.references] == [
        "ahead of all networks",
        "behind the leader",
    ]
    comparison = condition.references[0].leader_minus_this
    assert comparison is not None
    assert comparison.mean == pytest.approx(0.5)


def test_where_nothing_was_learned_a_reference_model_may_have() -> None:
    build = Builder()
    build.add_finalist([0.001, -0.002, 0.0, 0.001, 0.002])
    build.add_reference("knn", [0.4, 0.41, 0.39, 0.4, 0.42])
    sentence = verdict_sentence(first(build))
    assert sentence.startswith("At pair_flip noise_rate 0.2, no network is better than k nearest")
    assert "Among the networks, nothing was learned" in sentence


def test_all_outputs_have_them(build: Builder, tmp_path: Path) -> None:
    build.add_reference("knn", [1.29, 1.33, 1.30, 1.28, 1.31], k=25, scaling="unit")
    build.add_reference("boosting", [], problem="it takes features")
    summary = write_outputs(build.history(), tmp_path)
    [entry] = json.loads((tmp_path / "summary.json").read_text())["conditions"]
    knn, boosting = entry["references"]
    assert (knn["settings"], knn["examples"]) == ({"k": 25, "scaling": "unit"}, 880)
    assert knn["leader_minus_this"]["is_separated"] is False
    assert (boosting["problem"], boosting["metrics"]) == ("it takes features", {})
    page = (tmp_path / "report.html").read_text()
    assert "reference model, k 25, scaling unit, learned 880 of 1,257 examples" in page
    assert "left out: gradient boosting (it takes features)" in page
    rows = (tmp_path / "tables" / "references.csv").read_text().splitlines()
    assert rows[-1].startswith("all,boosting,,,,it takes features")
    assert [row["metric"] for row in references_table(summary).rows[:-1]][-1] == "leader_minus_this"
    console = Console(width=80)
    with console.capture() as capture:
        console.print(condition_tables(summary)[0])
    text = capture.get()
    assert "· knn" in " ".join(text.split())
    assert "boosting" not in text
    assert max(map(len, text.splitlines())) <= 80
