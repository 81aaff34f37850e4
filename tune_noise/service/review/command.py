"""`tune-noise review`: check labels on a page of this machine, one example at a time."""

import getpass
from typing import Annotated

import typer
from rich.console import Console

from tune_noise.command_line.options import DataDir, OnlyCondition, RecordUrl, SearchFolder
from tune_noise.errors import UserError


def review(
    folder: SearchFolder,
    mode: Annotated[
        str,
        typer.Option(
            help="audit: the sample of `tune-noise audit`, with the labels hidden. suspects: the "
            "most suspicious labels first, with the given and the predicted label.",
        ),
    ] = "audit",
    condition: OnlyCondition = None,
    person: Annotated[
        str | None,
        typer.Option(help="Your name, kept with each answer. Default: your login name."),
    ] = None,
    labels: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Number of suspects. Default: all that are more likely wrong than right.",
            show_default=False,
        ),
    ] = None,
    again: Annotated[
        bool,
        typer.Option("--again", help="Also show what another person has answered already."),
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, help="Port of the page. Default: 8642, or one that is free."
        ),
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in a browser, or not.")
    ] = True,
    data_dir: DataDir = None,
    record: RecordUrl = None,
) -> None:
    """Check labels on a page, one example at a time.

    The page is for this machine alone and ends with the command. Every answer is in the record at
    once; the command may be stopped and started again at any time.
    """
    # Imported here because the web server and the data take a second, and `--help` needs neither.
    from tune_noise.service.audit.opened import update_audits
    from tune_noise.service.review.app import make_app
    from tune_noise.service.review.open_review import open_review
    from tune_noise.service.review.serve import address_of, open_socket, serve

    if mode not in ("audit", "suspects"):
        raise UserError(f"--mode {mode}: must be audit or suspects")
    console = Console(markup=False, highlight=False, soft_wrap=True)
    work, words = open_review(
        folder,
        mode="audit" if mode == "audit" else "suspects",
        condition=condition,
        person=person or getpass.getuser(),
        number=labels,
        again=again,
        data_dir=data_dir,
        url=record,
    )
    with open_socket(folder, port) as (listener, token, was_killed):
        if was_killed:
            work.reopen()
        url = address_of(listener.getsockname()[1], token)
        console.print(f"page     {url}\nCtrl-C ends it; another person adds ?person=NAME")
        serve(make_app(work, words, token), listener, url, browser=browser)
    update_audits(folder, record)
    console.print(f"\n{work.num_checked:,} of {len(work.tasks):,} checked\nnext     {words.finish}")
