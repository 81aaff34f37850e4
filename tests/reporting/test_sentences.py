from typing import Any

import pytest

from tests.support.histories import Builder, epoch
from tune_noise.config.metric_names import SEARCHABLE
from tune_noise.reporting.findings.summary import ConditionSummary, summarise
from tune_noise.reporting.sentences import badge, objective_meaning, verdict_sentence
from tune_noise.reporting.statistics import estimate
from tune_noise.reporting.wording import condition_in_words, difference, with_interval, with_sd


def first_condition(build: Builder, *, finished: bool = True) -> ConditionSummary:
    return summarise(build.history(finished=finished)).conditions[0]


def test_a_winner_in_words(compared: Builder) -> None:
    assert verdict_sentence(first_condition(compared)) == (
        "At pair_flip noise_rate 0.45, co_teaching (mlp1, lr 0.00123, tau 0.5) wins: "
        "information 1.300 nats against 1.100 for standard; paired difference 0.200 "
        "[0.180, 0.220] (95 % interval, n = 5 seeds); test accuracy 65.0 % [63.0, 67.0] "
        "against 55.0 % [54.0, 56.0]."
    )


def test_a_tie_never_says_winner(builder: type[Builder]) -> None:
    build = builder()
    build.add_finalist([1.30, 1.10, 1.20])
    build.add_finalist([1.15, 1.25, 1.10])
    condition = first_condition(build)
    assert "a tie: standard (mlp1) is leading, but not clearly" in verdict_sentence(condition)
    assert "win" not in verdict_sentence(condition) + badge(condition)


def test_a_tie_names_its_members_and_the_seeds_that_would_settle_it(
    builder: type[Builder],
) -> None:
    build = builder(confirm={"finalists": 2, "seeds": 5})
    build.add_finalist([1.30, 1.10, 1.20, 1.25, 1.15])
    build.add_finalist([1.20, 1.22, 1.10, 1.05, 1.28], model="mlp2")
    # The differences 0.10, -0.12, 0.10, 0.20, -0.13: mean 0.03, variance 0.0217. It takes
    # 7.85 * 0.0217 / 0.03**2 + 1.92 = 191.2 seeds, so 187 more.
    assert verdict_sentence(first_condition(build)) == (
        "At pair_flip noise_rate 0.2, a tie: standard (mlp1) is leading, but not clearly: "
        "information 1.20 nats against 1.17 for standard (mlp2); paired difference 0.03 "
        "[-0.15, 0.21] (95 % interval, n = 5 seeds); test accuracy 60.0 % [55.1, 64.9] against "
        "58.5 % [52.7, 64.3]. About 190 more seeds would settle it, if the difference is what it "
        "seems (power 80 %)."
    )


@pytest.mark.parametrize(
    ("others", "words"),
    [
        (1, "standard (mlp2, lr 0.01) is not separated from it, either."),
        (3, "standard (mlp2, lr 0.03) are not separated from it, either."),
        (5, "standard (mlp2, lr 0.03) and 2 more are not separated from it, either."),
    ],
)
def test_a_tie_of_many_names_the_first_few(others: int, words: str, builder: type[Builder]) -> None:
    build = builder(
        search={"lr": {"loguniform": [0.001, 1.0]}}, confirm={"finalists": 2 + others, "seeds": 3}
    )
    build.add_finalist([1.30, 1.10, 1.20], lr=0.5)
    build.add_finalist([1.10, 1.29, 1.20], lr=0.6)
    for number in range(1, others + 1):
        scores = [1.05, 1.1, 1.42 - 0.01 * number]
        build.add_finalist(scores, lr=0.01 * number, model="mlp2")
    sentence = verdict_sentence(first_condition(build))
    assert words in sentence
    assert f"({100 - 5 / (1 + others):.4g} % interval, n = 3 seeds)" in sentence


def test_what_no_number_of_seeds_would_settle_is_said(builder: type[Builder]) -> None:
    build = builder(confirm={"seeds": 2})
    build.add_finalist([1.3, 1.2])
    build.add_finalist([1.3, 1.2])
    sentence = verdict_sentence(first_condition(build))
    assert "To settle it would take more than 1,000 further seeds." in sentence


