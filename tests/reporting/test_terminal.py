import io
import re
from typing import Any

import pytest
from rich.console import Console

from tests.support.histories import Builder, epoch
from tune_noise.reporting import condition_tables, summarise
from tune_noise.reporting.findings.effort import efforts


def piped(build: Builder, *, finished: bool = True) -> str:
    """What a pipe gets: 80 columns, no colour."""
    console = Console(file=io.StringIO(), width=80)
    for table in condition_tables(summarise(build.history(finished=finished))):
        console.print(table)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def test_nothing_is_cut_at_80_columns(compared: Builder) -> None:
    text = piped(compared)
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    for figure in ("★", "[1.26, 1.34]", "65.0 ± 1.6", "SE 0.020", "co_teaching", "tau 0.5"):
        assert figure in text
    sentence = re.sub(r"\s+", " ", text)
    assert "paired difference 0.200 [0.180, 0.220] (95 % interval, n = 5 seeds)" in sentence


def test_wide_figures_still_fit(builder: type[Builder]) -> None:
    build = builder(search={"lr": {"loguniform": [1e-4, 1e-2]}})
    build.add_finalist([0.0001, 0.0002, None, 0.00015], lr=0.000123456, model="conv9_small")
    build.add_finalist([1.9, 1.91, 1.92], lr=0.01, method="co_teaching")
    text = piped(build)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80
    assert "3/4" in text
    assert "conv9_small" in text


def test_a_tie_has_no_star(builder: type[Builder]) -> None:
    build = builder()
    build.add_finalist([1.30, 1.10, 1.20])
    build.add_finalist([1.15, 1.25, 1.10])
    assert "★" not in piped(build)


@pytest.mark.parametrize("finished", [True, False])
def test_a_table_without_finalists_says_why(builder: type[Builder], finished: bool) -> None:
    build = builder()
    build.add({"val_information_noisy": 1.0})
    assert "no verdict" in piped(build, finished=finished)


def test_what_was_not_measured_has_no_column(builder: type[Builder]) -> None:
    build = builder(noise="given")
    finalist = build.add({"val_information_noisy": 1.0})
    build.add({"val_information_noisy": 1.0}, finalist=finalist, seed=1)
    assert "test" not in piped(build)


@pytest.mark.parametrize(
    ("fields", "factor"),
    [
        ({"method": "small_loss"}, 1),
        ({"method": "co_teaching", "peers": 3}, 3),
        ({"method": "standard_ensemble"}, 2),
        ({"method": "standard_long"}, 2),
        ({"method": "gmm", "warm_up_epochs": 0}, 8 / 3),
    ],
    ids=str,
)
def test_an_epoch_counts_once_per_network_and_pass(
    builder: type[Builder], fields: dict[str, Any], factor: float
) -> None:
    build = builder(noise="given")
    build.add({"val_information_noisy": 1.0}, **fields)
    [row] = efforts(build.history())
    assert row.network_epochs == round(factor * row.epochs) > 0


def test_two_networks_count_twice_and_a_stack_once(compared: Builder) -> None:
    rows = {(row.stage, row.level): row for row in efforts(compared.history())}
    confirm = rows["confirm", "co_teaching"]
    assert (confirm.epochs, confirm.network_epochs) == (5, 10)
    assert confirm.seconds == 0.5  # five members of one stack
    assert rows["search", "standard"].network_epochs == rows["search", "standard"].epochs
    assert rows["search", "standard"].statuses == {"completed": 1}


def test_a_balanced_objective_is_told_with_balanced_accuracy(builder: type[Builder]) -> None:
    objective = "val_balanced_information_noisy"
    build = builder(objective=objective)
    finalist = build.add(epoch(1.0, **{objective: 0.9}))
    for seed in (1, 2):
        values = {objective: 0.9, f"{objective}_se": 0.02, "test_balanced_accuracy_clean": 0.4}
        build.add(epoch(1.0, **values), finalist=finalist, seed=seed)
    text = piped(build)
    sentence = re.sub(r"\s+", " ", text)
    assert "balanced information 0.90 nats" in sentence
    assert "balanced test accuracy 40.0 %" in sentence
    assert "acc. %, selected" in text
    assert max(map(len, text.splitlines())) <= 80
