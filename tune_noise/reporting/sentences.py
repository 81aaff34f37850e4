"""The answers in words: one sentence per condition, the same in the page and in the terminal."""

from math import inf

from tune_noise.config.metric_names import METRICS
from tune_noise.config.words import configuration
from tune_noise.history.replay import TrialHistory
from tune_noise.record.folder import UNLABELLED_CSV, WINNERS
from tune_noise.reporting.findings.finalists import Finalist
from tune_noise.reporting.findings.references import Reference
from tune_noise.reporting.findings.summary import ConditionSummary, Summary
from tune_noise.reporting.statistics import Estimate, judged
from tune_noise.reporting.wording import (
    condition_in_words,
    decimals,
    difference,
    interval_name,
    level_in_words,
    number,
    objective_name,
    scale,
    standard_error,
    unit,
    with_interval,
)
from tune_noise.verdict import Comparison

# The most that a tie names beside the leader and its rival; and the most seeds worth counting.
MAX_NAMED = 3
MAX_SEEDS_NAMED = 1000
TEST_ACCURACY = "test_accuracy_clean"
BALANCED_TEST_ACCURACY = "test_balanced_accuracy_clean"
RENAMED_MEANING = (
    "renamed: the best one-to-one match of predicted classes and noisy labels is not the "
    "identity, so the network may have learnt the classes under each other's names; the objective "
    "cannot see this, and the result is not to be trusted without some clean labels."
)
_LIMITS = {
    "val_information_noisy": (
        "It assumes noise that depends on the class alone, and it is blind to a consistent "
        "renaming of classes: with more than half of a class flipped to one other, no criterion "
        "without clean labels can tell. It compares hard predictions, so it says nothing of "
        "calibration."
    ),
    "val_information_soft_noisy": (
        "As information, it assumes noise that depends on the class alone, and it is blind to a "
        "consistent renaming of classes. It counts predicted probabilities, so a network that is "
        "unsure everywhere tells less than one that is sure and right."
    ),
    "val_balanced_information_noisy": (
        "As information, it assumes noise that depends on the class alone, and it is blind to a "
        "consistent renaming of classes. Each class of noisy labels has the same weight; the "
        "labels of a rare class are mostly wrong where a common class is often mistaken for it."
    ),
    "val_balanced_accuracy_noisy": (
        "Of two classes it moves with the clean balanced accuracy along a line; of more it is "
        "right in the limit for noise that leaves the true class the most frequent label, among "
        "labels that are made equally frequent. It hardly moves at pair 45 %."
    ),
    "val_accuracy_noisy": (
        "It is right in the limit for noise that leaves the true class the most frequent label. "
        "Its slope against clean accuracy is small (0.44 at symmetric 50 %, about 0.10 at pair "
        "45 %), so a validation set of ordinary size can hardly see the difference."
    ),
    "val_loss_noisy": (
        "It punishes a confident network that ignores wrong labels for each of them. So it may "
        "prefer a network that is unsure to one that is right."
    ),
}


def objective_meaning(objective: str) -> str:
    """Return what the objective measures, with unit, direction and limits."""
    metric = METRICS[objective]
    better = "more is better" if metric.direction == "max" else "less is better"
    heading = f"{objective_name(objective)} ({objective}, {unit(objective)}; {better})"
    return f"{heading}: {metric.meaning}. {_LIMITS.get(objective, '')}".strip()


def verdict_sentence(condition: ConditionSummary) -> str:
    """Return the answer for one condition, as far as there is one."""
    parts = [
        _unbeaten(condition),
        _answer(condition),
        _beaten(condition),
        _left_out(condition),
        _renamed(condition),
        _lost(condition),
    ]
    return " ".join(part for part in parts if part)


def unlabelled_sentence(summary: Summary) -> str | None:
    """Return how many examples have no label, and where they are predicted; None if all have one.

    Without a leader there is nothing that could predict them.
    """
    files = [c.unlabelled_file for c in summary.conditions if c.unlabelled_file is not None]
    if not files:
        return None
    where = files[0] if len(files) == 1 else f"{WINNERS}/*/{UNLABELLED_CSV}"
    number = summary.conditions[0].num_unlabelled
    return f"{number:,} examples have no label: the classes predicted for them are in {where}"


def badge(condition: ConditionSummary) -> str:
    """Return the verdict in a word or two; a tie has no winner.

    Nor has a search whose sentence begins with a reference model that no network clearly beats.
    """
    if condition.verdict is None:
        return "no verdict yet" if not condition.is_confirmed else "no verdict"
    if condition.verdict != "winner":
        return condition.verdict.replace("_", " ")
    if condition.runner_up is None:
        return "unopposed"
    return "best network" if condition.unbeaten_references else "winner"


def place(condition: ConditionSummary) -> str:
    """Return `At pair_flip noise_rate 0.45`, or `With the labels as given`."""
    words = condition_in_words(condition.factors, condition.config)
    return f"With {words}" if words.startswith("the labels") else f"At {words}"


