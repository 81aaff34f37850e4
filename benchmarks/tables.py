"""Markdown tables of finished searches, for docs/results.

    python benchmarks/tables.py runs/mnist_pair_flip runs/mnist_symmetric
    python benchmarks/tables.py --pool runs/pair_flip runs/pair_flip_1 runs/pair_flip_2
    python benchmarks/tables.py --brief runs/rolnick_uniform

Prints, per condition, every compared level over its fresh seeds, the paired difference to the best,
and what other objectives would have chosen among the same search trials. With --pool, of repeats
of one space with other seeds: the paired differences of compared levels over the fresh seeds of
them all, and the price of honesty: how the choice by each objective tests, a search each. With
--brief, a row per condition and finalist, and nothing else. All of it is read from the searches'
own records.
"""

import sys
from collections.abc import Hashable
from itertools import combinations
from pathlib import Path

from tune_noise.config.metric_names import METRICS
from tune_noise.config.words import configuration
from tune_noise.history.replay import History
from tune_noise.record import RECORD_FILE, Record
from tune_noise.reporting import ConditionSummary, Summary, summarise, verdict_sentence
from tune_noise.reporting.findings.criteria import ORACLE, choices
from tune_noise.reporting.findings.finalists import Finalist
from tune_noise.reporting.statistics import Estimate, estimate, paired_difference

COLUMNS = {
    "information (nats)": "val_information_noisy",
    "test, selected epoch (%)": "test_accuracy_clean",
    "test, last epochs (%)": "test_accuracy_clean_last_mean",
    "test, best epoch: oracle (%)": "test_accuracy_clean_best",
    "label precision (%)": "train_label_precision",
    "label recall (%)": "train_label_recall",
}
FINALIST_COLUMNS = ["finalist", "n", *COLUMNS, "network-epochs a seed", "seconds a seed"]


def main() -> None:
    folders = [Path(argument) for argument in sys.argv[1:] if not argument.startswith("--")]
    histories = [read(folder) for folder in folders]
    if "--pool" in sys.argv:
        summaries = [summarise(history) for history in histories]
        print_pooled(summaries)
        print_price_of_honesty(summaries)
        return
    if "--brief" in sys.argv:
        for history in histories:
            print_brief(summarise(history))
        return
    for history in histories:
        print_search(history)


def read(folder: Path) -> History:
    with Record(folder / RECORD_FILE) as record:
        return History.replay(record.events())


def print_pooled(summaries: list[Summary]) -> None:
    """Level minus level, paired by fresh seed, over all searches; seeds must not repeat."""
    rows = []
    for position, condition in enumerate(summaries[0].conditions):
        repeats = [summary.conditions[position].best_of_levels for summary in summaries]
        for first, second in combinations(condition.best_of_levels, 2):
            shown = [
                cell(pooled(repeats, first, second, metric), metric) for metric in COLUMNS.values()
            ]
            n = sum(len(repeat[first].counted) for repeat in repeats)
            rows.append([f"{condition.name}: {first} minus {second}", str(n), *shown])
    print_rows(["paired difference", "n", *COLUMNS], rows)


def pooled(
    repeats: list[dict[str, Finalist]], first: str, second: str, metric: str
) -> Estimate | None:
    left: dict[Hashable, float] = {}
    right: dict[Hashable, float] = {}
    for repeat in repeats:
        values = repeat[first].values(metric)
        if left.keys() & values.keys():
            sys.exit("error: --pool needs searches with different seeds: two share a fresh seed")
        left |= values
        right |= repeat[second].values(metric)
    return paired_difference(left, right)


def print_price_of_honesty(summaries: list[Summary]) -> None:
    """Test accuracy of what each objective chooses among a search's trials, and its loss by that.

    Each search is one value: it has one noise seed, and its trials are its own.
    """
    rows = []
    for position, condition in enumerate(summaries[0].conditions):
        chosen: dict[str, dict[Hashable, float]] = {}
        for number, summary in enumerate(summaries):
            for choice in choices(summary.conditions[position].search_trials):
                if choice.test_accuracy is not None:
                    chosen.setdefault(choice.criterion, {})[number] = choice.test_accuracy
        for criterion, values in chosen.items():
            price = paired_difference(chosen[ORACLE], values)
            shown = [cell(found, ORACLE) for found in (estimate(list(values.values())), price)]
            name = "test accuracy itself (oracle)" if criterion == ORACLE else f"`{criterion}`"
            rows.append([condition.name, name, str(len(values)), *shown])
    titles = [
        "condition",
        "chosen by",
        "searches",
        "test accuracy (%)",
        "below the oracle (points)",
    ]
    print_rows(titles, rows)


def print_brief(summary: Summary) -> None:
    rows = [
        [condition.name, *finalist_row(finalist, condition)]
        for condition in summary.conditions
        for finalist in condition.scored
    ]
    print_rows(["condition", *FINALIST_COLUMNS], rows)


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
    print_rows(FINALIST_COLUMNS, [finalist_row(f, condition) for f in condition.scored])
    best, *others = condition.scored
    for other in others:
        found = {title: best.minus(other).get(name) for title, name in COLUMNS.items()}
        shown = [f"{title} {cell(e, COLUMNS[title])}" for title, e in found.items() if e]
        names = [configuration(f.config, condition.config) for f in (best, other)]
        print(f"{' minus '.join(names)}, paired: {'; '.join(shown)}.\n")
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
    return [name, str(len(finalist.counted)), *cells, *cost(finalist)]


def cost(finalist: Finalist) -> tuple[str, str]:
    """Passes of one network through the data, and training time, both per fresh seed.

    The time is that of the stack that its seeds were trained in, on a core that is seldom alone:
    compare it within one search.
    """
    trials = list(finalist.counted.values())
    passes = [t.num_epochs * t.config.epoch_cost for t in trials]
    stacks: dict[str, float] = {}
    for trial in trials:
        stacks[trial.stack_id] = max(stacks.get(trial.stack_id, 0.0), trial.epochs[-1]["seconds"])
    return f"{sum(passes) / len(trials):.0f}", f"{sum(stacks.values()) / len(trials):.0f}"


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
