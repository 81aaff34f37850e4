"""Options of `search` and `resume`."""

from typing import Annotated

import typer

from tune_noise.command_line.completion import complete_dataset, complete_space
from tune_noise.command_line.run import DATA, FILES, RUN, SEARCHED

Space = Annotated[
    str,
    typer.Option(
        help="A shipped space (see `tune-noise spaces`) or a YAML file.",
        autocompletion=complete_space,
        rich_help_panel=SEARCHED,
    ),
]
DatasetName = Annotated[
    str | None,
    typer.Option(
        help="digits, mnist, fashion_mnist, kmnist, cifar10, cifar100 or FILE.npz.",
        autocompletion=complete_dataset,
        rich_help_panel=DATA,
    ),
]
Trials = Annotated[int | None, typer.Option(help="Per condition.", rich_help_panel=SEARCHED)]
MoreTrials = Annotated[
    int | None, typer.Option(help="Per condition; more than before.", rich_help_panel=SEARCHED)
]
Epochs = Annotated[
    int | None, typer.Option(help="Of a trial that is not stopped.", rich_help_panel=SEARCHED)
]
Seed = Annotated[int | None, typer.Option(help="Root of all randomness.", rich_help_panel=SEARCHED)]
Name = Annotated[
    str | None,
    typer.Option(help="Of the search's folder; default: the space's.", rich_help_panel=FILES),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Continue the search in the folder, or start it.",
        rich_help_panel=RUN,
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Print what would run and its cost; start nothing.",
        rich_help_panel=RUN,
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        help="Of a Ray cluster, HOST:PORT or auto; default: this machine.", rich_help_panel=RUN
    ),
]
MaxConcurrent = Annotated[
    int | None, typer.Option(help="Trials at once at most.", rich_help_panel=RUN)
]
CpusPerTrial = Annotated[
    float | None, typer.Option(help="Cores and threads of a trial.", rich_help_panel=RUN)
]
GpusPerTrial = Annotated[
    float | None, typer.Option(help="Share of a GPU, e.g. 0.25.", rich_help_panel=RUN)
]
TimeBudget = Annotated[
    str | None,
    typer.Option(
        metavar="DURATION", help="Of the search, e.g. 30m; then confirm.", rich_help_panel=RUN
    ),
]
OtherTimeBudget = Annotated[
    str | None,
    typer.Option(metavar="DURATION", help="Of the search; other than before.", rich_help_panel=RUN),
]
