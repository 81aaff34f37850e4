"""`tune-noise audit` on a search that nobody has run: draw, fill in, import, read."""

import json
from pathlib import Path

import pytest

from tests.support.audits import CONDITION, fill_table, judged_search
from tests.support.searches import finished_search
from tune_noise.audit.answers import AuditRecord
from tune_noise.data import Dataset
from tune_noise.history.open import read_history
from tune_noise.record.folder import winner_dir
from tune_noise.reporting import summarise
from tune_noise.service.audit.opened import open_audit
from tune_noise.tracking.entry import CARD_FILE
from tune_noise.winners.registration import describe_models

from .console import Run, refuse


@pytest.fixture(autouse=True)
def _no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw nothing: it takes seconds."""
    monkeypatch.setattr("tune_noise.reporting.outputs.draw", lambda *_: {})


def test_a_sample_is_drawn_filled_in_imported_and_told(
    run: Run, tmp_path: Path, digits: Dataset
) -> None:
    folder = tmp_path / "demo"
    _, truth = judged_search(folder, digits)
    card = described(folder, digits)
    before = card.read_text()
    drawn = run("audit", str(folder), "--labels", "120")
    assert "drawn    120 of 1,257 labels" in drawn.out
    assert "next     tune-noise review" in drawn.out
    sample = AuditRecord(folder).samples[CONDITION]
    filled = fill_table(folder, sample, lambda example: str(truth[example]))
    told = run("audit", str(folder), "--import", str(filled), "--person", "ada").out
    assert "imported 120 answers, 0 were there already" in told
    assert "120 of 120 labels" in told
    assert "(ada 120)" in told
    again = run("audit", str(folder), "--import", str(filled), "--person", "ada").out
    assert "imported 0 answers, 120 were there already" in again
    assert "| checked by hand |" not in before
    told_at_once = card.read_text()
    assert told_at_once.count("| checked by hand |") == 1
    assert described(folder, digits).read_text() == told_at_once
    [entry] = json.loads((folder / "summary.json").read_text())["conditions"]
    rate, facts = entry["audit"]["noise_rate"], entry["audit"]
    given = dict(zip(*_given(folder), strict=True))
    wrong = sum(given[e] != truth[e] for e in truth) / len(truth)
    assert rate["ci95"][0] <= wrong <= rate["ci95"][1]
    assert facts["persons"] == {"ada": 120}
    assert facts["checked"] == 120
    others = [row for row in facts["finalists"].values() if "behind_leader" in row]
    assert others[0]["behind_leader"]["value"] > 0
    assert "Checked by hand" in (folder / "report.html").read_text()
    refuse(run("audit", str(folder), "--labels", "100"), "--labels 100", "drawn already")
    larger = run("audit", str(folder), "--labels", "150").out
    assert "drawn    150 of 1,257" in larger
    assert "left     30 labels" in larger


def described(folder: Path, digits: Dataset) -> Path:
    """Write the model card of the leader as the end of a search does, and return it."""
    history = read_history(folder)
    summary = summarise(history)
    [condition] = summary.conditions
    assert condition.leader is not None
    target = winner_dir(folder, CONDITION)
    trial_id = next(iter(condition.leader.counted.values())).trial_id
    (target / "config.json").write_text(json.dumps({"trial_id": trial_id}))
    (target / "weights.safetensors").write_bytes(b"weights")
    describe_models(history, summary, digits, folder, register=False)
    return target / CARD_FILE


def _given(folder: Path) -> tuple[list[int], list[int]]:
    population = open_audit(folder, None, None).population
    return population.examples.tolist(), population.given.tolist()


@pytest.mark.long
def test_labels_are_drawn_until_the_half_widths_are_small_enough(
    run: Run, tmp_path: Path, digits: Dataset
) -> None:
    folder = tmp_path / "demo"
    _, truth = judged_search(folder, digits)
    refuse(run("audit", str(folder), "--labels", "9", "--until", "4"), "leave one out")
    for _ in range(6):
        told = run("audit", str(folder), "--until", "4").out
        if "done: both half-widths" in told:
            break
        sample = AuditRecord(folder).samples[CONDITION]
        refuse(run("audit", str(folder), "--until", "4"), "are not checked yet")
        filled = fill_table(folder, sample, lambda example: str(truth[example]))
        run("audit", str(folder), "--import", str(filled), "--person", "ada")
    assert "done: both half-widths" in told
    audit = open_audit(folder, None, None)
    widths = audit.half_widths()
    assert widths is not None
    assert max(widths.values()) <= 0.04
    assert audit.condition.audit is not None
    assert audit.condition.audit["confidence"] == 0.96


def test_what_cannot_be_audited_is_refused_with_a_way_out(
    run: Run, tmp_path: Path, digits: Dataset
) -> None:
    finished_search(tmp_path / "unjudged", gain=0.0, fingerprint=digits.fingerprint)
    refuse(run("audit", "unjudged", "--labels", "50"), "tune-noise suspects unjudged")
    judged_search(tmp_path / "demo", digits)
    refuse(run("audit", "demo", "--import", "none.csv"), "no sample yet", "--labels")
    refuse(run("audit", "demo", "--condition", "x"), "choose from noise_rate=0.4")
    refuse(run("audit", "nothing"), "holds no search", "name the folder of a search")
    for command in ("audit", "review", "status", "suspects"):
        refuse(run(command, "dmeo"), "dmeo holds no search", "did you mean demo?")
    refuse(run("repair", "dmo", "--output", "new.npz"), "did you mean demo?")
