"""A search asks first what its record says, in its order, and goes on after a kill."""

from pathlib import Path
from typing import Any

from tests.tuning.fake_trainer import FakeTrainer, fresh_record, make_search
from tune_noise.record import Event, Record
from tune_noise.tuning.session.session import Session

START: dict[str, list[dict[str, Any]]] = {
    "noise_rate=0.2": [
        {"method": "co_teaching", "lr": 0.02, "tau": 0.3, "patience": None},
        {"method": "standard", "lr": 0.05},
        {"method": "co_teaching", "lr": 0.03, "tau": 0.4, "patience": 20},
    ]
}


def record_of(path: Path, start: dict[str, Any] | None) -> Record:
    record = Record(path)
    payload = {"config": make_search().to_plain()} | ({"start": start} if start else {})
    record.append(Event("search", data=payload))
    return record


def asked(session: Session) -> dict[str, list[tuple[Any, ...]]]:
    return {
        condition: [
            (t.config.method, t.config.lr, t.config.tau)
            for t in session.history.of(condition=condition, stage="search")
        ]
        for condition in ("noise_rate=0.2", "noise_rate=0.45")
    }


def test_the_start_comes_first_in_its_condition_and_level_also_after_a_kill(
    tmp_path: Path,
) -> None:
    with record_of(tmp_path / "whole.db", START) as record:
        session = Session(make_search(), record)
        FakeTrainer(session).run()
        whole = asked(session)
    methods = {"standard": [], "co_teaching": []}
    for method, lr, tau in whole["noise_rate=0.2"]:
        methods[method].append((lr, tau))
    assert methods["co_teaching"][:2] == [(0.02, 0.3), (0.03, 0.4)]
    assert methods["standard"][0] == (0.05, None)
    with record_of(tmp_path / "killed.db", START) as record:
        for _ in range(100):
            # Each life trains one stack; the last finds nothing left.
            session = Session(make_search(), record)
            if (stack := session.next_stack()) is None:
                break
            FakeTrainer(session).train(stack)
        assert asked(session) == whole


def test_without_a_start_proposals_are_what_they_were(tmp_path: Path) -> None:
    with fresh_record(tmp_path / "a.db", make_search()) as record:
        session = Session(make_search(), record)
        FakeTrainer(session).run()
        plain = asked(session)
    # The other condition has no start, and the streams of its proposals are its own.
    with record_of(tmp_path / "b.db", START) as record:
        session = Session(make_search(), record)
        FakeTrainer(session).run()
        assert asked(session)["noise_rate=0.45"] == plain["noise_rate=0.45"]
        assert asked(session)["noise_rate=0.2"] != plain["noise_rate=0.2"]