@pytest.mark.parametrize(
    ("field", "levels", "names"),
    [
        ("tau", [0.3375, 0.45], ("tau 0.338", "tau 0.45")),
        ("patience", [None, 3], ("patience null", "patience 3")),
        ("patience", [3, None], ("patience 3", "patience null")),
        ("example_order", ["shuffled", "clean_last"], (None, "example_order clean_last")),
        ("model", ["mlp1", "mlp2"], ("mlp1", "mlp2")),
    ],
)
def test_a_compared_level_is_named_with_its_field(
    field: str, levels: list[Any], names: tuple[str | None, str], builder: type[Builder]
) -> None:
    build = builder(
        search={field: {"choice": levels}}, compare=field, fixed={"method": "co_teaching"}
    )
    build.add_finalist([1.30, 1.31, 1.32], **{field: levels[0]})
    build.add_finalist([1.10, 1.11, 1.12], **{field: levels[1]})
    sentence = verdict_sentence(first_condition(build))
    leader = names[0] or f"{field} {levels[0]}"
    assert f"{leader}) wins: " in sentence
    assert f" for {names[1]}; paired" in sentence


def test_what_failed_and_what_is_renamed_is_said(builder: type[Builder]) -> None:
    build = builder(confirm={"finalists": 1})
    finalist = build.add_finalist([1.3, None, 1.2])
    shown = {"val_information_noisy": 1.1, "val_renamed": 1.0}
    build.add(shown, finalist=finalist, seed=9)
    sentence = verdict_sentence(first_condition(build))
    assert "is unopposed" in sentence
    assert "1 of 4 confirmation trials diverged or failed and is left out." in sentence
    assert "Warning: 1 of 4 confirmation trials are flagged as renamed." in sentence


def test_before_the_end_the_sentence_says_how_far_it_is(builder: type[Builder]) -> None:
    build = builder(noise="given")
    assert verdict_sentence(first_condition(build)) == (
        "With the labels as given, no verdict: no finalist has been trained on fresh seeds."
    )
    build.add({"val_information_noisy": 1.25, "val_information_noisy_se": 0.031})
    unfinished = verdict_sentence(first_condition(build, finished=False))
    assert "no verdict yet: the confirmation has not begun." in unfinished
    assert "unconfirmed: standard (mlp1) with information 1.25 nats (SE 0.031)." in unfinished
    build.add(finalist="t0001", seed=1, status="failed")
    assert "none of 1 confirmation trials gave a result" in verdict_sentence(first_condition(build))


def test_a_condition_names_its_noise_once(builder: type[Builder]) -> None:
    config = builder(fixed={"alpha": 20}).config
    assert condition_in_words({"noise": "dilution"}, config) == "dilution alpha 20"
    assert condition_in_words({}, builder().config) == "pair_flip noise_rate 0.2"
    factors = {"noise_rate": 0.3, "val_fraction": 0.2}
    words = condition_in_words(factors, builder().config)
    assert words == "pair_flip noise_rate 0.3, val_fraction 0.2"


@pytest.mark.parametrize(
    ("factors", "words"),
    [
        (
            {"noise": "symmetric", "noise_rate": 0.4},
            "symmetric noise_rate 0.4 (true class excluded)",
        ),
        (
            {"noise": "asymmetric", "noise_rate": 0.4, "class_map": "7>1"},
            "asymmetric noise_rate 0.4 (of the flipped classes), class_map 7>1",
        ),
        (
            {"noise": "asymmetric", "patience": None},
            "asymmetric noise_rate 0.2 (of the flipped classes), patience null",
        ),
        ({"noise": "instance"}, "instance noise_rate 0.2 (mean over the inputs)"),
        (
            {"noise": "structured", "alpha": 20, "delta": 0.9},
            "structured alpha 20, delta 0.9, confusion_order confusing",
        ),
        ({"noise": "foreign"}, "foreign alpha 5, foreign_source white"),
        ({"noise": "human"}, "human human_labels worse"),
        ({"noise": "given", "train_size": 100}, "the labels as given, train_size 100"),
    ],
)
def test_a_rate_says_what_it_counts(
    factors: dict[str, Any], words: str, builder: type[Builder]
) -> None:
    assert condition_in_words(factors, builder().config) == words


