"""Open a search for review: its data, its record, and what there is to check."""

from pathlib import Path

from tune_noise.audit.answers import AuditRecord, Mode
from tune_noise.audit.population import read_population
from tune_noise.audit.sample import Sample
from tune_noise.config.words import class_name
from tune_noise.errors import UserError
from tune_noise.history.open import read_history
from tune_noise.reporting import summarise
from tune_noise.reporting.findings.summary import ConditionSummary, Summary
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
    history = read_history(folder, url)
    chosen = choose_condition(summarise(history), condition, folder)
    data = load_recorded(history, folder, data_dir)
    dataset, record = data.dataset, AuditRecord(folder, url)
    if mode == "audit":
        sample = _sample(record, chosen.name, folder)
        tasks = [Task(example) for example in sample.examples.tolist()]
        trial = sample.trial_id
        finish = f"tune-noise audit {folder}"
    else:
        population = read_population(folder, chosen, num_classes=dataset.num_classes)
        likely = 0 if chosen.suspects is None else chosen.suspects["suspects"]
        tasks = suspect_tasks(population, dataset, number or likely)
        trial = population.trial_id
        finish = f"tune-noise repair {folder} --output FILE"
    if not tasks:
        raise UserError(
            f"{folder}, condition {chosen.name}: no label is more likely wrong than right; "
            "--labels N shows the N most suspicious ones all the same"
        )
    names = [class_name(label, dataset.class_names) for label in range(dataset.num_classes)]
    review = Review(tasks, data.views, names, record, mode, again=again)
    words = Words(
        title=f"{mode.capitalize()} of {history.config.name}",
        question=_QUESTIONS[mode],
        list_id="/".join([history.search["search_id"], chosen.name, mode, trial]),
        person=check_person(person),
        finish=finish,
        interval=lambda: "",
    )
    return review, words


def choose_condition(summary: Summary, name: str | None, folder: Path) -> ConditionSummary:
    """Return a condition by its name, or the only one.

    Raises:
        UserError: there is none of this name, or none is named and there are several.
    """
    conditions = {condition.name: condition for condition in summary.conditions}
    if name in conditions:
        return conditions[name]
    if name is None and len(conditions) == 1:
        return summary.conditions[0]
    fault = "is not one" if name is not None else "must be named"
    raise UserError(f"--condition {name or ''}: {fault}, as {folder} has {', '.join(conditions)}")


def _sample(record: AuditRecord, condition: str, folder: Path) -> Sample:
    """Return the sample of a condition.

    Raises:
        UserError: none was drawn.
    """
    sample = record.samples.get(condition)
    if sample is None:
        raise UserError(
            f"{folder}, condition {condition}: no sample was drawn for an audit: draw one by "
            f"`tune-noise audit {folder}`, or look through the suspects by --mode suspects"
        )
    return sample
