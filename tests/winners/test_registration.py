"""What a winner's folder says to people and to MLflow's registry."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.histories import FRESH_SEEDS, Builder, epoch
from tune_noise.config.data_source import DataSource
from tune_noise.config.search import Condition, SearchConfig
from tune_noise.data import Dataset
from tune_noise.reporting import summarise
from tune_noise.tracking.entry import CARD_FILE, ENTRY_FILE, Entry, read_entry
from tune_noise.verdict.task import task_key, task_of
from tune_noise.winners.registration import describe_models, registered_name


def names(**space: Any) -> list[tuple[str, str]]:
    """Name and digest of each condition."""
    fingerprint = space.pop("fingerprint", "f" * 16)
    search = SearchConfig.model_validate({"name": "any"} | space)
    found = []
    for condition in search.all_conditions:
        config = search.trial_config(condition, {})
        digest = task_key(task_of(search, config, fingerprint))
        found.append((registered_name(search, config, condition.factors), digest))
    return found


@pytest.mark.parametrize(
    ("space", "name"),
    [
        ({}, "digits-symmetric-noise_rate=0.2"),
        ({"conditions": {"noise_rate": [0.45]}}, "digits-symmetric-noise_rate=0.45"),
        ({"fixed": {"noise_rate": 0.45}}, "digits-symmetric-noise_rate=0.45"),
        ({"noise": "dilution", "conditions": {"alpha": [20]}}, "digits-dilution-alpha=20"),
        ({"noise": "given", "dataset": "../my data/own set.npz"}, "own-set-1d3a1447-given"),
        ({"noise": "given", "dataset": "own.npz"}, "own-given"),
        (
            {"conditions": {"train_size": [100], "model": ["mlp2", "mlp1"]}},
            "digits-symmetric-noise_rate=0.2-train_size=100-model=mlp2",
        ),
        (
            {"objective": "val_loss_noisy", "fixed": {"val_fraction": 0.3}},
            "digits-symmetric-noise_rate=0.2-val_fraction=0.3-objective=val_loss_noisy",
        ),
        ({"fixed": {"noise_seed": 7}}, "digits-symmetric-noise_rate=0.2-noise_seed=7"),
        ({"fixed": {"model": "mlp2", "method": "elr"}}, "digits-symmetric-noise_rate=0.2"),
    ],
)
def test_the_name_tells_data_noise_and_what_else_makes_the_task(
    space: dict[str, Any], name: str
) -> None:
    assert names(**space)[0][0] == name


OTHER_TASKS = (
    {"fingerprint": "0" * 16},
    {"noise": "pair_flip"},
    {"fixed": {"noise_rate": 0.3}},
    {"fixed": {"val_fraction": 0.2}},
    {"fixed": {"train_size": 500}},
    {"objective": "val_accuracy_noisy"},
    {"last_epochs": 10},
    {"oracle": True, "objective": "val_accuracy_clean"},
)
SAME_TASK = (
    {"name": "other"},
    {"fixed": {"model": "mlp2"}},
    {"fixed": {"method": "co_teaching", "tau": 0.3}},
    {"epochs": 7},
    {"seed": 5},
    {"conditions": {"noise_rate": [0.2]}, "trials": 3},
)


@pytest.mark.parametrize("space", OTHER_TASKS, ids=str)
def test_what_makes_scores_incomparable_makes_another_task(space: dict[str, Any]) -> None:
    assert names(**space)[0][1] != names()[0][1]


@pytest.mark.parametrize("space", OTHER_TASKS[1:], ids=str)
def test_and_but_for_the_data_it_can_be_read_in_the_name(space: dict[str, Any]) -> None:
    assert names(**space)[0][0] != names()[0][0]


@pytest.mark.parametrize("space", SAME_TASK[:-1], ids=str)
def test_what_is_searched_leaves_the_task_as_it_is(space: dict[str, Any]) -> None:
    assert names(**space) == names()


def test_a_factor_that_is_no_part_of_the_task_is_told_by_the_name() -> None:
    (name, digest), (other, same) = names(conditions={"batch_size": [64, 128]})
    assert name != other
    assert digest == same == names(fixed={"batch_size": 64})[0][1]


def test_a_level_is_the_same_task_whether_it_is_fixed_or_a_condition() -> None:
    assert names(**SAME_TASK[-1]) == names(fixed={"noise_rate": 0.2})


def test_a_field_of_one_level_is_one_task_whether_it_is_fixed_or_a_condition() -> None:
    assert names(conditions={"batch_size": [64]}) == names(fixed={"batch_size": 64}) == names()


@given(st.text(max_size=300), st.integers(0, 10**12))
def test_any_file_name_makes_a_name_that_mlflow_takes(stem: str, size: int) -> None:
    config = SearchConfig(name="x").trial_config(Condition({}), {})
    config = config.model_copy(update={"dataset": f"{stem}.npz", "train_size": size})
    name = registered_name(SearchConfig(name="x"), config, {})
    assert 0 < len(name) <= 250
    assert not set(name) & set("/:'`@\"% \n")
    assert name.isprintable()


def finished(build: Builder) -> Builder:
    build.events[0].data["search_id"] = "5ea2c4"
    return build


def described(
    build: Builder, dataset: Dataset, folder: Path, *, is_finished: bool = True, **given: Any
) -> Entry | None:
    history = finished(build).history(finished=is_finished)
    target = folder / "winners" / build.condition.name
    target.mkdir(parents=True, exist_ok=True)
    summary = summarise(history)
    leader = summary.conditions[0].leader
    assert leader is not None
    trial_id = given.pop("of_trial", next(iter(leader.counted.values())).trial_id)
    (target / "config.json").write_text(json.dumps({"trial_id": trial_id}))
    (target / "weights.safetensors").write_bytes(b"weights")
    describe_models(history, summary, dataset, folder, **{"register": True} | given)
    return read_entry(target)


def build(second: list[float]) -> Builder:
    made = Builder(
        conditions={"noise_rate": [0.45]},
        search={"method": {"choice": ["standard", "co_teaching"]}},
        compare="method",
    )
    made.add_finalist([1.10, 1.12, 1.08, 1.11, 1.09], method="standard")
    made.add_finalist(second, method="co_teaching")
    return made


def test_a_winner_has_its_scores_by_seed_and_the_plain_level(
    few_digits: Dataset, tmp_path: Path
) -> None:
    scores = [1.30, 1.34, 1.26, 1.32, 1.28]
    entry = described(build(scores), few_digits, tmp_path)
    assert entry is not None
    expected = {(s, s): score for s, score in zip(FRESH_SEEDS, scores, strict=True)}
    assert entry.evidence.by_seed == expected
    assert entry.evidence.level == 0.05
    assert not entry.evidence.is_renamed
    assert entry.tags["tune_noise.verdict"] == "winner"
    assert entry.params["method"] == "co_teaching"
    assert entry.name == "digits-pair_flip-noise_rate=0.45"
    assert entry.example == few_digits.test_inputs[0].tolist()


def test_the_leader_of_a_tie_has_half_of_it(few_digits: Dataset, tmp_path: Path) -> None:
    entry = described(build([1.11, 1.10, 1.10, 1.12, 1.09]), few_digits, tmp_path)
    assert entry is not None
    assert entry.tags["tune_noise.verdict"] == "tie"
    assert entry.evidence.level == 0.025


def test_where_all_seeds_share_their_labels_it_has_the_objective_without_each_group(
    few_digits: Dataset, tmp_path: Path
) -> None:
    made = Builder(noise="given", search={"method": {"choice": ["standard"]}})
    made.add_finalist([1.0, 1.2], method="standard")
    ends = [event for event in made.events if event.kind == "end"]
    for event, groups in zip(ends[-2:], ([1.0, 1.1], [1.2, 1.5]), strict=True):
        event.data["noise"] = {"objective_without": groups}
    entry = described(made, few_digits, tmp_path)
    assert entry is not None
    assert entry.evidence.without == pytest.approx([1.1, 1.3])


def test_a_renamed_seed_is_told(few_digits: Dataset, tmp_path: Path) -> None:
    made = build([1.30, 1.34, 1.26, 1.32])
    renamed = epoch(1.31, val_renamed=1.0)
    given = {"finalist": "t0007", "seed": FRESH_SEEDS[4], "method": "co_teaching"}
    made.add(renamed, **given)
    entry = described(made, few_digits, tmp_path)
    assert entry is not None
    assert entry.evidence.is_renamed


def test_a_lower_loss_is_a_larger_score(few_digits: Dataset, tmp_path: Path) -> None:
    made = Builder(objective="val_loss_noisy", search={"method": {"choice": ["standard"]}})
    made.add_finalist([1.0, 1.2], method="standard")
    entry = described(made, few_digits, tmp_path)
    assert entry is not None
    assert sorted(entry.evidence.by_seed.values()) == [-1.0, -0.8]


def test_nothing_is_to_be_registered_before_the_end_or_where_it_is_not_wanted(
    few_digits: Dataset, tmp_path: Path
) -> None:
    made = build([1.30, 1.34, 1.26, 1.32, 1.28])
    assert described(made, few_digits, tmp_path, is_finished=False) is None
    assert described(made, few_digits, tmp_path) is not None
    assert described(made, few_digits, tmp_path, register=False) is None
    target = tmp_path / "winners" / made.condition.name
    assert (target / CARD_FILE).exists()
    assert not (target / ENTRY_FILE).exists()


def test_networks_of_an_earlier_leader_are_not_passed_off_as_those_of_the_new_one(
    few_digits: Dataset, tmp_path: Path
) -> None:
    made = build([1.30, 1.34, 1.26, 1.32, 1.28])
    assert described(made, few_digits, tmp_path, of_trial="c9") is None
    assert not list(tmp_path.rglob(CARD_FILE))


def test_the_card_holds_what_a_reader_must_know(few_digits: Dataset, tmp_path: Path) -> None:
    made = build([1.11, 1.10, 1.10, 1.12, 1.09])
    described(made, few_digits, tmp_path)
    card = (tmp_path / "winners" / made.condition.name / CARD_FILE).read_text()
    for words in (
        "| verdict | tie: the leader of 2 that are not told apart |",
        "n = 5 fresh seeds",
        few_digits.fingerprint,
        "25.0 % of training labels are wrong",
        "co_teaching, mlp1, 2 networks",
        "2 trials and 10 confirmations, 12 epochs, 18 network-epochs",
        "noisy validation labels alone (val_information_noisy); no clean label",
        'mlflow.pyfunc.load_model("models:/digits-pair_flip-noise_rate=0.45@champion")',
        "another of its finalists may be as good or better",
        "test accuracy 0.555",
    ):
        assert words in card
    assert len(card) < 4900


def test_a_card_of_an_oracle_says_so(few_digits: Dataset, tmp_path: Path) -> None:
    made = Builder(
        oracle=True, objective="val_accuracy_clean", search={"method": {"choice": ["standard"]}}
    )
    finalist = made.add(epoch(1.0, val_accuracy_clean=0.9), method="standard")
    for seed in FRESH_SEEDS[:2]:
        made.add(
            epoch(1.0, val_accuracy_clean=0.9), finalist=finalist, seed=seed, method="standard"
        )
    described(made, few_digits, tmp_path)
    card = (tmp_path / "winners" / "all" / CARD_FILE).read_text()
    assert "clean validation labels (oracle: val_accuracy_clean), an upper bound" in card
    assert "no clean label" not in card


def test_without_a_test_set_the_card_has_no_test_accuracy(
    few_digits: Dataset, tmp_path: Path
) -> None:
    untested = dataclasses.replace(few_digits, test_inputs=None, test_labels=None)
    made = Builder(search={"method": {"choice": ["standard"]}})
    plain = {k: v for k, v in epoch(1.0).items() if not k.startswith("test_")}
    finalist = made.add(plain, method="standard")
    made.add(plain, finalist=finalist, seed=FRESH_SEEDS[0], method="standard")
    entry = described(made, untested, tmp_path)
    assert entry is not None
    assert entry.example == untested.train_inputs[0].tolist()
    card = (tmp_path / "winners" / "all" / CARD_FILE).read_text()
    assert "confirmed test accuracy" not in card


def test_a_model_of_own_data_is_named_after_their_file_or_folder() -> None:
    for path, name in (("shop/reviews.csv", "reviews-given"), ("shop/train.csv", "shop-given")):
        search = SearchConfig(name="x", noise="given", data=DataSource(train=path))
        [condition] = search.all_conditions
        assert registered_name(search, search.trial_config(condition, {}), {}) == name