@pytest.mark.parametrize(
    ("values", "metric", "shown"),
    [
        ([1.30, 1.31, 1.32], "val_information_noisy", "1.310 nats [1.285, 1.335]"),
        ([0.00040, 0.00042, 0.00044], "val_information_noisy", "0.00042 nats [0.00037, 0.00047]"),
        ([0.001, 0.3], "val_information_noisy", "0.15 nats [-1.75, 2.05]"),
        ([0.9, 0.92], "test_accuracy_clean_last_mean", "91.0 % [78.3, 100.0]"),
        ([0.9], "test_accuracy_clean", "90.0 %"),
    ],
)
def test_decimals_follow_the_interval(values: list[float], metric: str, shown: str) -> None:
    assert with_interval(estimate(values), metric) == shown


def test_an_end_that_is_not_zero_is_not_written_as_zero() -> None:
    assert difference(estimate([0.0, 0.2002, 0.1, 0.15, 0.05]), "val_information_noisy") == (
        "0.100",
        "[0.002, 0.198]",
    )
    assert difference(estimate([0.1, 0.1]), "val_accuracy_noisy") == ("10.0", "[10.0, 10.0]")
    assert with_sd(estimate([0.5]), "test_accuracy_clean") == "50.0"


@pytest.mark.parametrize("objective", SEARCHABLE)
def test_every_objective_comes_with_its_limits(objective: str) -> None:
    assert objective_meaning(objective).count(".") >= 3


@pytest.mark.parametrize("noise", ["given", "pair_flip"])
def test_information_that_is_not_above_0_has_no_winner(noise: str, builder: type[Builder]) -> None:
    build = builder(noise=noise)
    build.add_finalist([-0.005, -0.004, -0.005])
    build.add_finalist([-0.105, -0.104, -0.105], model="mlp2")
    condition = first_condition(build)
    assert (condition.verdict, badge(condition)) == ("nothing_learned", "nothing learned")
    assert condition.leader is condition.runner_up is condition.noise is None
    assert not any(condition.is_winner(finalist) for finalist in condition.finalists)
    sentence = verdict_sentence(condition)
    assert "nothing was learned: the best finalist, standard (mlp1), has information" in sentence
    assert "SE 0.020, which is not clearly above 0" in sentence
    assert "Check that each label stands beside its own input" in sentence


@pytest.mark.parametrize(
    ("noise", "score", "is_learned"),
    [
        # 1.645 standard errors of 0.02 are 0.033; four seeds that draw labels afresh halve them.
        ("given", 0.032, False),
        ("given", 0.034, True),
        ("pair_flip", 0.016, False),
        ("pair_flip", 0.017, True),
    ],
)
def test_seeds_that_share_their_labels_share_the_chance_of_them(
    noise: str, score: float, is_learned: bool, builder: type[Builder]
) -> None:
    build = builder(noise=noise)
    build.add_finalist([score] * 4)
    condition = first_condition(build)
    assert (condition.leader is not None) == is_learned
    assert (condition.verdict == "winner") == is_learned


@pytest.mark.parametrize(
    ("objective", "oracle", "verdict"),
    [
        ("val_accuracy_noisy", False, "nothing_learned"),
        ("val_loss_noisy", False, "nothing_learned"),
        ("val_accuracy_clean", True, "winner"),
    ],
)
def test_another_objective_does_not_hide_it_but_an_oracle_sees_clean_labels(
    objective: str, oracle: bool, verdict: str, builder: type[Builder]
) -> None:
    build = builder(objective=objective, oracle=oracle)
    shown = epoch(-0.01, val_accuracy_clean=0.5)
    found = build.add(shown)
    for seed in (101, 102):
        build.add(shown, finalist=found, seed=seed)
    assert first_condition(build).verdict == verdict
