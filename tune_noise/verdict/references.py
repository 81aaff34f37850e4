"""The leader against reference models: who is ahead, and is any network better than they are?

Two claims may be made: that the leader is better than all reference models, and that no network is
better than one of them. Together they are wrong in at most `ERROR` of searches, whatever the number
of reference models and finalists.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tune_noise.verdict.comparisons import Floats, p_values, paired, standard_error
from tune_noise.verdict.standing import Comparison, group_table

Without = Mapping[str, Mapping[Hashable, Sequence[float]]]


@dataclass(frozen=True)
class ReferenceComparison:
    """A reference model against the networks.

    Attributes:
        comparison: leader minus reference model. It is separated where its interval excludes 0, to
            either side.
        is_ahead_of_all: whether no network is better: every finalist is behind it, each at the
            level of the comparison.
    """

    comparison: Comparison
    is_ahead_of_all: bool

    @property
    def is_beaten(self) -> bool:
        """Whether the leader is better."""
        return self.comparison.is_separated and self.comparison.mean > 0.0


def compare_references(
    finalists: Mapping[str, Mapping[Hashable, float]],
    references: Mapping[str, Mapping[Hashable, float]],
    *,
    leader: str,
    num_tied: int,
    error: float,
    without: Without | None = None,
) -> dict[str, ReferenceComparison]:
    """Judge each reference model by paired t tests over the seeds that it shares with finalists.

    A reference model that is behind the leader is judged at the leader's error, shared with those
    it is tied with: it is the best of them partly by luck. That the leader is better than all of
    the models needs no correction for their number, as all comparisons must succeed. One that is
    ahead of the leader may be the best of all models by luck, so it is judged at its share of the
    error; that it is ahead of all finalists needs no correction for theirs [1].

    Args:
        finalists: name -> seed -> score, larger is better; each has at least one.
        references: the same of the reference models.
        leader: the best of the finalists.
        num_tied: finalists that are not separated from the leader.
        error: of the look that decided between the finalists.
        without: name -> seed -> the score without each group of validation labels, of finalists and
            reference models, where all seeds share these; see `comparisons.compare`.

    Reference:
        [1] R. L. Berger, Technometrics 24, 1982: intersection-union tests.
    """
    if not references:
        return {}
    seeds = list(dict.fromkeys(seed for scores in references.values() for seed in scores))
    networks, table = _table(finalists, seeds), _table(references, seeds)
    groups = None if without is None else _group_differences(finalists, references, seeds, without)
    n, mean, sd, label_error, freedom = paired(networks[:, None] - table[None], groups)
    error_of_mean = standard_error(n, sd, label_error)
    first = list(finalists).index(leader)
    level = np.where(mean[first] < 0.0, error / len(references), error / (1 + num_tied))
    is_separated = p_values(n, np.abs(mean), error_of_mean, freedom)[first] <= level
    is_ahead = p_values(n, -mean, error_of_mean, freedom) <= level
    return {
        name: ReferenceComparison(
            Comparison(
                against=leader,
                n=int(n[first, i]),
                mean=float(mean[first, i]),
                sd=float(sd[first, i]) if n[first, i] > 1 else None,
                label_error=float(label_error[first, i]),
                freedom=float(freedom[first, i]),
                level=float(level[i]),
                is_separated=bool(is_separated[i]),
            ),
            is_ahead_of_all=bool(is_ahead[:, i].all()),
        )
        for i, name in enumerate(references)
    }


def _table(scores: Mapping[str, Mapping[Hashable, float]], seeds: Sequence[Hashable]) -> Floats:
    return np.array([[row.get(seed, np.nan) for seed in seeds] for row in scores.values()])


def _group_differences(
    finalists: Iterable[str], references: Iterable[str], seeds: Sequence[Hashable], without: Without
) -> Floats | None:
    """Return finalists minus references, without each group, [finalists, references, n, G]."""
    names = [*finalists, *references]
    table = group_table(without, names, seeds)
    if table is None:
        return None
    num_finalists = len(list(finalists))
    return np.asarray(table[0, :num_finalists, None] - table[:, num_finalists:])
