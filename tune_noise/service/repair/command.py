"""`tune-noise repair`: write the data of a search with corrected labels, as a new version."""

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tune_noise.command_line.options import (
    DataDir,
    OnlyCondition,
    RecordUrl,
    SearchFolder,
    parse_path,
)
from tune_noise.config.data_source import DataSource
from tune_noise.errors import UserError


def repair(
    folder: SearchFolder,
    output: Annotated[
        Path,
        typer.Option(
            parser=parse_path,
            help="New file, in the form of the data; for a folder of pictures a FILE.csv that "
            "names them. Nothing is overwritten.",
        ),
    ],
    trust: Annotated[
        float | None,
        typer.Option(
            min=0.5,
            max=1.0,
            metavar="P",
            help="Also correct what no person has looked at, where the model holds another class "
            "with at least this probability.",
            show_default=False,
        ),
    ] = None,
    condition: OnlyCondition = None,
    data_dir: DataDir = None,
    record: RecordUrl = None,
) -> None:
    """Write the data with the labels that people have corrected.

    The data of the search stay as they are. Beside the new version stands its lineage: which label
    changed, from what, to what, by whom and when.
    """
    # Imported here because the data take a second, and `--help` needs none of it.
    from tune_noise.data.lineage import describe_lineage
    from tune_noise.service.repair.repair import repair_data

    try:
        version, written, lineage = repair_data(
            folder,
            output,
            trust=trust,
            condition=condition,
            data_dir=data_dir,
            url=record,
        )
    except OSError as error:
        raise UserError(f"--output {output}: cannot be written ({error.strerror})") from None
    console = Console(markup=False, highlight=False, soft_wrap=True)
    console.print(describe_lineage(lineage))
    console.print(f"as given     {lineage['confirmed_as_given']:,} labels that people confirmed")
    if kept := lineage["kept"]:
        console.print(f"kept         {len(kept):,} labels that people could not settle")
    for path in written:
        console.print(f"written      {path}")
    console.print(f"next         {next_command(version)}")


def next_command(version: DataSource) -> str:
    """Return the command that searches a new version."""
    words = ["tune-noise", "search", "--data", version.train]
    defaults = DataSource(train=version.train)
    for name in DataSource.model_fields:
        value = getattr(version, name)
        if value != getattr(defaults, name):
            shown = f"[{', '.join(value)}]" if isinstance(value, list | tuple) else value
            words += ["--set", f"data.{name}={shown}"]
    return shlex.join(words)
