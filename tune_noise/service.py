"""The main job, start to end: check, run, confirm, write, track, say where things are."""

import shlex
import shutil
import sys
import time
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tune_noise.config.search import SearchConfig
from tune_noise.data import Dataset, load_dataset
from tune_noise.errors import ConfigError, Interrupted, TuneNoiseError
from tune_noise.history import History
from tune_noise.output import RECORD_FILE, begin, check_folder, own_folder
from tune_noise.progress import SearchProgress, clock
from tune_noise.record import Record
from tune_noise.reporting import condition_tables, write_outputs
from tune_noise.resolution import blind_conditions
from tune_noise.tracking import (
    TrackingProcess,
    check_tracking_uri,
    default_tracking_uri,
    mask_password,
)
from tune_noise.winners import export_winners

# MLflow may be slow, but a finished search should not wait for it for ever.
TRACKING_SECONDS = 120.0
# Fields whose values not every data set can serve.
_DATA_FIELDS = ("model", "example_order", "val_fraction")


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
        ConfigError: a network, an order or a split does not suit the data.
    """
    from tune_noise.data.splits import stratified_split
    from tune_noise.training.labelled_data import SPLIT_SEED
    from tune_noise.training.trial import data_problems

    dataset = load_dataset(search.dataset, data_dir=data_dir)
    searched = {f: search.search[f].extremes() for f in _DATA_FIELDS if f in search.search}
    configs = [
        search.trial_config(condition, dict(zip(searched, values, strict=True)))
        for condition in search.all_conditions
        for values in product(*searched.values())
    ]
    problems = {p.message: p for config in configs for p in data_problems(config, dataset)}
    if problems:
        raise ConfigError(f"{search.name} on {dataset.name}", list(problems.values()))
    for val_fraction in {config.val_fraction for config in configs}:
        stratified_split(dataset.train_labels, val_fraction=val_fraction, seed=SPLIT_SEED)
    return dataset


def run_search(search: SearchConfig, request: Request, console: Console) -> Path:
    """Run or resume one search and write everything it promises.

    Returns:
        The search's folder.

    Raises:
        UserError: bad input of any kind, before anything is trained.
        TuneNoiseError: every trial failed.
        Interrupted: Ctrl-C; the record holds all that happened.
    """
    started = time.monotonic()
    root = request.output.resolve()
    folder = root / search.name
    dataset = load_checked(search, request.data_dir)
    before = check_folder(folder, search, dataset, resume=request.resume)
    tracking_uri = request.tracking_uri or default_tracking_uri(root)
    check_tracking_uri(tracking_uri)
    with ExitStack() as stack:
        # The cluster may refuse, too: until it has agreed nothing is written.
        finished = before is not None and before.finished
        total = None if finished else stack.enter_context(_cluster(search, request))
        stack.enter_context(own_folder(folder))
        record = stack.enter_context(Record(folder / RECORD_FILE))
        begin(record, search, dataset, folder)
        tracking = TrackingProcess.start(
            record.path, tracking_uri=tracking_uri, experiment=search.name, output=folder
        )
        for sentence in blind_conditions(search, dataset):
            _warn(console, sentence)
        try:
            if total is not None:
                _run(search, request, dataset, record, console, total)
            history = History.replay(record.events())
            summary = write_outputs(history, folder)
            export_winners(summary, dataset, folder)
        except KeyboardInterrupt:
            tracking.finish(timeout_seconds=TRACKING_SECONDS)
            raise Interrupted(resume_command(folder, request)) from None
    warning = tracking.finish(timeout_seconds=TRACKING_SECONDS)
    for table in condition_tables(summary):
        console.print(table)
    warnings = [_failures(history, folder), warning]
    for text in filter(None, warnings):
        _warn(console, text)
    _say_where(console, folder, tracking_uri, tracking.experiment_id, time.monotonic() - started)
    if all(trial.status == "failed" for trial in history.trials.values()):
        raise TuneNoiseError("no trial could be trained: see the warning above")
    return folder


def _warn(console: Console, sentence: str) -> None:
    line = Text(f"warning: {sentence}", style="yellow")
    console.print(line, highlight=False, soft_wrap=True)


def _failures(history: History, folder: Path) -> str | None:
    """How many trials could not be trained, and why the first could not."""
    failed = [trial for trial in history.trials.values() if trial.status == "failed"]
    if not failed:
        return None
    return (
        f"{len(failed)} of {len(history.trials)} trials failed, the first ({failed[0].trial_id}): "
        f"{failed[0].stop_reason}; tracebacks in {folder / '.ray' / 'tune'}/*/error.txt"
    )


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


def resume_command(folder: Path, request: Request) -> str:
    """The command that continues the search in a folder; a password in it is masked."""
    command = f"{_program('tune-noise')} resume {shlex.quote(str(folder))}"
    options = {
        "--data-dir": request.data_dir,
        "--address": request.address,
        "--tracking-uri": request.tracking_uri,
    }
    given = [f" {name} {shlex.quote(str(v))}" for name, v in options.items() if v is not None]
    return mask_password(command + "".join(given))


def _program(name: str) -> str:
    """How a person starts a program of this environment: its name, or its path if not on PATH."""
    here = Path(sys.executable).parent / name
    found = shutil.which(name)
    if not here.exists() or (found is not None and Path(found).resolve() == here.resolve()):
        return name
    relative = here.is_relative_to(Path.cwd())
    return shlex.quote(str(here.relative_to(Path.cwd()) if relative else here))


def _say_where(
    console: Console, folder: Path, tracking_uri: str, experiment_id: str | None, seconds: float
) -> None:
    rows = [
        ("results", str(folder)),
        ("report", f"{_opener()} {shlex.quote(str(folder / 'report.html'))}"),
    ]
    # Without the query MLflow opens on its pages for language models.
    page = f"/#/experiments/{experiment_id or ''}?workflowType=machine_learning"
    if tracking_uri.startswith("http"):
        rows.append(("MLflow", mask_password(tracking_uri.rstrip("/") + page)))
    else:
        store = shlex.quote(mask_password(tracking_uri))
        rows.append(("MLflow", f"{_program('mlflow')} ui --backend-store-uri {store}"))
        rows.append(("", f"then open http://127.0.0.1:5000{page}"))
    console.print(f"\nFinished in {clock(seconds)}.", highlight=False)
    for name, text in rows:
        console.print(f"{name:<8} {text}", highlight=False, markup=False, soft_wrap=True)


def _opener() -> str:
    return {"darwin": "open", "win32": "start"}.get(sys.platform, "xdg-open")
