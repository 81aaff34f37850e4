import pytest

from tune_noise.tuning import trainable


@pytest.fixture
def long_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """No checkpoint is due; a step of an actor lasts to the next rung or to the end: see actors."""
    monkeypatch.setattr(trainable, "CHECKPOINT_SECONDS", 1e9)


@pytest.fixture
def each_epoch(long_steps: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint is due after every epoch."""
    monkeypatch.setattr(trainable, "CHECKPOINT_SECONDS", 0.0)
