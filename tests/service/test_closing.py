"""What the end of a search proposes next."""

from pathlib import Path

import pytest

from tests.support.histories import Builder
from tune_noise.reporting import summarise
from tune_noise.service.closing import audit_command

RUN = Path("runs/mine")


def proposed(noise: str, *, folds: int = 4, is_audited: bool = False, **space: object) -> str:
    build = Builder(noise=noise, search={"lr": {"loguniform": [0.001, 0.1]}}, **space)
    build.add_finalist([1.1, 1.2, 1.0], lr=0.01)
    history = build.history()
    leader = summarise(history).conditions[0].leader
    assert leader is not None
    about = {"trial_id": next(iter(leader.counted.values())).trial_id}
    history.suspects[build.condition.name] = {**about, "folds": folds}
    if is_audited:
        history.audits[build.condition.name] = about
    return audit_command(summarise(history), RUN) or ""


def test_an_audit_is_proposed_where_people_can_say_what_nobody_knows() -> None:
    assert proposed("given").endswith("tune-noise audit runs/mine --labels 200")


def test_of_several_conditions_one_is_named() -> None:
    command = proposed("given", conditions={"model": ["mlp1", "mlp2"]})
    assert command.endswith("audit runs/mine --labels 200 --condition model=mlp1")


@pytest.mark.parametrize(
    ("noise", "options"),
    [("symmetric", {}), ("given", {"is_audited": True}), ("given", {"folds": 1})],
    ids=["the truth is known", "it was done", "the leader has learned the labels"],
)
def test_elsewhere_none_is(noise: str, options: dict[str, object]) -> None:
    assert proposed(noise, **options) == ""
