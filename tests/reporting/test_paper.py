"""The table for papers: its figures, what is bold, and text that LaTeX takes."""

import re

from scipy.stats import ttest_rel

from tests.support.histories import Builder
from tune_noise.reporting import summarise
from tune_noise.reporting.paper import METRICS, paper_columns, to_latex, to_markdown


def test_the_best_is_bold_and_what_is_worse_is_not(compared: Builder) -> None:
    summaries = {"mine": summarise(compared.history())}
    [column] = paper_columns(summaries, "selected")
    [condition] = summaries["mine"].conditions
    rows = {f.config.method: f.values(METRICS["selected"]) for f in condition.scored}
    seeds = sorted(rows["standard"], key=str)
    p = ttest_rel(*([rows[m][s] for s in seeds] for m in ("co_teaching", "standard"))).pvalue
    leader = max(rows, key=lambda name: sum(rows[name].values()))
    assert column.best == ({leader} if p <= 0.05 else set(rows))
    lines = list(to_markdown([column], "selected"))
    assert lines[0] == "| method | noise_rate=0.45, n = 5 |"
    bold = {re.split(r"`", line)[1] for line in lines if "**" in line}
    assert bold == column.best
    mean = 100 * column.accuracies["standard"].mean
    assert any(f"{mean:.1f}" in line for line in lines if "standard" in line)


def test_a_column_for_each_search_and_condition(many: Builder) -> None:
    summary = summarise(many.history())
    titles = [column.title for column in paper_columns({"a": summary, "b": summary}, "last")]
    assert titles[:2] == ["a, noise_rate=0.0", "a, noise_rate=0.2"]
    assert len(titles) == 6


def test_latex_escapes_what_it_would_read(compared: Builder) -> None:
    columns = paper_columns({"50 % & more_": summarise(compared.history())}, "best")
    lines = list(to_latex([*columns, *columns], "best"))
    text = "\n".join(lines)
    assert r"co\_teaching" in text
    assert r"noise\_rate=0.45" in text
    assert not re.search(r"(?<!\\)[_#%]", "\n".join(lines[1:]))
    for name in ("table", "tabular"):
        assert text.count(f"\\begin{{{name}}}") == text.count(f"\\end{{{name}}}") == 1
    for row in lines[7:-3]:
        if row.strip() != "\\midrule":
            assert len(re.findall(r"(?<!\\)&", row)) == 2
            assert row.endswith(r"\\")
