"""Which method wins in which condition, does the noisy objective find it, and what helps a start?

    python benchmarks/which_method.py train RESULTS [--given SOURCE ...] [--made-up SOURCE ...]
    python benchmarks/which_method.py search RESULTS [the same]
    python benchmarks/which_method.py show RESULTS
    python benchmarks/which_method.py start RESULTS

A SOURCE is a file as `tune-noise search --data` reads it, with true labels and a test split, which
choose nothing; or `digits`, `cancer` or `tangled`, which scikit-learn has or makes. `train` takes
the labels of those behind --given as they are, draws several kinds of noise for those behind
--made-up, and trains 88 configurations of 11 methods in each condition. Each is one line of the
file RESULTS; a condition that is there is not trained again, so it may be killed at any time.
`search` then runs searches of the space `own` in the same conditions: cold, and with a start from
what did best in the conditions of other data sets. `show` prints the tables, and
`start` what the space `own` asks first.
"""

import argparse
import json
import random
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.criteria.population import Problem
from benchmarks.regimes.conditions import Regime, drawn, regimes, source
from benchmarks.regimes.pool import facts, train_pool
from benchmarks.regimes.replay import WAYS, print_replay, start_of_kind, starts_of_methods
from benchmarks.regimes.searches import print_searches, search
from benchmarks.regimes.study import Study
from benchmarks.regimes.tables import OWN, print_groups, print_methods

# Configurations of each method that a start proposes.
PER_METHOD = 2


def train(options: argparse.Namespace) -> None:
    def row(problem: Problem, regime: Regime, seed: int) -> dict[str, Any]:
        draw = drawn(problem, regime, seed)
        return {"facts": facts(draw), "trials": train_pool(draw, seed)}

    _work(options, Path(options.results), row)


def search_own(options: argparse.Namespace) -> None:
    study = Study.read(Path(options.results))

    def row(problem: Problem, regime: Regime, seed: int) -> dict[str, Any]:
        draw, place = drawn(problem, regime, seed), study.regimes.index(regime)
        starts = {
            way: [study.pool[i] for i in starts_of_methods(study, OWN, way, PER_METHOD)[place]]
            for way in options.ways
        }
        return {
            "cold": search(draw, [], seed),
            **{way: search(draw, start, seed) for way, start in starts.items()},
        }

    _work(options, Path(f"{options.results}.searches"), row, set(study.regimes))


def _work(
    options: argparse.Namespace,
    results: Path,
    work: Callable[[Problem, Regime, int], dict[str, Any]],
    known: set[Regime] | None = None,
) -> None:
    """Append a line for each condition that the file of results does not have."""
    torch.set_num_threads(1)
    # Of scikit-learn: pixels at the edge of digits never vary.
    warnings.simplefilter("ignore", UserWarning)
    started = time.monotonic()
    lines = results.read_text().splitlines() if results.exists() else []
    done = {(Regime(**row["regime"]), row["seed"]) for row in map(json.loads, lines)}
    plan = [
        (problem, regime)
        for paths, is_made_up in ((options.given, False), (options.made_up, True))
        for problem in map(source, paths)
        for regime in regimes(problem, is_made_up=is_made_up)
        if known is None or regime in known
    ]
    # Those that were trained before the end of a limited time are of all kinds.
    random.Random(0).shuffle(plan)
    with results.open("a") as out:
        for problem, regime in plan:
            if (regime, options.seed) in done:
                continue
            if time.monotonic() - started > options.seconds:
                return
            begun = time.process_time()
            row = {"regime": vars(regime), "seed": options.seed}
            row |= work(problem, regime, options.seed)
            row["seconds"] = round(time.process_time() - begun, 1)
            print(json.dumps(row), file=out, flush=True)
            print(f"{regime}: {row['seconds']} s", file=sys.stderr, flush=True)


def show(options: argparse.Namespace) -> None:
    study = Study.read(Path(options.results))
    print(
        f"{len(study.regimes)} conditions of {len(study.pool)} configurations, "
        f"{study.seconds.mean():.0f} CPU seconds a condition, {study.seconds.sum() / 60:.0f} "
        "minutes in all\n"
    )
    print_methods(study)
    print_groups(study)
    print_replay(study)
    if (searches := Path(f"{options.results}.searches")).exists():
        print_searches(searches)


def print_start(options: argparse.Namespace) -> None:
    """Print what a space may ask first, from all conditions of the study."""
    study = Study.read(Path(options.results))
    print("start:")
    for words, is_wide in (("tables", False), ("embeddings", True)):
        print(f"  {words}:")
        for values in start_of_kind(study, is_wide, PER_METHOD):
            print(f"    - {{{', '.join(f'{name}: {value}' for name, value in values.items())}}}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    for name, run in (("train", train), ("search", search_own)):
        command = commands.add_parser(name)
        command.add_argument("results")
        command.add_argument("--given", nargs="*", default=[], metavar="SOURCE")
        command.add_argument("--made-up", nargs="*", default=[], metavar="SOURCE")
        command.add_argument("--seed", type=int, default=0)
        command.add_argument("--seconds", type=float, default=float("inf"), help="begin none after")
        command.add_argument("--ways", nargs="+", default=["test alike"], choices=WAYS)
        command.set_defaults(run=run)
    starting = commands.add_parser("start", help="print the `start` of the space `own`")
    starting.add_argument("results")
    starting.set_defaults(run=print_start)
    showing = commands.add_parser("show")
    showing.add_argument("results")
    showing.set_defaults(run=show)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
