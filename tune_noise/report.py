"""`python -m tune_noise.report`: write tables, figures and page of searches from their records."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from tune_noise.command_line.completion import complete_search
from tune_noise.command_line.options import Json, RecordUrl, parse_path
from tune_noise.command_line.run import divert_output, print_json, run_command
from tune_noise.errors import UserError
from tune_noise.history.open import read_history
from tune_noise.history.replay import History
from tune_noise.record.folder import REPORT_FILE, SUMMARY_FILE


def report(
    folders: Annotated[
        list[Path],
        typer.Argument(
            parser=parse_path,
            metavar="FOLDER...",
            help="Folder of a search, e.g. runs/uniform. Several folders are compared.",
            autocompletion=complete_search,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            parser=parse_path,
            metavar="FILE",
            help="File for a comparison, default: comparison.html beside the first folder; or for "
            "the table of --markdown or --latex.",
            show_default=False,
        ),
    ] = None,
    record: RecordUrl = None,
    thumbnails: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=100,
            metavar="N",
            help="Show at most N suspicious examples per condition. Default: 40.",
        ),
    ] = None,
    markdown: Annotated[
        bool,
        typer.Option(
            "--markdown",
            help="Print one table as papers have it instead: a row per method, a column per "
            "condition, the best in bold.",
        ),
    ] = False,
    latex: Annotated[
        bool, typer.Option("--latex", help="The same for LaTeX; needs the package booktabs.")
    ] = False,
    accuracy: Annotated[
        Literal["selected", "last", "best"],
        typer.Option(
            metavar="WHICH",
            help="Test accuracy in that table: at the selected epoch, of the last epochs, or at "
            "the best epoch, which only clean labels tell.",
        ),
    ] = "selected",
    as_json: Json = False,
) -> None:
    """Write the tables, summary, figures and page of a search again, from its record.

    For several searches, write one page that compares them.
    """
    if markdown or latex:
        if (markdown and latex) or as_json or thumbnails is not None:
            raise UserError("--markdown, --latex, --json and --thumbnails: choose one of them")
        _write_table(_histories(folders, record), output, latex=latex, accuracy=accuracy)
        return
    if accuracy != "selected":
        raise UserError("--accuracy: is for a table: add --markdown or --latex")
    if len(folders) > 1:
        if thumbnails is not None:
            raise UserError("--thumbnails: a comparison shows no examples: leave it out")
        _compare(folders, output, record, as_json=as_json)
        return
    if output is not None:
        raise UserError("--output: one search's report is written into its own folder")
    # Imported here because pandas and matplotlib take a second and `--help` needs neither.
    from tune_noise.reporting import condition_tables, write_outputs

    [folder] = folders
    history = read_history(folder, record)
    summary = write_outputs(history, folder, max_examples=thumbnails)
    if as_json:
        print_json(json.loads((folder / SUMMARY_FILE).read_text(encoding="utf-8")))
        return
    console = Console(markup=False)
    for table in condition_tables(summary):
        console.print(table)
    console.print(f"report   {folder / REPORT_FILE}", highlight=False, soft_wrap=True)


def _write_table(
    histories: dict[str, History],
    output: Path | None,
    *,
    latex: bool,
    accuracy: Literal["selected", "last", "best"],
) -> None:
    from tune_noise.reporting import summarise
    from tune_noise.reporting.paper import paper_columns, to_latex, to_markdown

    summaries = {name: summarise(history) for name, history in histories.items()}
    columns = paper_columns(summaries, accuracy)
    if not any(column.accuracies for column in columns):
        raise UserError("no finalist has a test accuracy yet: there is nothing to print")
    text = "\n".join((to_latex if latex else to_markdown)(columns, accuracy)) + "\n"
    if output is None:
        print(text, end="")
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"--output: {output} cannot be written ({error.strerror})") from None


def _compare(
    folders: list[Path], output: Path | None, record: str | None, *, as_json: bool
) -> None:
    from tune_noise.reporting.comparison.compare import compare_searches
    from tune_noise.reporting.comparison.data import comparison_to_json
    from tune_noise.reporting.comparison.page import write_comparison
    from tune_noise.reporting.comparison.terminal import comparison_tables
    from tune_noise.reporting.comparison.words import notes, overview

    page = output or folders[0].resolve().parent / "comparison.html"
    if page.suffix != ".html":
        raise UserError(f"--output {page}: must be a file that ends in .html")
    comparison = compare_searches(_histories(folders, record))
    try:
        write_comparison(comparison, page)
    except OSError as error:
        raise UserError(f"--output: {page} cannot be written ({error.strerror})") from None
    with divert_output(as_json):
        console = Console(markup=False, highlight=False)
        console.print(f"{overview(comparison)}\n")
        for table in comparison_tables(comparison):
            console.print(table)
            console.print()
        for note in notes(comparison):
            console.print(f"- {note}")
        console.print(f"report   {page}", soft_wrap=True)
    if as_json:
        print_json({"page": str(page), **comparison_to_json(comparison)})


def _histories(folders: list[Path], record: str | None) -> dict[str, History]:
    """Return label -> history; the label is the folder's name, or its path if names are equal.

    Raises:
        UserError: a folder holds no search, or a search is named twice; all problems at once.
    """
    names = [folder.resolve().name for folder in folders]
    histories: dict[str, History] = {}
    seen: dict[str, Path] = {}
    problems = []
    for folder, name in zip(folders, names, strict=True):
        try:
            history = read_history(folder, record)
        except UserError as error:
            problems.append(str(error))
            continue
        identity = history.search.get("search_id") or str(folder.resolve())
        if identity in seen:
            problems.append(f"{folder}: is the same search as {seen[identity]}: name it once")
        seen.setdefault(identity, folder)
        histories[name if names.count(name) == 1 else str(folder)] = history
    if problems:
        raise UserError("\n".join(problems))
    return histories


if __name__ == "__main__":
    run_command(report, name="report")
