"""`tune-noise review`: what it refuses before a page is served."""

from pathlib import Path

from tests.support.audits import judged_search
from tests.support.reviews import audited_search
from tests.support.searches import finished_search

from .console import Run


def test_a_review_without_anything_to_check_says_what_comes_first(run: Run, digits) -> None:
    finished_search(Path("runs/unjudged"), gain=0.0, fingerprint=digits.fingerprint)
    judged_search(Path("runs/judged"), digits)
    for arguments, fault in (
        (("runs/nothing",), "holds no search"),
        (("runs/unjudged",), "tune-noise suspects runs/unjudged"),
        (("runs/judged",), "tune-noise audit runs/judged --labels 200"),
        (("runs/judged", "--mode", "other"), "must be audit or suspects"),
        (("runs/judged", "--condition", "no"), "choose from noise_rate=0.4"),
    ):
        outcome = run("review", *arguments, "--no-browser")
        assert outcome.code == 2, outcome
        assert fault in " ".join(outcome.err.split())


def test_data_that_have_changed_are_refused(run: Run, few_digits) -> None:
    audited_search(Path("runs/other"), few_digits)
    outcome = run("review", "runs/other", "--no-browser")
    assert outcome.code == 2
    assert "was searched on other data" in outcome.err


def test_a_person_has_a_name_of_one_line(run: Run, digits) -> None:
    audited_search(Path("runs/smoke"), digits)
    outcome = run("review", "runs/smoke", "--no-browser", "--person", "a\nb")
    assert outcome.code == 2
    assert "person: must be a line" in outcome.err
