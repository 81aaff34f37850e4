"""Open a search for review: its data, its record, and what there is to check."""

from pathlib import Path

from tune_noise.audit.answers import Mode
from tune_noise.errors import UserError
from tune_noise.service.audit.opened import OpenedAudit, open_audit
from tune_noise.service.recorded_data import load_recorded
from tune_noise.service.review.app import Words
from tune_noise.service.review.tasks import suspect_tasks
from tune_noise.service.review.work import Review, Task, check_person

_QUESTIONS = {
    "audit": "Which class does this belong to? Its given label is hidden.",
    "suspects": "Which class does this belong to? The most suspicious labels come first.",
}


def open_review(
    folder: Path,
    *,
    mode: Mode,
    condition: str | None,
    person: str,
    number: int | None,
    again: bool,
    data_dir: Path | None,
    url: str | None,
) -> tuple[Review, Words]:
    """Return what a page shows and what it says.

    Args:
        folder: of a finished search.
        mode: the sample of an audit, or the suspects.
        condition: its name; None: the only one.
        person: who answers where the address of the page says nobody.
        number: of suspects; None: all that are more likely wrong than right.
        again: whether what somebody has answered is shown to others, too.
        data_dir: the folder of the torchvision sets.
        url: of the database that holds the record; None for what the folder says.

    Raises:
        UserError: the search is not finished, its data have changed, or there is nothing to check.
    """
    audit = open_audit(folder, condition, url)
    data = load_recorded(audit.history, folder, data_dir)
    if mode == "audit":
        tasks = _sample_tasks(audit)
    else:
        assert audit.condition.suspects is not None  # else nobody has judged the labels
        likely = audit.condition.suspects["suspects"]
        tasks = suspect_tasks(audit.population, data.dataset, number or likely)
    if not tasks:
        raise UserError(
            f"{folder}, condition {audit.condition.name}: no label is more likely wrong than "
            "right; --labels N shows the N most suspicious ones all the same"
        )
    review = Review(tasks, data.views, audit.class_names, audit.record, mode, again=again)
    names = [audit.history.search["search_id"], audit.condition.name, mode]
    words = Words(
        title=f"{mode.capitalize()} of {audit.history.config.name}",
        question=_QUESTIONS[mode],
        list_id="/".join([*names, audit.population.digest]),
        person=check_person(person),
        finish=f"tune-noise audit {folder}"
        if mode == "audit"
        else f"tune-noise repair {folder} --output FILE",
        interval=lambda: _interval(audit) if mode == "audit" else "",
    )
    return review, words


def _sample_tasks(audit: OpenedAudit) -> list[Task]:
    """Return the sample of a condition, in its random order.

    Raises:
        UserError: none was drawn.
    """
    if audit.sample is None:
        raise UserError(
            f"{audit.folder}, condition {audit.condition.name}: no sample was drawn for an audit: "
            f"draw one by `tune-noise audit {audit.folder} --labels 200`, or look through the "
            "suspects by --mode suspects"
        )
    return [Task(example) for example in audit.sample.examples.tolist()]


def _interval(audit: OpenedAudit) -> str:
    """Return what the answers so far tell of the leader."""
    estimates = audit.estimates()
    if estimates is None:
        return ""
    accuracy = estimates.accuracy(audit.population.predicted)
    low, high = 100 * accuracy.low, 100 * accuracy.high
    return f"accuracy {100 * accuracy.value:.1f} % ({low:.1f} to {high:.1f})"
