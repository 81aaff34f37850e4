"""`tune-noise audit`: a few labels checked by hand, and what follows from them."""

import getpass
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from tune_noise.command_line.options import (
    DataDir,
    Device,
    OnlyCondition,
    RecordUrl,
    SearchFolder,
    Threads,
    parse_path,
)
from tune_noise.errors import UserError

if TYPE_CHECKING:
    from tune_noise.service.audit.opened import OpenedAudit


def audit(
    folder: SearchFolder,
    labels: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Draw a sample of so many labels to check, or enlarge it to so many.",
            show_default=False,
        ),
    ] = None,
    until: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            max=50.0,
            metavar="POINTS",
            help="Draw on until the leader's accuracy and the noise rate are known to ± POINTS.",
            show_default=False,
        ),
    ] = None,
    condition: OnlyCondition = None,
    import_file: Annotated[
        Path | None,
        typer.Option(
            "--import",
            parser=parse_path,
            metavar="FILE",
            help="Take answers from the filled table, or from Label Studio's export (JSON).",
            show_default=False,
        ),
    ] = None,
    person: Annotated[
        str | None,
        typer.Option(help="Who has answered. Default: your login name.", show_default=False),
    ] = None,
    finalists: Annotated[
        bool,
        typer.Option(
            "--finalists",
            help="Cross-fit the other finalists, too, so that they can be compared. It trains.",
        ),
    ] = False,
    curve: Annotated[
        bool,
        typer.Option(
            "--curve", help="Say what it would buy to correct the first suspects. It trains."
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of the sample.")] = 0,
    data_dir: DataDir = None,
    threads: Threads = 1,
    device: Device = "cpu",
    record: RecordUrl = None,
) -> None:
    """Check a few labels by hand, and say how good the model is and how noisy the labels are.

    Draws a random sample, writes it into audit/ for a spreadsheet and for Label Studio, takes
    answers back, and prints what they tell. `tune-noise review` shows the sample on a page.
    """
    # Imported here because the data and torch take a second, and `--help` needs neither.
    from tune_noise.service.audit.opened import open_audit, update_audits

    if labels is not None and until is not None:
        raise UserError("--labels and --until both say how many labels to draw: leave one out")
    console = Console(markup=False, highlight=False, soft_wrap=True)
    opened = open_audit(folder, condition, record)
    if finalists or labels is not None or until is not None:
        _check_out_of_sample(opened)
    if import_file is not None:
        _import(opened, import_file, person or getpass.getuser(), console)
    if finalists or curve:
        _fit(opened, data_dir, threads, device, console, has_finalists=finalists, has_curve=curve)
    if labels is not None or until is not None:
        _draw(opened, labels, until, seed, data_dir, console)
    update_audits(folder, record)
    _print_state(open_audit(folder, condition, record), console)


def _check_out_of_sample(audit: "OpenedAudit") -> None:
    """Check that the leader has not learned what it judged, so that its accuracy can be told."""
    assert audit.condition.suspects is not None
    if audit.condition.suspects["folds"] == 1:
        raise UserError(
            f"{audit.folder}, condition {audit.condition.name}: the leader has learned most of the "
            "labels that it judged, so what it predicts does not tell its accuracy; let networks "
            f"judge them that did not: tune-noise suspects {shlex.quote(str(audit.folder))} "
            "--folds 4"
        )


def _draw(
    audit: "OpenedAudit",
    labels: int | None,
    until: float | None,
    seed: int,
    data_dir: Path | None,
    console: Console,
) -> None:
    from tune_noise.audit.sample import draw_sample
    from tune_noise.service.audit.files import write_audit_files

    before = audit.sample
    checked = audit.checked()
    if labels is None:
        assert until is not None
        if before is not None and (checked is None or len(checked.rows) < 0.9 * len(before)):
            missing = len(before) - (0 if checked is None else len(checked.rows))
            raise UserError(
                f"--until {until:g}: {missing:,} of the {len(before):,} labels drawn are not "
                "checked yet; answer them first, as a look counts whole"
            )
        widths = None if before is None else audit.half_widths()
        if widths is not None and max(widths.values()) <= until / 100:
            console.print(f"done: both half-widths are below {until:g} points")
            return
        labels = audit.labels_for(until / 100)
    if before is not None and labels <= len(before):
        raise UserError(
            f"--labels {labels}: {len(before):,} labels are drawn already, and none is taken back; "
            "ask for more, or leave it out"
        )
    sample = draw_sample(
        audit.population,
        labels=labels,
        seed=seed,
        before=before,
        until=None if until is None else until / 100,
    )
    # First: what cannot be shown to anyone is not drawn.
    target = write_audit_files(audit, sample, data_dir)
    audit.record.add_sample(sample)
    console.print(f"drawn    {len(sample):,} of {len(audit.population):,} labels in {target}")


def _import(audit: "OpenedAudit", path: Path, person: str, console: Console) -> None:
    from tune_noise.audit.answers import current
    from tune_noise.audit.exchange import read_answers

    if audit.sample is None:
        raise UserError(f"--import {path}: {audit.folder} has no sample yet: draw one by --labels")
    answers = read_answers(path, audit.sample, audit.class_names, person=person)
    standing = current(audit.record.answers, "audit")
    new = []
    for answer in answers:
        before = standing.get(answer.example, {}).get(answer.person)
        said = (answer.verdict, answer.classes)
        if before is None or (before.verdict, before.classes) != said:
            new.append(answer)
    audit.record.add_answers(new)
    console.print(f"imported {len(new):,} answers, {len(answers) - len(new):,} were there already")


def _fit(
    audit: "OpenedAudit",
    data_dir: Path | None,
    threads: int,
    device: str,
    console: Console,
    *,
    has_finalists: bool,
    has_curve: bool,
) -> None:
    from tune_noise.audit.curve import DRAWS, curve_points
    from tune_noise.service.recorded_data import load_recorded
    from tune_noise.training.process import prepare_process
    from tune_noise.winners.finalist_predictions import fit_finalists

    prepare_process(threads=threads, device=device)
    dataset = load_recorded(audit.history, audit.folder, data_dir).dataset
    assert audit.condition.suspects is not None
    folds = audit.condition.suspects["folds"]
    if has_finalists:
        missing = audit.missing_finalists()
        console.print(f"finalists to cross-fit: {len(missing)}, each by {folds} trainings")
        for trial_id in fit_finalists(
            audit.condition, dataset, audit.folder, folds=folds, device=device
        ):
            console.print(f"  {trial_id} is done")
    if has_curve:
        number = DRAWS * len(curve_points(audit.population))
        console.print(f"cross-fitting the leader on {number} sets of corrected labels")
        for words in audit.fit_curve(dataset, device=device):
            console.print(f"  {words}")


def _print_state(audit: "OpenedAudit", console: Console) -> None:
    from tune_noise.record.folder import REPORT_FILE
    from tune_noise.reporting.checked_by_hand import audit_sentences

    words, sample = [str(audit.folder)], audit.sample
    if len(audit.history.config.all_conditions) > 1:
        words += ["--condition", audit.condition.name]
    folder = shlex.join(words)
    for sentence in audit_sentences(audit.condition):
        console.print(sentence)
    console.print("labels   half-width to expect: accuracy of the leader, noise rate (points)")
    for size, widths in audit.expected().items():
        accuracy, rate = (f"±{100 * width:.1f}" for width in widths.values())
        console.print(f"{size:>6,}   {accuracy}, {rate}")
    if sample is None:
        console.print(f"next     tune-noise audit {folder} --labels 200")
        return
    checked = audit.checked()
    left = len(sample) - (0 if checked is None else len(checked.rows))
    if missing := audit.missing_finalists():
        console.print(f"other finalists: not compared yet; --finalists trains {len(missing)}")
    if left:
        console.print(f"left     {left:,} labels")
        console.print(f"next     tune-noise review {folder}")
    console.print(f"report   {audit.folder / REPORT_FILE}")
