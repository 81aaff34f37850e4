"""How often a verdict is right, on simulated searches whose truth is known.

    python benchmarks/verdicts.py [SEARCHES]

The finalists of a simulated search get scores on fresh seeds: a true mean each, plus noise with a
given standard deviation of paired differences. The package's own code judges them, once after a
fixed number of seeds and look by look (`confirm: {seeds: 3, max_seeds: 10}`). Prints Markdown
tables: how often a winner is named though the best are equal, how often a truly best finalist is
called worse, how often a true winner is found, how many seeds that takes, how often a sentence
about reference models is wrong, and how often one of two equal searches takes @champion from the
other or is said to be ahead of it. The default is 20,000 searches a row, a quarter of that for the
last two; the brackets are 95 % Wilson intervals of that simulation.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tune_noise.training.noise_findings import GROUPS
from tune_noise.verdict import challenge, challenge_level, compare_references, decide
from tune_noise.verdict.comparisons import ERROR, Bools, Floats, Integers, compare, still_in_race
from tune_noise.verdict.looks import Look, is_over, looks_of
from tune_noise.verdict.two_samples import difference_of

SEARCHES = 20_000
ROOT_SEED = 20260
MAX_SEEDS = 10
LOOKS = looks_of(3, MAX_SEEDS)
FIXED, SEQUENTIAL = ("3 seeds", "5 seeds", "10 seeds"), "sequential, 3 to 10"
Z = 1.959964

Noise = Callable[[np.random.Generator, tuple[int, int, int]], Floats]


@dataclass(frozen=True)
class Outcome:
    """What B searches said.

    Attributes:
        leader: position of the leader, int [B].
        has_winner: whether it won, bool [B].
        stays: who is the leader or tied with it, bool [B, k].
        seeds: spent on each finalist, int [B, k].
    """

    leader: Integers
    has_winner: Bools
    stays: Bools
    seeds: Integers


def judge(scores: Floats, looks: list[Look], without: Floats | None = None) -> Outcome:
    """The verdicts on scores [B, k, n], as `verdict.decide` comes to them."""
    size, k, _ = scores.shape
    stays, spent = np.ones((size, k), dtype=bool), np.zeros((size, k), dtype=np.intp)
    leader, open_ones = np.zeros(size, dtype=np.intp), np.arange(size)
    for look in looks:
        in_race = stays[open_ones]
        spent[open_ones] = np.where(in_race, look.num_seeds, spent[open_ones])
        seeds = (open_ones, slice(None), slice(look.num_seeds))
        groups = None if without is None else without[seeds]
        comparisons = compare(scores[seeds], in_race, error=look.error, without=groups)
        leader[open_ones], stays[open_ones] = comparisons.leader, still_in_race(comparisons)
        open_ones = open_ones[~is_over(comparisons, look, looks[-1])]
        if not len(open_ones):
            break
    return Outcome(leader, stays.sum(axis=1) == 1, stays, spent)


# Noise: float64 [B, k, n] with a mean of 0. The paired difference of two finalists has a standard
# deviation of 1, or for those of unequal spread a root mean square of 1 over all pairs.


def normal(rng: np.random.Generator, shape: tuple[int, int, int]) -> Floats:
    return rng.standard_normal(shape) / np.sqrt(2.0)


def heavy_tailed(rng: np.random.Generator, shape: tuple[int, int, int]) -> Floats:
    """Student's t with 3 degrees of freedom: now and then a seed far off, to either side."""
    return rng.standard_t(3, shape) / np.sqrt(6.0)


def unequal(rng: np.random.Generator, shape: tuple[int, int, int]) -> Floats:
    """Standard deviations from 1 to 10: those of one table of docs/results differ as much."""
    spread = np.geomspace(1.0, 10.0, shape[1])
    return _scaled(rng.standard_normal(shape) * spread[:, None], spread)


def one_unsteady(rng: np.random.Generator, shape: tuple[int, int, int]) -> Floats:
    """The first finalist scatters ten times as much as the others."""
    spread = np.where(np.arange(shape[1]) == 0, 10.0, 1.0)
    return _scaled(rng.standard_normal(shape) * spread[:, None], spread)


