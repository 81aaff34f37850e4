"""A challenge of a champion by what the versions' tags say."""

from tests.tracking.winners import BETTER, PLAIN, entry
from tune_noise.tracking.entry import Evidence
from tune_noise.tracking.standing import Version, judge


def version(number: int, scores: dict[int, float], groups: list[float] | None) -> Version:
    evidence = entry("m", "s", scores).evidence.model_copy(update={"without": groups})
    known = Evidence.model_validate_json(evidence.model_dump_json())
    return Version(number, task="t", evidence=known, standing=None)


def test_what_shared_labels_may_have_done_by_chance_makes_no_champion() -> None:
    up, down = [0.6, 0.5] * 10, [0.5, 0.6] * 10
    by_seeds = judge(version(2, BETTER, up), version(1, PLAIN, None))
    assert by_seeds.is_champion
    by_both = judge(version(2, BETTER, up), version(1, PLAIN, down))
    assert not by_both.is_champion
    assert by_both.reason.startswith(
        "is not clearly better than version 1: paired difference 0.103"
    )
    assert by_both.reason.endswith("(95 % interval, n = 5 seeds on the same labels)")
    # Labels that favour neither leave it as it is.
    assert judge(version(2, BETTER, up), version(1, PLAIN, up)).is_champion
