"""Draw the labels that a person checks: at random, each with a known probability above 0.

The labels are divided into strata by whether given and predicted label agree, and then by
suspicion. Each stratum is put into a random order once, and a sample takes the first of it. So it
is a simple random sample of each stratum, whatever its size, and a larger sample holds the smaller
one: the probability of a label is the share of its stratum that was drawn.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from tune_noise.audit.population import Population
from tune_noise.record import Event
from tune_noise.seeding import generator

NUM_STRATA = 10
# However sure networks are, they err in so many cases: a floor of the spread that is expected.
LEAST_CHANCE = 0.005
# The share of labels that is dealt out in proportion to the strata, whatever is expected of them.
PROPORTIONAL = 0.1
# Of each stratum: a spread cannot be told from one.
LEAST_DRAWN = 2


@dataclass(frozen=True)
class Sample:
    """The labels of one condition that a person is to check.

    Attributes:
        condition: its name.
        trial_id: the trial that was cross-fitted.
        seed: of the random order.
        examples: int64 [k], positions in the training set, in the order in which they are shown.
        strata: int64 [k], the stratum of each.
        sizes: int64 [H], how many labels of the population each stratum has.
        draws: how often labels were drawn for it.
        until: the half-width at which no more are drawn, a fraction; None where nobody said one.
        population: digest of the population; labels that were judged again are another one.
    """

    condition: str
    trial_id: str
    seed: int
    examples: np.ndarray
    strata: np.ndarray
    sizes: np.ndarray
    draws: int = 1
    until: float | None = None
    population: str = ""

    @cached_property
    def drawn(self) -> np.ndarray:
        """How many labels of each stratum were drawn, int64 [H]."""
        return np.bincount(self.strata, minlength=len(self.sizes))

    @property
    def inclusion(self) -> np.ndarray:
        """The probability with which each of its labels was drawn, float64 [k]."""
        probabilities = self.drawn / self.sizes
        return np.asarray(probabilities[self.strata])

    def __len__(self) -> int:
        """Return the number of labels."""
        return len(self.examples)


def strata_of(population: Population) -> np.ndarray:
    """Return the stratum of each label of a population, int64 [N] from 0.

    Labels that agree with the prediction and those that do not are apart. Each of the two parts is
    cut by suspicion so that its strata are expected to hold equal sums of standard deviations.
    """
    spread = np.sqrt(expected_variance(population.judgements.suspicion))
    agree = population.judgements.given == population.judgements.predicted
    strata, count = np.zeros(len(population), dtype=np.int64), 0
    for part in (np.flatnonzero(agree), np.flatnonzero(~agree)):
        if not len(part):
            continue
        share = spread[part].sum() / spread.sum()
        number = min(max(1, round(NUM_STRATA * share)), NUM_STRATA - 1, len(part))
        before = (np.cumsum(spread[part]) - spread[part]) / spread[part].sum()
        strata[part] = count + np.minimum((before * number).astype(np.int64), number - 1)
        count += number
    _, numbered = np.unique(strata, return_inverse=True)
    return numbered


def expected_variance(chances: np.ndarray, *, least: float = LEAST_CHANCE) -> np.ndarray:
    """Return the variance of things that happen with these chances, none too sure to happen."""
    moderate = np.clip(chances, least, 1.0 - least)
    return np.asarray(moderate * (1.0 - moderate))


def allocation(population: Population, strata: np.ndarray, labels: int) -> np.ndarray:
    """Return how many labels of each stratum a sample of this size takes, int64 [H].

    Nine tenths go where accuracy of the leader and noise rate are least certain, by Neyman's
    rule for the sum of both variances, each in units of its mean. The others go everywhere.
    """
    sizes = np.bincount(strata)
    relative = np.zeros(len(sizes))
    for chances in (population.judgements.suspicion, population.right(population.predicted)):
        variance = expected_variance(chances)
        relative += np.bincount(strata, variance) / sizes / variance.mean()
    weights = sizes * np.sqrt(relative)
    shares = (1.0 - PROPORTIONAL) * weights / weights.sum() + PROPORTIONAL * sizes / sizes.sum()
    return _whole(shares, sizes, min(labels, len(population)))


def _whole(shares: np.ndarray, sizes: np.ndarray, total: int) -> np.ndarray:
    """Return whole numbers near shares of a total, none above its size and none below the least."""
    least = np.minimum(sizes, LEAST_DRAWN)

    def rounded_down(factor: float) -> np.ndarray:
        return np.asarray(np.clip(np.floor(factor * shares), least, sizes), dtype=np.int64)

    low, high = 0.0, 2.0 * float((sizes / shares).max())
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (middle, high) if rounded_down(middle).sum() <= total else (low, middle)
    counts = rounded_down(low)
    for _ in range(total - int(counts.sum())):
        # What is left goes to the strata that have fewest for their share.
        lack = np.where(counts < sizes, (counts + 0.5) / shares, np.inf)
        counts[lack.argmin()] += 1
    return counts


def draw_sample(
    population: Population,
    *,
    labels: int,
    seed: int,
    before: Sample | None = None,
    until: float | None = None,
) -> Sample:
    """Draw a sample, or enlarge one.

    Args:
        population: what it is drawn from.
        labels: of the whole sample; at most the population.
        seed: of the random order; that of `before` where there is one.
        before: the sample that it holds, of the same population; it is shown first.
        until: the half-width at which no more are drawn; None: what was said before.

    Returns:
        The whole sample. Any first part of it has each stratum nearly in proportion, and which
        labels of a stratum come first is random, so that one may stop anywhere.
    """
    seed = seed if before is None else before.seed
    strata = strata_of(population)
    counts = allocation(population, strata, labels)
    if before is not None:
        counts = np.maximum(counts, before.drawn)
    rows, keys = [], []
    for stratum, count in enumerate(counts):
        random = generator(seed, "audit", population.condition, stratum)
        # By position in the training set, and not by rank: the order says nothing of suspicion.
        members = np.flatnonzero(strata == stratum)
        members = members[np.argsort(population.examples[members])]
        rows.append(random.permutation(members)[:count])
        keys.append((np.arange(count) + random.random(len(members))[:count]) / count)
    drawn = np.concatenate(rows)[np.argsort(np.concatenate(keys), kind="stable")]
    examples = population.examples[drawn]
    if before is not None:
        is_new = ~np.isin(examples, before.examples)
        examples = np.concatenate([before.examples, examples[is_new]])
    drawn = np.array([population.row_of[example] for example in examples.tolist()], dtype=np.int64)
    return Sample(
        condition=population.condition,
        trial_id=population.trial_id,
        seed=seed,
        examples=examples,
        strata=strata[drawn],
        sizes=np.bincount(strata),
        draws=1 if before is None else before.draws + 1,
        until=until if until is not None or before is None else before.until,
        population=population.digest,
    )


def sample_event(sample: Sample, before: Sample | None = None) -> Event:
    """Return the event that records a sample, or what it has more than one before it."""
    first = 0 if before is None else len(before)
    data: dict[str, Any] = {
        "condition": sample.condition,
        "trial_id": sample.trial_id,
        "seed": sample.seed,
        "examples": sample.examples[first:].tolist(),
        "strata": sample.strata[first:].tolist(),
        "sizes": sample.sizes.tolist(),
        "until": sample.until,
        "population": sample.population,
    }
    return Event("audit", data=data)


def add_event(sample: Sample | None, event: Event) -> Sample:
    """Return the sample of a condition after one more event of its record."""
    data = event.data
    examples = np.array(data["examples"], dtype=np.int64)
    strata = np.array(data["strata"], dtype=np.int64)
    if sample is not None and sample.population == data["population"]:
        return replace(
            sample,
            examples=np.concatenate([sample.examples, examples]),
            strata=np.concatenate([sample.strata, strata]),
            draws=sample.draws + 1,
            until=data["until"],
        )
    sizes = np.array(data["sizes"], dtype=np.int64)
    return Sample(
        condition=data["condition"],
        trial_id=data["trial_id"],
        seed=data["seed"],
        examples=examples,
        strata=strata,
        sizes=sizes,
        until=data["until"],
        population=data["population"],
    )