def kinship(rng: np.random.Generator, shape: tuple[int, int, int]) -> Floats:
    """Finalists that share their luck: random correlations, another set for each search."""
    size, k, n = shape
    mixing = rng.standard_normal((size, k, k)) / np.sqrt(2.0 * k)
    return np.asarray(mixing @ rng.standard_normal((size, k, n)))


def skewed(rng: np.random.Generator, shape: tuple[int, int, int]) -> Floats:
    """The first finalist collapses on one seed in ten; the others never do."""
    noise = 0.25 * rng.standard_normal(shape)
    noise[:, 0] += 0.1 * 3.0 - 3.0 * (rng.random((shape[0], shape[2])) < 0.1)
    return noise


def shared_labels(
    rng: np.random.Generator, shape: tuple[int, int, int], ratio: float
) -> tuple[Floats, Floats]:
    """Seeds that share their validation labels, which favour this finalist or that by chance.

    Args:
        rng: of the simulation.
        shape: B, k, n.
        ratio: of the error by the labels to the spread between seeds.

    Returns:
        Scores, float64 [B, k, n], and the same without each of the groups of labels, [B, k, n, G].
    """
    size, k, _ = shape
    of_seeds = normal(rng, shape)[..., None]
    # The error of a mean over the groups is `ratio` for a difference.
    of_labels = rng.standard_normal((size, k, 1, GROUPS)) * ratio * np.sqrt(GROUPS / 2.0)
    values = of_seeds + of_labels
    scores = values.mean(axis=3)
    return scores, (GROUPS * scores[..., None] - values) / (GROUPS - 1)


def _scaled(noise: Floats, spread: Floats) -> Floats:
    squares = spread**2
    return noise / np.sqrt(2.0 * squares.mean())


KINDS: dict[str, Noise] = {
    "normal": normal,
    "heavy tails (t, 3 df)": heavy_tailed,
    "spreads 1 to 10": unequal,
    "one unsteady": one_unsteady,
    "random correlations": kinship,
}


def rate(hits: Bools) -> str:
    """`4.9 [4.3, 5.6]`: percent with the Wilson interval."""
    n, share = len(hits), float(np.mean(hits))
    centre = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
    return f"{100 * share:.1f} [{100 * max(0.0, centre - half):.1f}, {100 * (centre + half):.1f}]"


def worst_exclusion(outcome: Outcome, best: Bools) -> str:
    """How often a best finalist is called worse: of those that are best, the most often."""
    excluded = ~outcome.stays[:, best]
    return rate(excluded[:, int(excluded.mean(axis=0).argmax())])


def seeds_per_finalist(outcome: Outcome) -> str:
    return f"{outcome.seeds.mean():.1f}"


def print_header(columns: list[str]) -> None:
    print(f"| {' | '.join(columns)} |\n{'| --- ' * len(columns)}|")


def fixed(num_seeds: int) -> list[Look]:
    return looks_of(num_seeds, None)


def print_ties(rng: np.random.Generator, searches: int) -> None:
    """All finalists are equal: every winner is wrong."""
    columns = ["finalists", "noise", *FIXED, SEQUENTIAL, "seeds spent", "a best one called worse"]
    print_header(columns)
    for k in (2, 3, 5, 18):
        for name, noise in KINDS.items():
            scores = noise(rng, (searches, k, MAX_SEEDS))
            outcomes = [judge(scores, fixed(n)) for n in (3, 5, MAX_SEEDS)]
            looked = judge(scores, LOOKS)
            wrong = [rate(outcome.has_winner) for outcome in (*outcomes, looked)]
            everyone = np.ones(k, dtype=bool)
            excluded = worst_exclusion(
                max(outcomes, key=lambda o: float((~o.stays).mean())), everyone
            )
            row = [str(k), name, *wrong, seeds_per_finalist(looked), excluded]
            print(f"| {' | '.join(row)} |")
    print()


