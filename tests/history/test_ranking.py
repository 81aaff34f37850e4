"""One definition of the best trial, and of what a finalist's trials are."""

from tests.support.histories import Builder, epoch
from tune_noise.history.ranking import best_trial, by_finalist, ranked


def test_a_trial_that_diverged_or_failed_is_never_the_best() -> None:
    build = Builder()
    first = build.add(epoch(0.5))
    build.add(epoch(0.9), status="diverged")
    build.add(epoch(0.8), status="failed")
    running = build.add(epoch(0.6), status=None)
    build.add(status=None)
    trials = build.history().trials.values()
    assert [trial.trial_id for trial in ranked(trials)] == [running, first]
    best = best_trial(trials)
    assert best is not None
    assert best.trial_id == running
    assert best_trial([]) is None


def test_a_trial_whose_classes_look_renamed_comes_after_all_others() -> None:
    build = Builder()
    renamed = build.add(epoch(0.9, val_renamed=1.0))
    equal = build.add(epoch(0.5)), build.add(epoch(0.5))
    trials = build.history().trials.values()
    assert [trial.trial_id for trial in ranked(trials)] == [*equal, renamed]


def test_trials_on_fresh_seeds_belong_to_their_finalist() -> None:
    build = Builder()
    finalists = [build.add_finalist([0.5, None]), build.add_finalist([0.7])]
    trials = build.history().of(condition="all", stage="confirm")
    assert {name: len(seeds) for name, seeds in by_finalist(trials).items()} == {
        finalists[0]: 2,
        finalists[1]: 1,
    }
