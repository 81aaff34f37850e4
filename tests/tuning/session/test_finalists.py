from typing import Any

import pytest

from tests.tuning.fake_trainer import make_search
from tune_noise.config.trial import TrialConfig
from tune_noise.history.replay import TrialHistory
from tune_noise.tuning.session.finalists import choose_finalists


def trial(name: str, score: float, *, status: str = "completed", **values: Any) -> TrialHistory:
    config = TrialConfig(**values)
    epoch = {"epoch": 1, "val_information_noisy": score, "val_renamed": 0.0}
    made = TrialHistory(name, name, "search", "noise_rate=0.45", config, epochs=[epoch])
    made.status = status
    return made


SEARCH = make_search(confirm={"finalists": 3, "seeds": 2})


@pytest.mark.parametrize("status", ["diverged", "failed"])
def test_a_trial_that_came_to_grief_is_no_finalist_however_good_it_was_before(status: str) -> None:
    trials = [
        trial("a", 2.0, status=status),
        trial("b", 1.0),
        trial("c", 0.5, method="co_teaching"),
    ]
    assert [t.trial_id for t in choose_finalists(trials, SEARCH)] == ["b", "c"]


def test_a_level_whose_every_trial_diverged_does_not_reach_the_final() -> None:
    trials = [trial("a", 2.0, status="diverged", method="co_teaching"), trial("b", 1.0)]
    assert [t.trial_id for t in choose_finalists(trials, SEARCH)] == ["b"]


def test_finalists_differ_in_their_configuration() -> None:
    trials = [
        trial("a", 1.0, lr=0.01),
        trial("b", 1.0, lr=0.01),
        trial("c", 0.9, lr=0.01),
        trial("d", 0.8, lr=0.1),
        trial("e", 0.1, lr=0.01, method="co_teaching"),
        trial("f", 0.1, lr=0.01, method="co_teaching"),
    ]
    assert [t.trial_id for t in choose_finalists(trials, SEARCH)] == ["a", "d", "e"]
    assert [t.trial_id for t in choose_finalists(trials[:3], SEARCH)] == ["a"]


def test_a_stopped_trial_may_be_confirmed() -> None:
    trials = [trial("a", 2.0, status="stopped"), trial("b", 1.0, method="co_teaching")]
    assert [t.trial_id for t in choose_finalists(trials, SEARCH)] == ["a", "b"]
