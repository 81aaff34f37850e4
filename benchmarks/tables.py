"""Markdown tables of finished searches, for docs/results.

    python benchmarks/tables.py runs/mnist_pair_flip runs/mnist_symmetric > docs/results/mnist.md

Prints, per condition, every compared level over its fresh seeds, the paired difference to the best,
and what other objectives would have chosen among the same search trials. All of it is read from
the search's own record.
"""

import sys
from pathlib import Path

from tune_noise.history import History
from tune_noise.metrics.names import METRICS
from tune_noise.output import RECORD_FILE
from tune_noise.record import Record
from tune_noise.reporting import ConditionSummary, summarise, verdict_sentence
from tune_noise.reporting.criteria import choices
from tune_noise.reporting.finalists import Finalist
from tune_noise.reporting.statistics import Estimate
from tune_noise.reporting.wording import configuration

COLUMNS = {
    "information (nats)": "val_information_noisy",
    "test, selected epoch (%)": "test_accuracy_clean",
    "test, last epochs (%)": "test_accuracy_clean_last_mean",
    "test, best epoch: oracle (%)": "test_accuracy_clean_best",
    "label precision (%)": "train_label_precision",
    "label recall (%)": "train_label_recall",
}


def main() -> None:
    for folder in map(Path, sys.argv[1:]):
        with Record(folder / RECORD_FILE) as record:
            print_search(History.replay(record.events()))


def print_search(history: History) -> None:
    summary, facts = summarise(history), history.search
    trials = list(history.trials.values())
    ended = max(trial.ended_seconds or 0.0 for trial in trials)
    minutes = (ended - min(trial.asked_seconds for trial in trials)) / 60
    print(f"## {summary.config.title}\n")
    print(
        f"Space `{summary.config.name}`, commit `{facts['commit']}`, {facts['machine']['cpus']} "
        f"CPU cores, {len(trials)} trials, {minutes:.1f} minutes from first ask to last end.\n"
    )
    for condition in summary.conditions:
        print_condition(condition)


def print_condition(condition: ConditionSummary) -> None:
    print(f"### {condition.name}\n\n{verdict_sentence(condition)}\n")
    print_rows(["finalist", "n", *COLUMNS], [finalist_row(f, condition) for f in condition.scored])
    best, *others = condition.scored
    for other in others:
        found = {title: best.minus(other).get(name) for title, name in COLUMNS.items()}
        shown = [f"{title} {cell(e, COLUMNS[title])}" for title, e in found.items() if e]
        print(f"{best.config.method} minus {other.config.method}, paired: {'; '.join(shown)}.\n")
    print("The same search trials judged by other objectives, over all their epochs; one seed:\n")
    rows = [
        [
            "test accuracy itself (oracle)" if choice.is_oracle else f"`{choice.criterion}`",
            configuration(choice.trial.config, condition.config),
            f"{choice.epoch['epoch']:.0f} of {choice.trial.num_epochs}",
            f"{100 * (choice.test_accuracy or 0.0):.1f}",
        ]
        for choice in choices(condition.search_trials)
    ]
    print_rows(["chosen by", "configuration", "epoch", "test accuracy (%)"], rows)


def finalist_row(finalist: Finalist, condition: ConditionSummary) -> list[str]:
    name = configuration(finalist.config, condition.config)
    cells = [cell(finalist.metrics.get(metric), metric) for metric in COLUMNS.values()]
    return [name, str(len(finalist.counted)), *cells]


def cell(found: Estimate | None, metric: str) -> str:
    """Mean ± sample standard deviation and the 95 % t interval."""
    if found is None or found.sd is None or found.ci95 is None:
        return "-"
    base = next(name for name in sorted(METRICS, key=len, reverse=True) if metric.startswith(name))
    factor, places = (100, 1) if METRICS[base].unit == "fraction" else (1, 3)
    low, high = (f"{factor * bound:.{places}f}" for bound in found.ci95)
    return f"{factor * found.mean:.{places}f} ± {factor * found.sd:.{places}f} [{low}, {high}]"


def print_rows(header: list[str], rows: list[list[str]]) -> None:
    for row in (header, ["---"] * len(header), *rows):
        print(f"| {' | '.join(row)} |")
    print()


if __name__ == "__main__":
    main()