def _unbeaten(condition: ConditionSummary) -> str:
    """Return which reference models no network beats; empty where the leader beats all of them."""
    best = condition.best
    if best is None or not condition.unbeaten_references:
        return ""
    reference, *others = condition.unbeaten_references
    comparison, is_ahead = reference.leader_minus_this, reference.is_ahead_of_all
    compared = _compared(best, reference, condition.config.objective, reference.words, comparison)
    sentence = (
        f"{place(condition)}, no network is {'' if is_ahead else 'clearly '}better than "
        f"{reference.words}: {compared}."
    )
    if not others:
        return sentence
    return f"{sentence} Nor is one clearly better than {_listed([r.words for r in others])}."


def _beaten(condition: ConditionSummary) -> str:
    """Return that the leader beats all reference models; empty where it does not."""
    judged, leader = condition.judged_references, condition.leader
    if leader is None or not judged or condition.unbeaten_references:
        return ""
    reference, objective = judged[0], condition.config.objective
    every = "the reference model" if len(judged) == 1 else "all reference models"
    figure = with_interval(reference.metrics[objective], objective)
    paired = _paired(reference.leader_minus_this, objective)
    return (
        f"The leader is better than {every}, of which {reference.words} is the best: "
        f"{objective_name(objective)} {figure}; {paired}."
    )


def _where(condition: ConditionSummary) -> str:
    """Return what the answer among the networks begins with."""
    return "Among the networks" if condition.unbeaten_references else place(condition)


def _answer(condition: ConditionSummary) -> str:
    leader, rival = condition.leader, condition.rival
    if leader is None:
        return _no_answer(condition)
    name = configuration(leader.config, condition.config)
    if rival is None:
        seeds = _seeds(len(leader.counted))
        return (
            f"{_where(condition)}, {name} is unopposed: {_figures(leader)}, {seeds}. It is "
            "compared with no other configuration, as none was confirmed."
        )
    if condition.verdict == "winner":
        return f"{_where(condition)}, {name} wins: {_comparison(condition, leader, rival)}."
    verb = f"a tie: {name} is leading, but not clearly"
    parts = [f"{_where(condition)}, {verb}: {_comparison(condition, leader, rival)}."]
    parts += [_also_tied(condition, leader), _settling(condition)]
    return " ".join(part for part in parts if part)


def _also_tied(condition: ConditionSummary, leader: Finalist) -> str:
    """Name the finalists beside the rival that are not separated from the leader."""
    _, *others = condition.tied
    names = [_name_of_other(leader, other, condition) for other in others[:MAX_NAMED]]
    if len(others) > MAX_NAMED:
        names.append(f"{len(others) - MAX_NAMED} more")
    if not names:
        return ""
    return f"{_listed(names)} {'is' if len(others) == 1 else 'are'} not separated from it, either."


def _settling(condition: ConditionSummary) -> str:
    """Return how many more seeds would settle a tie, to two digits: it is an estimate."""
    more_seeds = condition.more_seeds
    if more_seeds is None:
        return ""
    comparisons = [condition.comparison(finalist) for finalist in condition.tied]
    if more_seeds == inf and any(one and one.label_error > 0.0 for one in comparisons):
        return (
            "No number of seeds would settle it, as all of them share the same validation labels: "
            "more labels would, or a few that are checked by hand."
        )
    if more_seeds > MAX_SEEDS_NAMED:
        return f"To settle it would take more than {MAX_SEEDS_NAMED:,} further seeds."
    count = int(float(f"{more_seeds:.2g}"))
    seeds = "seed" if count == 1 else "seeds"
    return (
        f"About {count:,} more {seeds} would settle it, if the difference is what it seems (power "
        "80 %)."
    )


def _comparison(condition: ConditionSummary, leader: Finalist, rival: Finalist) -> str:
    name = _name_of_other(leader, rival, condition)
    comparison = condition.comparison(rival)
    return _compared(leader, rival, condition.config.objective, name, comparison)


def _compared(
    leader: Finalist,
    rival: Finalist | Reference,
    objective: str,
    other: str,
    comparison: Comparison | None,
) -> str:
    """Return the objective and test accuracy of two, and their paired difference."""
    against = _against(leader, rival, objective)
    parts = [f"{objective_name(objective)} {against} for {other}", _paired(comparison, objective)]
    metric, name = _test_metric(objective)
    tested = [f.metrics.get(metric) for f in (leader, rival)]
    figures = [with_interval(accuracy, metric) for accuracy in tested if accuracy]
    if len(figures) == len(tested):
        parts.append(f"{name} {figures[0]} against {figures[1]}")
    return "; ".join(parts)


def _test_metric(objective: str) -> tuple[str, str]:
    """Return the accuracy to be told beside an objective, and its name."""
    if "balanced" in objective:
        return BALANCED_TEST_ACCURACY, "balanced test accuracy"
    return TEST_ACCURACY, "test accuracy"


def _against(leader: Finalist, runner_up: Finalist | Reference, objective: str) -> str:
    """Return `1.31 nats against 1.10`, with the same decimals on both sides."""
    estimates = leader.metrics[objective], runner_up.metrics[objective]
    places = max(decimals(estimate, objective) for estimate in estimates)
    first, second = (number(e.mean * scale(objective), places) for e in estimates)
    return f"{first} {unit(objective)} against {second}"


