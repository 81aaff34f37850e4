"""What MLflow's runs say of a search, from its summary."""

from tests.support.histories import Builder
from tune_noise.reporting.findings.summary import summarise
from tune_noise.tracking.answer import audit_points, search_points, standings, winner_trials


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


def test_what_people_have_checked_is_a_metric_at_the_number_of_labels() -> None:
    figure = {"value": 0.9, "ci95": [0.85, 0.94], "n": 120}
    audit = {"trial_id": "t7", "checked": 120, "noise_rate": figure}
    audit["finalists"] = {"t7": {"accuracy": figure}}
    points = {point.name: point for point in audit_points({"audit": audit}, 1)}
    assert points["audit_accuracy_low"].value == 0.85
    assert points["audit_labels"].value == points["audit_noise_rate"].step == 120
    assert audit_points({"audit": None}, 1) == []
    assert audit_points({"audit": {"labels": 5}}, 1) == []
