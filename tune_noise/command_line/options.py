"""The options and arguments that commands share, with their help texts."""

from pathlib import Path
from typing import Annotated

import typer

from tune_noise.command_line.completion import (
    complete_assignment,
    complete_dataset,
    complete_search,
    complete_source,
    complete_space,
)
from tune_noise.command_line.passwords import given_uri
from tune_noise.system.files import expand_home


def parse_path(text: str | Path) -> Path:
    """Return the path that an option or an argument means, with the home folder for ~.

    Every option that is a path names it as its parser: a shell leaves `--output=~/x` as it is.
    """
    return Path(expand_home(str(text)))


# The headings under which `--help` lists options.
DATA, SEARCHED, RUN = "The data", "What is searched", "Where and how it runs"
FILES, PRINTED = "Files and tracking", "What is printed"

Space = Annotated[
    str | None,
    typer.Option(
        help="A shipped space (see `tune-noise spaces`) or a YAML file. Default with --data: own.",
        autocompletion=complete_space,
        rich_help_panel=SEARCHED,
        show_default=False,
    ),
]
Trials = Annotated[
    int | None, typer.Option(help="Number of trials per condition.", rich_help_panel=SEARCHED)
]
MoreTrials = Annotated[
    int | None,
    typer.Option(
        help="Number of trials per condition; must be more than before.", rich_help_panel=SEARCHED
    ),
]
Epochs = Annotated[
    int | None,
    typer.Option(
        help="Number of epochs of a trial that is not stopped early.", rich_help_panel=SEARCHED
    ),
]
Seed = Annotated[
    int | None, typer.Option(help="Seed of all random numbers.", rich_help_panel=SEARCHED)
]
Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Set a field. May be given several times.",
        autocompletion=complete_assignment,
        rich_help_panel=SEARCHED,
    ),
]

DatasetName = Annotated[
    str | None,
    typer.Option(
        help="Data set: digits, mnist, fashion_mnist, kmnist, cifar10, cifar100 or FILE.npz.",
        autocompletion=complete_dataset,
        rich_help_panel=DATA,
    ),
]
Data = Annotated[
    str | None,
    typer.Option(
        metavar="SOURCE",
        help="Your own data: a file (.csv .tsv .parquet .jsonl .npz .npy) or a folder.",
        autocompletion=complete_source,
        rich_help_panel=DATA,
    ),
]
Label = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="Column of the labels of your own data. --set data.FIELD=VALUE says what else "
        "stands where.",
        rich_help_panel=DATA,
    ),
]
SkipUnreadable = Annotated[
    bool | None,
    typer.Option(
        "--skip-unreadable",
        help="Leave out pictures of your own data that cannot be read.",
        rich_help_panel=DATA,
        show_default=False,
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        parser=parse_path,
        help="Folder to which data sets are downloaded. Default: $TUNE_NOISE_DATA, else the "
        "user's cache folder.",
        show_default=False,
        rich_help_panel=DATA,
    ),
]

Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Continue the search in the folder, or start it if there is none.",
        rich_help_panel=RUN,
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Print what would run and what it would cost. Start nothing.",
        rich_help_panel=RUN,
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        help="Address of a Ray cluster: HOST:PORT or auto. Default: this machine.",
        rich_help_panel=RUN,
    ),
]
MaxConcurrent = Annotated[
    int | None,
    typer.Option(help="Greatest number of trials at the same time.", rich_help_panel=RUN),
]
CpusPerTrial = Annotated[
    float | None, typer.Option(help="Cores and threads per trial.", rich_help_panel=RUN)
]
GpusPerTrial = Annotated[
    float | None, typer.Option(help="Share of a GPU per trial, e.g. 0.25.", rich_help_panel=RUN)
]
TimeBudget = Annotated[
    str | None,
    typer.Option(
        metavar="DURATION",
        help="Time for the search, e.g. 30m. The confirmation follows it.",
        rich_help_panel=RUN,
    ),
]
OtherTimeBudget = Annotated[
    str | None,
    typer.Option(
        metavar="DURATION",
        help="Time for the search, e.g. 1h30m, in place of its earlier time budget.",
        rich_help_panel=RUN,
    ),
]
Threads = Annotated[int, typer.Option(min=1, help="Number of CPU threads.")]
Device = Annotated[str, typer.Option(help="Device that trains: cpu or cuda.")]

SearchFolder = Annotated[
    Path,
    typer.Argument(
        parser=parse_path,
        help="Folder of the search, e.g. runs/uniform.",
        autocompletion=complete_search,
    ),
]
Name = Annotated[
    str | None,
    typer.Option(
        help="Name of the search's folder. Default: the name of the space.", rich_help_panel=FILES
    ),
]
Output = Annotated[
    Path,
    typer.Option(
        parser=parse_path,
        # In an image or on a cluster it is always the same shared folder.
        envvar="TUNE_NOISE_OUTPUT",
        help="Folder that holds the folders of all searches.",
        rich_help_panel=FILES,
    ),
]
# A URI may hold a password, and a command line is visible to every user of a machine.
TrackingUri = Annotated[
    str | None,
    typer.Option(
        envvar="MLFLOW_TRACKING_URI",
        help="Tracking URI of MLflow. Default: a SQLite file in the output folder.",
        rich_help_panel=FILES,
    ),
]
OnlyCondition = Annotated[
    str | None,
    typer.Option(
        "--condition",
        help="Condition of the search. Default: the only one.",
        show_default=False,
    ),
]
RecordUrl = Annotated[
    str | None,
    typer.Option(
        envvar="TUNE_NOISE_RECORD",
        callback=lambda url: given_uri(url, "--record").uri,
        help="URL of a PostgreSQL database for the record. Default: a file in the search's folder.",
        rich_help_panel=FILES,
    ),
]
Register = Annotated[
    bool,
    typer.Option(
        "--register/--no-register",
        help="Add the winners to MLflow's model registry, or not.",
        rich_help_panel=FILES,
    ),
]

Json = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print JSON for a script on standard output, and nothing else.",
        rich_help_panel=PRINTED,
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress.", rich_help_panel=PRINTED)]
