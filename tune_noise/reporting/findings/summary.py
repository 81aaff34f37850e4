"""The findings of a search: a verdict per condition, and `summary.json`."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from math import inf, isfinite
from typing import Any, Literal

from tune_noise.config.metric_names import sign
from tune_noise.config.search import Condition, SearchConfig
from tune_noise.config.words import class_name
from tune_noise.history.ranking import best_trial, different, ranked
from tune_noise.history.references import ReferenceHistory
from tune_noise.history.replay import History, TrialHistory
from tune_noise.history.time_left import utc
from tune_noise.record.folder import UNLABELLED_CSV, WINNERS
from tune_noise.reporting.findings.classes import (
    KINDS,
    ClassRecalls,
    LabelKind,
    class_recalls,
    never_predicted,
)
from tune_noise.reporting.findings.effort import efforts
from tune_noise.reporting.findings.finalists import Finalist, estimates_to_json, finalists_of
from tune_noise.reporting.findings.importance import Importance, importances
from tune_noise.reporting.findings.noise_estimate import NoiseEstimate, noise_estimate
from tune_noise.reporting.findings.references import Reference, references_of
from tune_noise.reporting.statistics import Estimate
from tune_noise.verdict import Comparison, Standing, challenge_level, looks_of, standing_of

Verdict = Literal["winner", "tie", "nothing_learned"]


@dataclass(frozen=True)
class ConditionSummary:
    """The findings of one condition.

    Attributes:
        name: name of the condition, e.g. `noise_rate=0.45`.
        factors: experimental factor -> value.
        config: the search it belongs to.
        finalists: the leader first, then those on most seeds, best mean objective first, those
            without a result last.
        search_trials: the trials of its search, in the order of asking.
        standing: how the finalists stand by the objective over the fresh seeds.
        is_confirmed: whether every confirmation that is to come has come.
        recorded_suspects: the record's facts of a table of suspects; None where there is none.
        recorded_audit: the record's facts of labels checked by hand; None where there are none.
        class_names: what people read for the classes; None where they are numbers.
        num_unlabelled: examples whose label is missing: the leader predicts them.
        recorded_references: name of a reference model -> what the record says of it.
    """

    name: str
    factors: dict[str, Any]
    config: SearchConfig
    finalists: tuple[Finalist, ...]
    search_trials: tuple[TrialHistory, ...]
    standing: Standing
    is_confirmed: bool
    recorded_suspects: dict[str, Any] | None
    recorded_audit: dict[str, Any] | None = None
    class_names: list[str] | None = None
    num_unlabelled: int = 0
    recorded_references: dict[str, ReferenceHistory] = field(default_factory=dict)

    @cached_property
    def scored(self) -> list[Finalist]:
        """The finalists with at least one fresh seed trained to its end, best first."""
        return [finalist for finalist in self.finalists if finalist.objective is not None]

    @property
    def leader(self) -> Finalist | None:
        """The finalist with the best mean objective of those still in question at the end.

        Only the verdict makes it the winner. None where even this one has learned nothing.
        """
        return self.best if self.best is not None and self.best.has_learned else None

    @property
    def best_without_information(self) -> Finalist | None:
        """The finalist that would be the leader if it had learned anything."""
        return self.best if self.leader is None else None

    @property
    def best(self) -> Finalist | None:
        """The leader, or the finalist that would be it if it had learned anything."""
        return self.scored[0] if self.scored and self.is_confirmed else None

    @property
    def runner_up(self) -> Finalist | None:
        """The second best; None where there is no leader or it is unopposed."""
        return self.scored[1] if len(self.scored) > 1 and self.leader is not None else None

    @cached_property
    def difference(self) -> dict[str, Estimate]:
        """Paired difference, leader minus runner-up, in every metric; empty if unopposed."""
        if self.leader is None or self.runner_up is None:
            return {}
        return self.leader.minus(self.runner_up)

    @property
    def verdict(self) -> Verdict | None:
        """`winner` if every other finalist is separated from the leader; None: too early."""
        if self.best_without_information is not None:
            return "nothing_learned"
        if self.leader is None:
            return None
        return "tie" if self.tied else "winner"

    def is_winner(self, finalist: Finalist) -> bool:
        """Return whether the verdict names this finalist."""
        return finalist is self.leader and self.verdict == "winner"

    @cached_property
    def tied(self) -> list[Finalist]:
        """The finalists that are not separated from the leader; empty where it has won."""
        if self.leader is None:
            return []
        return [finalist for finalist in self.scored if finalist.trial_id in self.standing.tied]

    @property
    def rival(self) -> Finalist | None:
        """The finalist to compare the leader with: the best it is tied with, else the runner-up."""
        return self.tied[0] if self.tied else self.runner_up

    def comparison(self, finalist: Finalist) -> Comparison | None:
        """Return how a finalist was judged: leader minus finalist; None for the leader.

        Unlike `difference` it is in the objective alone, has the interval by which the finalist was
        judged, and counts the seeds that there were at that time.
        """
        comparison = self.standing.comparisons.get(finalist.trial_id)
        if comparison is None or self.leader is None:
            return None
        return replace(comparison, mean=sign(self.config.objective) * comparison.mean)

    @property
    def more_seeds(self) -> float | None:
        """Further seeds that would settle a tie; infinity for never, None where nothing is known.

        The finalist that is hardest to tell from the leader decides.
        """
        numbers: list[float] = []
        for finalist in self.tied:
            number = self.standing.comparisons[finalist.trial_id].more_seeds
            if number is None:
                return None
            numbers.append(number)
        return max(numbers, default=None)

    @cached_property
    def references(self) -> list[Reference]:
        """The reference models, best first; judged against the best finalist, if it has learned."""
        return references_of(
            self.recorded_references,
            self.scored,
            self.config.objective,
            leader=self.best,
            num_tied=len(self.standing.tied),
            error=self._level(num_tied=0),
        )

    @property
    def challenge_level(self) -> float:
        """The error at which the leader may be called better than another search's."""
        return self._level(num_tied=len(self.standing.tied))

    def _level(self, *, num_tied: int) -> float:
        confirm, best = self.config.confirm, self.best
        seeds = confirm.seeds if best is None else len(best.trials)
        return challenge_level(num_tied, seeds, looks_of(confirm.seeds, confirm.max_seeds))

    @property
    def judged_references(self) -> list[Reference]:
        """The reference models with an interval of their difference, best first."""
        comparisons = [(reference, reference.leader_minus_this) for reference in self.references]
        return [r for r, comparison in comparisons if comparison and comparison.sd is not None]

    @property
    def unbeaten_references(self) -> list[Reference]:
        """Those of them that the leader does not clearly beat; the clearly better ones first."""
        unbeaten = [reference for reference in self.judged_references if not reference.is_beaten]
        return sorted(unbeaten, key=lambda reference: not reference.is_ahead_of_all)

    @property
    def suspects(self) -> dict[str, Any] | None:
        """Facts of the leader's table of suspects; None where it is another finalist's table."""
        return self._of_leader(self.recorded_suspects)

    @property
    def audit(self) -> dict[str, Any] | None:
        """What labels checked by hand tell of the leader; None where nothing was checked for it."""
        return self._of_leader(self.recorded_audit)

    def _of_leader(self, facts: dict[str, Any] | None) -> dict[str, Any] | None:
        """Return facts that are about the networks of the leader's first fresh seed."""
        if facts is None or self.leader is None:
            return None
        first = next(iter(self.leader.counted.values()))
        return facts if facts["trial_id"] == first.trial_id else None

    @property
    def unlabelled_file(self) -> str | None:
        """Where the leader's predictions for examples without a label are; None without any."""
        if not self.num_unlabelled or self.leader is None:
            return None
        return f"{WINNERS}/{self.name}/{UNLABELLED_CSV}"

    @property
    def best_search_trial(self) -> TrialHistory | None:
        """The best search trial, not confirmed."""
        return best_trial(self.search_trials)

    @cached_property
    def realised_noise_rate(self) -> float | None:
        """Mean measured share of wrong training labels over the condition's trials, a fraction."""
        trials = [*self.search_trials, *(t for f in self.finalists for t in f.trials)]
        rates = [rate for t in trials if (rate := t.facts.get("realised_noise_rate")) is not None]
        return sum(rates) / len(rates) if rates else None

    @cached_property
    def noise(self) -> NoiseEstimate | None:
        """The leader's estimate of the noise; None where there is no leader."""
        return None if self.leader is None else noise_estimate(self.leader)

    @cached_property
    def recalls(self) -> dict[LabelKind, ClassRecalls]:
        """What becomes of each class with the leader, by kind of label; empty without a leader."""
        if self.leader is None:
            return {}
        recalls = {kind: class_recalls(self.leader, kind, self.class_names) for kind in KINDS}
        return {kind: of_kind for kind, of_kind in recalls.items() if of_kind is not None}

    @cached_property
    def lost_classes(self) -> dict[str, int]:
        """Class that the leader never predicts -> the number of seeds of which that is true."""
        lost = {} if self.leader is None else never_predicted(self.leader)
        return {class_name(k, self.class_names): seeds for k, seeds in lost.items()}

    @cached_property
    def importances(self) -> list[Importance]:
        """The importance of the searched fields by its full-length search trials."""
        return importances(self.search_trials, self.config)

    def level_of(self, finalist: Finalist) -> Any:
        """Return the finalist's level of the compared field; None where nothing is compared."""
        field = self.config.compare
        return None if field is None else getattr(finalist.config, field)

    @cached_property
    def best_of_levels(self) -> dict[str, Finalist | None]:
        """The best finalist by level of the compared field; empty where nothing is compared."""
        if self.config.compare is None:
            return {}
        best: dict[str, Finalist | None] = {_key(level): None for level in self.config.levels}
        return best | {_key(self.level_of(f)): f for f in reversed(self.scored)}

    def to_json(self) -> dict[str, Any]:
        """Return the entry of `summary.json`."""
        difference = {"difference": estimates_to_json(self.difference)}
        return {
            "condition": self.factors,
            "name": self.name,
            "verdict": self.verdict,
            "winner": None if self.leader is None else self.leader.to_json(),
            "runner_up": None if self.runner_up is None else self.runner_up.to_json() | difference,
            "compare": {
                level: None if finalist is None else finalist.to_json()
                for level, finalist in self.best_of_levels.items()
            },
            "finalists": [finalist.to_json() for finalist in self.finalists],
            "tied": [finalist.trial_id for finalist in self.tied],
            "more_seeds": None if self.more_seeds in (None, inf) else self.more_seeds,
            "comparisons": {
                finalist.trial_id: comparison.to_json()
                for finalist in self.scored
                if (comparison := self.comparison(finalist)) is not None
            },
            "search_trials": len(self.search_trials),
            "confirm_trials": sum(len(finalist.trials) for finalist in self.finalists),
            "failed_confirm_trials": sum(finalist.num_failed for finalist in self.finalists),
            "realised_noise_rate": self.realised_noise_rate,
            "noise_estimate": None if self.noise is None else self.noise.to_json(),
            "classes": {kind: recalls.to_json() for kind, recalls in self.recalls.items()}
            | {"never_predicted": self.lost_classes},
            "references": [reference.to_json() for reference in self.references],
            "suspects": self.suspects,
            "audit": self.audit,
            "unlabelled": self.unlabelled_file,
        }


