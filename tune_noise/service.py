"""The main job, start to end: check, run, confirm, write, track, say where things are."""

import shlex
import sys
import time
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from tune_noise.config.search import SearchConfig
from tune_noise.data import Dataset, load_dataset
from tune_noise.errors import ConfigError, Problem
from tune_noise.history import History
from tune_noise.output import RECORD_FILE, begin, open_folder
from tune_noise.progress import SearchProgress, clock
from tune_noise.record import Record
from tune_noise.reporting import condition_tables, write_outputs
from tune_noise.tracking import (
    TrackingProcess,
    check_tracking_uri,
    default_tracking_uri,
    mask_password,
)
from tune_noise.winners import export_winners

# MLflow may be slow, but a finished search should not wait for it for ever.
TRACKING_SECONDS = 120.0


class Interrupted(Exception):  # noqa: N818 - not an error: the user asked for it
    """Ctrl-C; carries the command that resumes."""


@dataclass(frozen=True)
class Request:
    """What the command line asks for beside the search itself.

    Attributes:
        output: the folder of all searches; the search's own is output / name.
        data_dir: where data sets lie; None for the default.
        address: of a Ray cluster; None for this machine.
        tracking_uri: of MLflow; None for sqlite in `output`.
        resume: continue the search in the folder, or start it.
        time_budget_seconds: of the search stage; None for no limit.
        quiet: no progress.
    """

    output: Path
    data_dir: Path | None = None
    address: str | None = None
    tracking_uri: str | None = None
    resume: bool = False
    time_budget_seconds: float | None = None
    quiet: bool = False


def load_checked(search: SearchConfig, data_dir: Path | None) -> Dataset:
    """Load the data of a search and check that its trials can be trained on it.

    Raises:
        DataError: the data cannot be had.
        ConfigError: a network or an order does not suit the data.
    """
    from tune_noise.training.trial import data_problems

    dataset = load_dataset(search.dataset, data_dir=data_dir)
    problems: dict[str, Problem] = {}
    for condition in search.all_conditions:
        for model in search.search["model"].extremes() if "model" in search.search else [None]:
            values = {} if model is None else {"model": model}
            config = search.trial_config(condition, values)
            problems |= {problem.message: problem for problem in data_problems(config, dataset)}
    if problems:
        raise ConfigError(f"{search.name} on {dataset.name}", list(problems.values()))
    return dataset


def run_search(search: SearchConfig, request: Request, console: Console) -> Path:
    """Run or resume one search and write everything it promises.

    Returns:
        The search's folder.

    Raises:
        UserError: bad input of any kind, before anything is trained.
        Interrupted: Ctrl-C; the record holds all that happened.
    """
    started = time.monotonic()
    root = request.output.resolve()
    folder = root / search.name
    dataset = load_checked(search, request.data_dir)
    open_folder(folder, resume=request.resume)
    tracking_uri = request.tracking_uri or default_tracking_uri(root)
    check_tracking_uri(tracking_uri)
    with Record(folder / RECORD_FILE) as record:
        begin(record, search, dataset, folder)
        with ExitStack() as stack:
            finished = History.replay(record.events()).finished
            total = None if finished else stack.enter_context(_cluster(search, request))
            tracking = TrackingProcess.start(
                record.path, tracking_uri=tracking_uri, experiment=search.name, output=folder
            )
            try:
                if total is not None:
                    _run(search, request, dataset, record, console, total)
                history = History.replay(record.events())
                summary = write_outputs(history, folder)
                export_winners(summary, dataset, folder)
            except KeyboardInterrupt:
                tracking.finish(timeout_seconds=TRACKING_SECONDS)
                raise Interrupted(resume_command(folder)) from None
    warning = tracking.finish(timeout_seconds=TRACKING_SECONDS)
    for table in condition_tables(summary):
        console.print(table)
    if warning:
        console.print(f"warning: {warning}", style="yellow", highlight=False, soft_wrap=True)
    _say_where(console, folder, tracking_uri, time.monotonic() - started)
    return folder


def _cluster(search: SearchConfig, request: Request) -> AbstractContextManager[dict[str, float]]:
    # Ray takes a second to import: only a search that trains anything pays for it.
    from tune_noise.tuning.cluster import cluster

    return cluster(search.resources, address=request.address)


def _run(
    search: SearchConfig,
    request: Request,
    dataset: Dataset,
    record: Record,
    console: Console,
    total: dict[str, float],
) -> None:
    from tune_noise.tuning.cluster import max_concurrent
    from tune_noise.tuning.driver import run_session
    from tune_noise.tuning.session import Session

    session = Session(search, record, time_budget_seconds=request.time_budget_seconds)
    progress = SearchProgress(
        search,
        session.history,
        console=console,
        concurrent=max_concurrent(total, search.resources),
        quiet=request.quiet,
    )
    session.on_change = progress.on_change
    with progress:
        run_session(
            session,
            dataset,
            output=record.path.parent,
            resources=search.resources,
            cluster_resources=total,
        )
    session.finish()


def resume_command(folder: Path) -> str:
    """The command that continues the search in a folder."""
    return f"tune-noise resume {shlex.quote(str(folder))}"


def _say_where(console: Console, folder: Path, tracking_uri: str, seconds: float) -> None:
    store = shlex.quote(tracking_uri)
    server = tracking_uri.startswith("http")
    ui = tracking_uri if server else f"mlflow ui --backend-store-uri {store}"
    rows = [
        ("results", str(folder)),
        ("report", f"{_opener()} {shlex.quote(str(folder / 'report.html'))}"),
        ("MLflow", mask_password(ui)),
    ]
    console.print(f"\nFinished in {clock(seconds)}.", highlight=False)
    for name, text in rows:
        console.print(f"{name:<8} {text}", highlight=False, markup=False, soft_wrap=True)


def _opener() -> str:
    return {"darwin": "open", "win32": "start"}.get(sys.platform, "xdg-open")
