"""The actor, called as Ray calls it, without a cluster."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tune_noise.data import Dataset
from tune_noise.record.folder import (
    checkpoint_file,
    judgements_file,
    previous_checkpoint_file,
    weights_file,
)
from tune_noise.training import Trial
from tune_noise.training.checkpoint import read_checkpoint
from tune_noise.training.cross_fit import make_folds, read_fold, train_fold
from tune_noise.tuning import trainable
from tune_noise.tuning.cluster.devices import choose_device, fallback
from tune_noise.tuning.session.stacks import Stack
from tune_noise.tuning.trainable import (
    EVERY,
    FAULT,
    REPORT,
    RESTORED,
    STACK,
)

from .actors import actor, epochs_of, has_ended, news_of, stack_of, untimed

pytestmark = pytest.mark.usefixtures("long_steps")


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_a_stack_survives_the_way_to_its_actor() -> None:
    stack = stack_of("t1", "t2", stage="confirm")
    assert Stack.from_json(stack.to_json()) == stack


def test_without_a_gpu_of_ray_s_a_trial_trains_on_the_cpu() -> None:
    assert choose_device(0.0) == "cpu"
    assert fallback(0.0, "cpu") is None


def test_a_step_ends_at_each_rung_and_reports_what_is_new(
    tmp_path: Path, few_digits: Dataset
) -> None:
    made = actor(stack_of("t"), few_digits, tmp_path, [1, 3])
    results = [made.step() for _ in range(3)]
    assert [epochs_of(result) for result in results] == [[1], [2, 3], [4, 5]]
    assert [has_ended(result) for result in results] == [False, False, True]
    last = news_of(results[-1])
    assert (last["status"], last["stop_reason"]) == ("completed", "")
    assert last["facts"]["train_examples"] > 0
    assert not any(RESTORED in result or FAULT in result for result in results)


def test_an_actor_takes_up_another_stack_afresh(tmp_path: Path, few_digits: Dataset) -> None:
    made = actor(stack_of("t", epochs=1), few_digits, tmp_path, [])
    assert has_ended(made.step())
    assert made.reset_config({STACK: stack_of("u", "v", epochs=1).to_json(), EVERY: 1e9})
    result = made.step()
    assert set(json.loads(result[REPORT])) == {"u", "v"}
    assert epochs_of(result, "u") == [1]


def test_an_actor_begins_what_it_was_handed_with_its_next_step(
    tmp_path: Path, few_digits: Dataset
) -> None:
    made = actor(stack_of("t", epochs=1), few_digits, tmp_path, [])
    made.step()
    made.take(stack_of("u", "v", epochs=1).to_json(), 1e9)
    assert epochs_of(made.step(), "u") == [1]
    made.take("no stack", 1e9)
    with pytest.raises(ValueError, match="Expecting value"):
        made.step()


def test_an_actor_that_waits_reports_nothing_until_it_is_handed_a_stack(
    tmp_path: Path, few_digits: Dataset
) -> None:
    made = actor(stack_of("t", epochs=2), few_digits, tmp_path, [1])
    assert not has_ended(made.step())  # it was stopped at its rung
    made.take(None, 0.1)
    assert [made.step()[REPORT] for _ in range(2)] == ["{}", "{}"]
    made.take(stack_of("u", epochs=1).to_json(), 1e9)
    assert epochs_of(made.step(), "u") == [1]


def test_only_a_confirmation_leaves_its_weights(tmp_path: Path, few_digits: Dataset) -> None:
    for stage in ("search", "confirm"):
        stack = stack_of(f"{stage}1", f"{stage}2", stage=stage, epochs=1)
        actor(stack, few_digits, tmp_path, []).step()
        assert weights_file(tmp_path, f"{stage}1").exists() == (stage == "confirm")


# Checkpoints: when, and what comes of them.


@pytest.mark.parametrize(
    ("seconds_of_epochs", "saved_after"),
    [
        # Never more than 5 s of training without one: after 4 s another 2 would make 6.
        ([2] * 8, [2, 4, 6]),
        ([1] * 12, [5, 10]),
        ([3] * 4, [1, 2, 3]),
        ([5] * 4, [1, 2, 3]),
        ([60] * 4, [1, 2, 3]),
        ([0.5] * 12, [10]),
        # The estimate is the last epoch: one that takes longer all at once is not foreseen.
        ([1, 1, 60, 1, 1], [3]),
    ],
)
def test_a_checkpoint_is_written_before_the_next_epoch_would_exceed_the_interval(
    seconds_of_epochs: list[float],
    saved_after: list[int],
    tmp_path: Path,
    few_digits: Dataset,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def train_epoch(trial: Trial) -> None:
        trial.epoch += 1
        trial.seconds += seconds_of_epochs[trial.epoch - 1]
        if trial.epoch == len(seconds_of_epochs):
            trial.progress[0].status = "completed"

    monkeypatch.setattr(Trial, "train_epoch", train_epoch)
    monkeypatch.setattr(trainable, "CHECKPOINT_SECONDS", 5.0)
    made = actor(stack_of("t"), few_digits, tmp_path, [])
    saved = []
    monkeypatch.setattr(
        made._checkpoints, "write", lambda tensors, values: saved.append(values["epoch"])
    )
    assert has_ended(made.step())
    assert saved == saved_after


@pytest.mark.usefixtures("each_epoch")
def test_the_two_newest_states_are_kept_and_the_last_epoch_needs_none(
    tmp_path: Path, few_digits: Dataset
) -> None:
    assert has_ended(actor(stack_of("t"), few_digits, tmp_path, []).step())
    assert read_checkpoint(checkpoint_file(tmp_path, "t"))[1]["epoch"] == 4
    assert read_checkpoint(previous_checkpoint_file(tmp_path, "t"))[1]["epoch"] == 3


@pytest.mark.usefixtures("each_epoch")
def test_what_a_checkpoint_holds_is_reported_before_training_goes_on(
    tmp_path: Path, few_digits: Dataset
) -> None:
    lost = actor(stack_of("t"), few_digits, tmp_path, [2])
    told = news_of(lost.step())["epochs"]  # and never heard of
    again = actor(stack_of("t"), few_digits, tmp_path, [2])
    first = again.step()
    # The rung at epoch 2 is judged now; had training gone on it would have been passed by.
    assert news_of(first)["epochs"] == told
    assert not has_ended(first)
    assert json.loads(first[RESTORED]) == {
        "epoch": 2,
        "seconds": lost._trial.seconds,
        "damage": [],
    }
    second = again.step()
    assert epochs_of(second) == [3, 4, 5]
    assert RESTORED not in second


def damage_nothing(output: Path) -> None:
    pass


def damage_the_newest(output: Path) -> None:
    flip_a_byte(checkpoint_file(output, "t"))


def damage_both(output: Path) -> None:
    damage_the_newest(output)
    flip_a_byte(previous_checkpoint_file(output, "t"))


@pytest.mark.usefixtures("each_epoch")
@pytest.mark.parametrize(
    ("damage", "epoch", "sentences"),
    [(damage_nothing, 3, 0), (damage_the_newest, 2, 1), (damage_both, 0, 2)],
)
def test_an_interrupted_stack_reports_what_an_uninterrupted_one_does(
    damage: Callable[[Path], None],
    epoch: int,
    sentences: int,
    tmp_path: Path,
    few_digits: Dataset,
) -> None:
    stack = stack_of("t", "u", model="mlp1")
    whole = actor(stack, few_digits, tmp_path / "whole", [])
    (tmp_path / "whole").mkdir()
    expected = json.loads(whole.step()[REPORT])
    actor(stack, few_digits, tmp_path, [3]).step()
    damage(tmp_path)
    again = actor(stack, few_digits, tmp_path, [3])
    results = [again.step()]
    restored = json.loads(results[0][RESTORED])
    assert restored["epoch"] == epoch
    assert len(restored["damage"]) == sentences
    while not has_ended(results[-1]):
        results.append(again.step())
    for trial_id, news in expected.items():
        epochs = [e for result in results for e in news_of(result, trial_id)["epochs"]]
        assert untimed(epochs) == untimed(news["epochs"])


@pytest.mark.usefixtures("each_epoch")
def test_the_checkpoint_of_another_network_is_not_used(tmp_path: Path, few_digits: Dataset) -> None:
    actor(stack_of("t"), few_digits, tmp_path, [2]).step()
    first = actor(stack_of("t", model="mlp1"), few_digits, tmp_path, [2]).step()
    restored = json.loads(first[RESTORED])
    assert restored["epoch"] == 0
    assert "is that of other trials or configurations" in restored["damage"][0]
    assert epochs_of(first) == [1, 2]


@pytest.mark.usefixtures("each_epoch")
def test_a_state_that_does_not_fit_leaves_the_trial_as_new(
    tmp_path: Path, few_digits: Dataset
) -> None:
    made = actor(stack_of("t"), few_digits, tmp_path, [2])
    expected = untimed(news_of(made.step())["epochs"])
    tensors, values = made._trial.state()
    # A network of which only the last tensor does not fit is loaded all but this one.
    network = [name for name in tensors if name.startswith("network.")]
    tensors[network[-1]] = tensors[network[-1]][..., :1]
    made._checkpoints.write(tensors, values)
    previous_checkpoint_file(tmp_path, "t").unlink()
    first = actor(stack_of("t"), few_digits, tmp_path, [2]).step()
    [sentence] = json.loads(first[RESTORED])["damage"]
    assert "does not fit" in sentence
    assert untimed(news_of(first)["epochs"]) == expected


def test_a_confirmation_leaves_what_it_predicted_of_every_label(
    tmp_path: Path, few_digits: Dataset
) -> None:
    stack = stack_of("t1", "t2", stage="confirm", epochs=2)
    for folds in (0, 4, 1):
        trained = actor(stack, few_digits, tmp_path, [], suspect_folds=folds)
        assert has_ended(trained.step())
        assert judgements_file(tmp_path, "t1").exists() == (folds == 1)
    for trial_id, config in zip(stack.trial_ids, stack.configs, strict=True):
        [fold] = make_folds(config, few_digits, count=1)
        left = read_fold(judgements_file(tmp_path, trial_id), fold)
        np.testing.assert_allclose(left, train_fold(fold, few_digits), atol=1e-5)