@dataclass(frozen=True)
class Summary:
    """The findings of a search.

    Attributes:
        config: the search.
        search: facts of the search as plain values, as `summary.json` holds them.
        conditions: in the order of the space.
    """

    config: SearchConfig
    search: dict[str, Any]
    conditions: tuple[ConditionSummary, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the content of `summary.json`: plain values, None for a missing figure."""
        return {
            "search": self.search,
            "conditions": [condition.to_json() for condition in self.conditions],
        }


def summarise(history: History) -> Summary:
    """Judge every condition of a search, finished or not."""
    config = history.config
    return Summary(
        config=config,
        search=_search_facts(history),
        conditions=tuple(_condition(history, condition) for condition in config.all_conditions),
    )


def _key(level: Any) -> str:
    """Return a level as a key of `summary.json`: as a space writes it."""
    return "null" if level is None else str(level)


def _condition(history: History, condition: Condition) -> ConditionSummary:
    config, name = history.config, condition.name
    searched = history.of(condition=name, stage="search")
    confirming = history.of(condition=name, stage="confirm")
    standing = standing_of(confirming, config.confirm, no_more=history.finished)
    finalists = finalists_of(history, condition=name, leader=standing.leader)
    data = history.search.get("dataset") or {}
    expected = len(list(islice(different(ranked(searched)), config.num_finalists)))
    return ConditionSummary(
        name=name,
        factors=condition.factors,
        config=config,
        finalists=tuple(finalists),
        search_trials=tuple(searched),
        standing=standing,
        is_confirmed=history.finished or (len(finalists) >= expected and standing.is_over),
        recorded_suspects=history.suspects.get(condition.name),
        recorded_audit=history.audits.get(condition.name),
        class_names=data.get("class_names"),
        num_unlabelled=data.get("unlabelled_examples", 0),
        recorded_references=history.references.get(name, {}),
    )


def _search_facts(history: History) -> dict[str, Any]:
    config, trials = history.config, list(history.trials.values())
    started = min((trial.asked_seconds for trial in trials), default=None)
    ended = [trial.ended_seconds for trial in trials if trial.ended_seconds is not None]
    return {
        "name": config.name,
        "title": config.title,
        "dataset": config.dataset,
        "data": history.search.get("dataset"),
        "noise": config.noise,
        "objective": config.objective,
        "oracle": config.oracle,
        "compare": config.compare,
        "seed": config.seed,
        "trials": config.trials,
        "budget": config.budget,
        "epochs": config.epochs,
        "confirm_seeds": config.confirm.seeds,
        "confirm_max_seeds": config.confirm.max_seeds,
        "started": None if started is None else utc(started),
        "finished": utc(max(ended)) if history.finished and ended else None,
        "versions": history.search.get("versions") or {},
        "commit": history.search.get("commit"),
        "resolution": history.search.get("resolution") or [],
        "lineage": history.search.get("lineage"),
        "efforts": [vars(effort) | {"share": _finite(effort.share)} for effort in efforts(history)],
        "counts": {
            "search": _count(t for t in trials if t.stage == "search"),
            "confirm": _count(t for t in trials if t.stage == "confirm"),
        },
    }


def _finite(share: float) -> float | None:
    return share if isfinite(share) else None


def _count(trials: Iterable[TrialHistory]) -> dict[str, int]:
    return dict(Counter(trial.state for trial in trials))