def _paired(comparison: Comparison | None, objective: str) -> str:
    if comparison is None or comparison.n == 0:
        return "the two share no seed, so nothing can be said of their difference"
    mean, ends = difference(judged(comparison), objective)
    if not ends:
        return f"paired difference {mean} on one seed, too few for an interval"
    level = interval_name(comparison.level)
    shared = " on the same labels" if comparison.label_error > 0.0 else ""
    return f"paired difference {mean} {ends} ({level}, n = {comparison.n} seeds{shared})"


def _name_of_other(leader: Finalist, other: Finalist, condition: ConditionSummary) -> str:
    """Name the other one by what tells the two apart: level, method, or everything."""
    ours, theirs = condition.level_of(leader), condition.level_of(other)
    if ours != theirs:
        return level_in_words(str(condition.config.compare), theirs)
    if leader.config.method != other.config.method:
        return other.config.method
    return configuration(other.config, condition.config)


def _figures(finalist: Finalist) -> str:
    """Return objective and, where there is a test set, test accuracy, with their intervals."""
    objective = finalist.config.objective
    parts = [f"{objective_name(objective)} {with_interval(finalist.metrics[objective], objective)}"]
    metric, name = _test_metric(objective)
    if metric in finalist.metrics:
        parts.append(f"{name} {with_interval(finalist.metrics[metric], metric)}")
    return ", ".join(parts)


def _no_answer(condition: ConditionSummary) -> str:
    if condition.best_without_information is not None:
        return _nothing_learned(condition, condition.best_without_information)
    total = sum(len(finalist.trials) for finalist in condition.finalists)
    if not condition.is_confirmed:
        ended = sum(t.status is not None for f in condition.finalists for t in f.trials)
        done = f"is unfinished ({ended} of {total} trials have ended)" if total else "has not begun"
        reason = f"no verdict yet: the confirmation {done}"
    elif total:
        reason = f"no verdict: none of {total} confirmation trials gave a result"
    else:
        reason = "no verdict: no finalist has been trained on fresh seeds"
    return f"{place(condition)}, {reason}.{_best_so_far(condition)}"


def _nothing_learned(condition: ConditionSummary, best: Finalist) -> str:
    metric = best.information
    error = best.metrics.get(f"{metric}_se")
    note = "" if error is None else f", {standard_error(error.mean, metric)}"
    figure = f"{objective_name(metric)} {with_interval(best.metrics[metric], metric)}{note}"
    return (
        f"{_where(condition)}, nothing was learned: the best finalist, "
        f"{configuration(best.config, condition.config)}, has {figure}, which is not clearly above "
        "0, so there is no winner and no model. Check that each label stands beside its own input; "
        "if it does, take more examples, more epochs or a larger val_fraction."
    )


def _best_so_far(condition: ConditionSummary) -> str:
    best = condition.best_search_trial
    if best is None:
        return ""
    name = configuration(best.config, condition.config)
    return f" Best of the search, unconfirmed: {name} with {trial_objective(best)}."


def trial_objective(trial: TrialHistory) -> str:
    """Return `information 1.31 nats (SE 0.020)` for one trial at its selected epoch."""
    objective, selected = trial.config.objective, trial.selected or {}
    value = with_interval(Estimate(1, selected[objective], None, None), objective)
    error = selected.get(f"{objective}_se")
    note = "" if error is None else f" ({standard_error(error, objective)})"
    return f"{objective_name(objective)} {value}{note}"


def _left_out(condition: ConditionSummary) -> str:
    failed = sum(finalist.num_failed for finalist in condition.finalists)
    total = sum(len(finalist.trials) for finalist in condition.finalists)
    if not failed or condition.leader is None:
        return ""
    verb = "is" if failed == 1 else "are"
    return f"{failed} of {total} confirmation trials diverged or failed and {verb} left out."


def _renamed(condition: ConditionSummary) -> str:
    renamed = sum(finalist.num_renamed for finalist in condition.finalists)
    if not renamed:
        return ""
    total = sum(len(finalist.trials) for finalist in condition.finalists)
    return f"Warning: {renamed} of {total} confirmation trials are flagged as renamed."


def _lost(condition: ConditionSummary) -> str:
    """Warn of classes that the leader never predicts, in validation and test together."""
    lost = condition.lost_classes
    if not lost or condition.leader is None:
        return ""
    fewest, most, total = min(lost.values()), max(lost.values()), len(condition.leader.counted)
    seeds = f"{most} of {total} seeds" if fewest == most else f"{fewest} to {most} of {total} seeds"
    named = ", ".join(list(lost)[:MAX_NAMED])
    if len(lost) > MAX_NAMED:
        return f"Warning: {len(lost):,} classes are never predicted ({seeds}), e.g. {named}."
    verb = f"class {named} is" if len(lost) == 1 else f"the classes {named} are"
    return f"Warning: {verb} never predicted ({seeds})."


def _listed(names: list[str]) -> str:
    """Return `a, b and c`."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _seeds(count: int) -> str:
    return f"n = {count} seed" if count == 1 else f"n = {count} seeds"
