"""Which criterion chooses best where all labels are noisy, of people and made up?

    python benchmarks/which_criterion.py [SOURCE ...] [--noise KIND RATE] [--draws 5] [--cache DIR]

SOURCE is read as `tune-noise search --data` reads it, and needs true labels and a test split, which
choose nothing; `digits` is that of scikit-learn, and needs no file. Its labels are taken as given,
if some are wrong, and once more for each --noise: made up from the true labels, or, for `shuffled
1`, those that are given, shuffled within each true class, so that they depend on the class alone.
`SOURCE:NOISE:EXAMPLES`, such as "digits:pair 0.45:1200", is one condition alone; @FILE reads them
from the lines of a file, such as those of docs/objective.md, criteria/conditions.txt. Without any
SOURCE all made-up kinds of noise are put on digits, which takes some minutes.

Each draw takes --examples of the examples, and trains some forty configurations on five folds:
simple models, and networks early and late. Then criteria that see noisy labels alone choose from
random dozens of them. The tables say by how many points of test accuracy the chosen one, its folds
averaged, falls short of the best of the dozen, where a tenth, three tenths and all of the labels
vote, all out of fold. With --cache DIR populations are kept, and only new ones are trained.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from scipy.stats import t as student

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.criteria.population import Population, Problem, make_population
from benchmarks.criteria.problems import GIVEN, MADE_UP, SHUFFLED, draw, read
from benchmarks.criteria.rules import shared_errors, shortfalls

# Of the labels that vote, and how often they are drawn anew.
SHARES = {0.1: 3, 0.3: 3, 1.0: 1}


def population(
    source: Problem, noise: str, examples: int, seed: int, cache: Path | None
) -> Population:
    path = None if cache is None else cache / f"{source.name}:{noise}:{examples}:{seed}.npz"
    if path is not None and path.exists():
        with np.load(path) as arrays:
            return Population(**arrays)
    trained = make_population(draw(source, noise, examples=examples, seed=seed), seed)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, **vars(trained))
    return trained


def interval(values: np.ndarray) -> str:
    """The mean and its 95 % t interval."""
    if len(values) < 2:
        return f"{values.mean():.1f}"
    half = student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():.1f} [{values.mean() - half:.1f}, {values.mean() + half:.1f}]"


def print_rows(header: list[str], rows: list[list[str]]) -> None:
    for row in (header, ["--"] * len(header), *rows):
        print(f"| {' | '.join(row)} |")
    print(flush=True)


# Source, noise, and number of examples.
Condition = tuple[str, str, int]
# For each condition and share of voters, each criterion's points and rank correlations.
Results = dict[Condition, dict[float, dict[str, tuple[np.ndarray, np.ndarray]]]]


def conditions_of(
    asked: list[str], noises: list[str], examples: int
) -> Iterator[tuple[Problem, Condition]]:
    """Yield what the command line names, each source read once."""
    sources: dict[str, Problem] = {}
    for text in asked:
        path, *rest = text.split(":")
        if path not in sources:
            sources[path] = read(path)
        source = sources[path]
        if rest:
            noise, number = rest
            yield source, (source.name, noise, int(number))
            continue
        is_noisy = bool((source.labels != source.truth).any())
        for noise in [GIVEN] * is_noisy + noises:
            yield source, (source.name, noise, examples)


def judge(populations: list[Population]) -> dict[float, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Return, for each share of voters and criterion, points [draws] and correlations [draws]."""
    judged = {}
    for share, votes in SHARES.items():
        draws = [shortfalls(one, share, seed) for one in populations for seed in range(votes)]
        judged[share] = {
            name: (
                np.array([points[name][0].mean() for points in draws]),
                np.array([points[name][1] for points in draws]),
            )
            for name in draws[0]
        }
    return judged


def print_tables(title: str, results: Results) -> None:
    """Print the points of each criterion over some conditions, and their difference to information.

    The interval is over conditions.
    """
    print(f"## {title}\n")
    criteria = list(next(iter(results.values()))[1.0])

    def means(share: float, name: str) -> np.ndarray:
        return np.array([judged[share][name][0].mean() for judged in results.values()])

    criteria.sort(key=lambda name: sum(means(share, name).mean() for share in SHARES))
    rows = []
    for name in criteria:
        cells = []
        for share in SHARES:
            worst = max(judged[share][name][0].max() for judged in results.values())
            gain = interval(means(share, name) - means(share, "information"))
            cells += [f"{means(share, name).mean():.1f} ({worst:.1f})", gain]
        ranks = np.mean([judged[1.0][name][1].mean() for judged in results.values()])
        rows.append([name, *cells, f"{ranks:.2f}"])
    shares = [f"{share:.0%} vote" for share in SHARES]
    columns = [column for share in shares for column in (share, "less information's")]
    print_rows(["chosen by", *columns, "rank correlation, all vote"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        fromfile_prefix_chars="@",
    )
    parser.add_argument("sources", nargs="*", help="as --data of a search, or digits")
    parser.add_argument("--noise", nargs=2, action="append", metavar=("KIND", "RATE"), default=[])
    parser.add_argument("--examples", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--cache", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    noises = [" ".join(noise) for noise in options.noise]
    if not options.sources:
        options.sources, noises = ["digits"], noises or list(MADE_UP)
    results: Results = {}
    rows = []
    for source, condition in conditions_of(options.sources, noises, options.examples):
        _, noise, examples = condition
        populations = []
        for seed in range(options.draws):
            populations.append(population(source, noise, examples, seed, options.cache))
            print(f"{source.name}, {noise}: {seed + 1} of {options.draws}", file=sys.stderr)
        results[condition] = judge(populations)
        why = [shared_errors(one) for one in populations]
        mean = {name: np.mean([one[name] for one in why]) for name in why[0]}
        wrong = np.mean([(one.labels != one.truth).mean() for one in populations])
        rows.append(
            [
                source.name,
                noise,
                f"{100 * wrong:.0f}",
                f"{100 * mean['measured']:.0f}",
                f"{100 * mean['expected']:.0f}",
                *(f"{mean[name]:.3f}" for name in ("truth", "best", "most")),
            ]
        )
    print_rows(
        [
            *("data", "noise", "wrong labels (%)", "errors that are the label (%)"),
            *(
                "the same, by class alone (%)",
                "information of the truth",
                "of the best in the test",
            ),
            "the most of all",
        ],
        rows,
    )
    groups: dict[str, Results] = {"Labels as given": {}, "Made-up noise": {}, "Shuffled": {}}
    for key, judged in results.items():
        kinds = {GIVEN: "Labels as given", SHUFFLED: "Shuffled"}
        groups[kinds.get(key[1].split()[0], "Made-up noise")][key] = judged
    both = groups["Labels as given"] | groups["Made-up noise"]
    if groups["Labels as given"] and groups["Made-up noise"]:
        groups["Labels as given and made-up noise"] = both
    for title, part in groups.items():
        if part:
            print_tables(f"{title}: {len(part)} conditions, {options.draws} draws", part)


if __name__ == "__main__":
    main()