def print_power(rng: np.random.Generator, searches: int) -> None:
    """One finalist is better than all others, which are equal: the hardest such truth."""
    head = ["sd of the difference", "ahead by", "finalists"]
    print_header([*head, *FIXED, SEQUENTIAL, "seeds spent", "wrong winner"])
    for spread in (0.4, 1.0, 3.0):
        for ahead in (0.5, 1.0):
            for k in (2, 5, 18):
                means = np.where(np.arange(k) == 0, ahead, 0.0)
                scores = means[:, None] + spread * normal(rng, (searches, k, MAX_SEEDS))
                outcomes = [judge(scores, looks) for looks in (*map(fixed, (3, 5, 10)), LOOKS)]
                right = [rate(outcome.has_winner & (outcome.leader == 0)) for outcome in outcomes]
                wrong = max(float(np.mean(o.has_winner & (o.leader != 0))) for o in outcomes)
                head = [f"{spread:g}", f"{ahead:g}", str(k)]
                row = [*head, *right, seeds_per_finalist(outcomes[-1]), f"{100 * wrong:.1f}"]
                print(f"| {' | '.join(row)} |")
    print()


def print_staggered(rng: np.random.Generator, searches: int) -> None:
    """The best two are equal, the others one point apart each: where seeds are best spent."""
    columns = ["wrong winner, 10 seeds", "sequential", "a best one called worse, sequential"]
    columns += ["leader and tied, 10 seeds", "sequential", "seeds spent"]
    print_header(["sd of the difference", "finalists", *columns])
    for spread in (0.4, 1.0, 3.0):
        for k in (3, 5, 18):
            means = -np.maximum(0.0, np.arange(k) - 1.0)
            scores = means[:, None] + spread * normal(rng, (searches, k, MAX_SEEDS))
            whole, looked = judge(scores, fixed(MAX_SEEDS)), judge(scores, LOOKS)
            best = means == 0.0
            row = [f"{spread:g}", str(k), rate(whole.has_winner), rate(looked.has_winner)]
            row += [worst_exclusion(looked, best), f"{whole.stays.sum(axis=1).mean():.1f}"]
            row += [f"{looked.stays.sum(axis=1).mean():.1f}", seeds_per_finalist(looked)]
            print(f"| {' | '.join(row)} |")
    print()


def print_references(rng: np.random.Generator, searches: int) -> None:
    """Finalists and reference models that are all equal: either claim about them is wrong."""
    columns = ["none is better, wrongly", "all are beaten, wrongly", "either"]
    print_header(["finalists", "models", "noise", *columns])
    for k, m in ((1, 1), (1, 5), (2, 1), (2, 5), (5, 5)):
        for kind, noise in KINDS.items():
            claims = np.array([wrong_claims(s, k) for s in noise(rng, (searches, k + m, 5))])
            ahead, beaten = claims.T
            row = [str(k), str(m), kind, rate(ahead), rate(beaten), rate(ahead | beaten)]
            print(f"| {' | '.join(row)} |")
    print()


def wrong_claims(scores: Floats, num_finalists: int) -> tuple[bool, bool]:
    """Whether "no network is better" is said of any model, and "the leader is better" of all."""
    rows = {str(number): dict(enumerate(row)) for number, row in enumerate(scores)}
    finalists = {name: rows.pop(name) for name in map(str, range(num_finalists))}
    standing = decide(finalists, range(scores.shape[1]), fixed(scores.shape[1]))
    judged = compare_references(
        finalists,
        rows,
        leader=str(standing.leader),
        num_tied=len(standing.tied),
        error=ERROR,
    ).values()
    return any(one.is_ahead_of_all for one in judged), all(one.is_beaten for one in judged)


def print_limit(rng: np.random.Generator, searches: int) -> None:
    """Two finalists of equal mean, of which one collapses on one seed in ten."""
    print_header(["seeds", "wrong winner"])
    scores = skewed(rng, (searches, 2, 100))
    for n in (3, 5, 10, 30, 100):
        print(f"| {n} | {rate(judge(scores[:, :, :n], fixed(n)).has_winner)} |")
    print()


