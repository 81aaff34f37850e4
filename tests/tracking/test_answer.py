"""What MLflow's runs say of a search, from its summary."""

from tests.support.histories import Builder
from tune_noise.reporting.findings.summary import summarise
from tune_noise.tracking.answer import search_points, standings, winner_trials


def test_where_nothing_was_learned_no_run_is_a_winner() -> None:
    build = Builder(noise="given")
    build.add_finalist([-0.01, -0.02])
    build.add_finalist([-0.11, -0.12], model="mlp2")
    history = build.history()
    summary = summarise(history).to_json()
    assert summary["conditions"][0]["verdict"] == "nothing_learned"
    assert summary["conditions"][0]["winner"] is None
    assert standings(summary) == {}
    assert winner_trials(history, summary) == set()
    assert [point.name for point in search_points(history, summary)] == [
        "search_trials",
        "confirm_trials",
    ]