def print_shared_labels(rng: np.random.Generator, searches: int) -> None:
    """All finalists are equal, and all seeds have the same validation labels."""
    columns = ["finalists", "labels / seeds", "by seeds alone, 5 seeds", *FIXED, SEQUENTIAL]
    print_header([*columns, "a best one called worse"])
    for k in (2, 5):
        for ratio in (0.0, 0.3, 1.0, 3.0, 10.0):
            scores, without = shared_labels(rng, (searches, k, MAX_SEEDS), ratio)
            blind = judge(scores, fixed(5))
            outcomes = [judge(scores, fixed(n), without) for n in (3, 5, MAX_SEEDS)]
            looked = judge(scores, LOOKS, without)
            wrong = [rate(outcome.has_winner) for outcome in (blind, *outcomes, looked)]
            excluded = worst_exclusion(looked, np.ones(k, dtype=bool))
            print(f"| {' | '.join([str(k), f'{ratio:g}', *wrong, excluded])} |")
    print()


def print_searches(rng: np.random.Generator, searches: int) -> None:
    """Print claims about two searches of equal finalists, judged by the same labels."""
    columns = ["is @champion, by seeds alone", "by both", "is ahead, by seeds alone", "by both"]
    print_header(["finalists", "seeds", "shared by the searches", "labels / seeds", *columns])
    for sizes in ((1, 1), (5, 1), (1, 5)):
        for num_seeds in (3, 5):
            for is_paired in (True, False):
                for ratio in (0.0, 0.3, 1.0, 3.0, 10.0):
                    shape = (searches, sum(sizes), num_seeds)
                    drawn = zip(*shared_labels(rng, shape, ratio), strict=True)
                    claims = np.array([search_claims(*one, sizes[0], is_paired) for one in drawn])
                    shared = "yes" if is_paired else "no"
                    row = [f"{sizes[0]} and {sizes[1]}", str(num_seeds), shared, f"{ratio:g}"]
                    print(f"| {' | '.join([*row, *map(rate, claims.T)])} |")
    print()


def search_claims(
    scores: Floats, without: Floats, num_new: int, is_paired: bool
) -> tuple[bool, bool, bool, bool]:
    """Return whether the first finalists' leader becomes champion, and whether one is ahead.

    Each by the seeds alone, then by the labels, too.
    """
    num_seeds = scores.shape[1]
    by_seed, means, levels = [], [], []
    for part in (slice(num_new), slice(num_new, None)):
        rows = {str(number): dict(enumerate(row)) for number, row in enumerate(scores[part])}
        groups = {n: dict(enumerate(row)) for n, row in zip(rows, without[part], strict=True)}
        standing = decide(rows, range(num_seeds), fixed(num_seeds), without=groups)
        leader = str(standing.leader)
        first = 0 if is_paired or not by_seed else num_seeds
        by_seed.append({first + seed: value for seed, value in rows[leader].items()})
        means.append(without[part][int(leader)].mean(axis=0))
        levels.append(challenge_level(len(standing.tied), num_seeds, fixed(num_seeds)))
    new, old = by_seed
    won, ahead = [], []
    for groups_of in ((None, None), tuple(means)):
        won.append(challenge(new, old, level=levels[0], without=groups_of).is_won)
        difference = difference_of(new, old, without=groups_of)
        interval = difference.interval(levels[0] if difference.mean > 0.0 else levels[1])
        ahead.append(not interval[0] <= 0.0 <= interval[1])
    return won[0], won[1], ahead[0], ahead[1]


def main() -> None:
    searches = int(sys.argv[1]) if len(sys.argv) > 1 else SEARCHES
    rng = np.random.default_rng(ROOT_SEED)
    print(f"{searches:,} searches a row, root seed {ROOT_SEED}.\n")
    for part in (print_ties, print_power, print_staggered, print_limit, print_shared_labels):
        part(rng, searches)
    # One search at a time, by the code that judges a real one.
    print_references(rng, searches // 4)
    print_searches(np.random.default_rng(ROOT_SEED + 1), searches // 4)


if __name__ == "__main__":
    main()
