"""The main job, start to end: check, run, confirm, write, track, say where things are."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from rich.console import Console

from tune_noise.closing import failures, resume_command, say_where, warn
from tune_noise.config.search import SearchConfig
from tune_noise.continuation import changed_code, grows, read_begun
from tune_noise.cross_fitting import find_on_cluster
from tune_noise.data import Dataset, load_dataset
from tune_noise.errors import ConfigError, Interrupted, StorageError, TuneNoiseError
from tune_noise.history import History
from tune_noise.interrupt import Interrupt
from tune_noise.output import (
    SEARCH_FILE,
    begin,
    check_unowned,
    check_writable,
    own_folder,
    storage_fault,
)
from tune_noise.progress import SearchProgress
from tune_noise.record import Event, Record, RecordPlace
from tune_noise.registration import describe_models
from tune_noise.reporting import condition_tables, write_outputs
from tune_noise.resolution import blind_conditions, least_differences
from tune_noise.tracking import TrackingProcess, check_tracking_uri, default_tracking_uri
from tune_noise.winners import export_winners

# MLflow may be slow, but a finished search should not wait for it for ever, an interrupted one
# not for long, and one that is to end at once not at all: a resumed one delivers the rest.
TRACKING_SECONDS = 120.0
INTERRUPTED_TRACKING_SECONDS = 15.0
# Fields whose values not every data set can serve, one by one and in any combination.
_DATA_FIELDS = ("model", "example_order")
_NOISE_FIELDS = (
    "val_fraction",
    "train_size",
    "alpha",
    "delta",
    "confusion_order",
    "foreign_source",
    "class_map",
    "transition_file",
    "human_labels",
    "human_file",
)


@dataclass(frozen=True)
class Request:
    """What the command line asks for beside the search itself.

    Attributes:
        output: the folder of all searches; the search's own is output / name.
        data_dir: where data sets lie; None for the default.
        address: of a Ray cluster; None for this machine.
        tracking_uri: of MLflow; None for sqlite in `output`.
        tracking_source: the option or the environment variable that it was given by.
        record: URL of the database for the durable record; None for a file in the folder.
        resume: continue the search in the folder, or start it.
        time_budget_seconds: of the search stage, over all drivers; None for the limit that the
            record names, if any.
        quiet: no progress.
        register: enter the winners into MLflow's model registry.
    """

    output: Path
    data_dir: Path | None = None
    address: str | None = None
    tracking_uri: str | None = None
    tracking_source: str = "--tracking-uri"
    record: str | None = None
    resume: bool = False
    time_budget_seconds: float | None = None
    quiet: bool = False
    register: bool = True


def load_checked(search: SearchConfig, data_dir: Path | None) -> Dataset:
    """Load the data of a search and check that its trials can be trained on it.

    Returns:
        The data set, with what the noise of every condition needs beside it.

    Raises:
        DataError: the data cannot be had.
        ConfigError: a network, an order, a noise or a split does not suit the data.
    """
    from tune_noise.data.splits import stratified_split
    from tune_noise.training.data_problems import data_problems
    from tune_noise.training.labelled_data import SPLIT_SEED
    from tune_noise.training.material import load_material

    dataset = load_dataset(search.dataset, data_dir=data_dir)
    configs = [search.trial_config(c, v) for c in search.all_conditions for v in _choices(search)]
    dataset, found = load_material(dataset, configs, data_dir=data_dir)
    found += [problem for config in configs for problem in data_problems(config, dataset)]
    if found:
        problems = {problem.message: problem for problem in found}
        raise ConfigError(f"{search.name} on {dataset.name}", list(problems.values()))
    for val_fraction in {config.val_fraction for config in configs}:
        stratified_split(dataset.train_labels, val_fraction=val_fraction, seed=SPLIT_SEED)
    return dataset


def _choices(search: SearchConfig) -> list[dict[str, Any]]:
    """Values of the searched fields, among them all that a data set might not serve."""
    searched = {f: search.search[f].extremes() for f in _DATA_FIELDS if f in search.search}
    noise = {f: search.search[f].extremes() for f in _NOISE_FIELDS if f in search.search}
    combined = [dict(zip(noise, values, strict=True)) for values in product(*noise.values())]
    first = {field: values[0] for field, values in searched.items()}
    # One field at a time: what the data must have for a network does not depend on the rest.
    singles = [first | {f: v} for f, values in searched.items() for v in values[1:]]
    return [first | values for values in combined] + [combined[0] | values for values in singles]


def run_search(search: SearchConfig, request: Request, console: Console) -> Path:
    """Run or resume one search and write everything it promises.

    Returns:
        The search's folder.

    Raises:
        UserError: bad input of any kind, before anything is trained.
        StorageError: the record or the folder cannot be written any more.
        TuneNoiseError: every trial failed.
        Interrupted: Ctrl-C or SIGTERM; the record holds all that happened.
    """
    folder = request.output.resolve() / search.name
    try:
        with Interrupt() as interrupt:
            return _run_search(search, request, console, folder, interrupt)
    except KeyboardInterrupt:
        if not (folder / SEARCH_FILE).exists():
            raise  # nothing has begun that could be resumed
        raise Interrupted(_resume_command(folder, request)) from None
    except StorageError as error:
        raise StorageError(_stopped(str(error), folder, request)) from error
    except OSError as error:
        if (fault := storage_fault(error, folder)) is None:
            raise
        raise StorageError(_stopped(fault, folder, request)) from error


def _stopped(reason: str, folder: Path, request: Request) -> str:
    return (
        f"{reason}; the search has stopped, and nothing that was recorded is lost. When this is "
        f"mended, continue with:\n  {_resume_command(folder, request)}"
    )


def _run_search(
    search: SearchConfig, request: Request, console: Console, folder: Path, interrupt: Interrupt
) -> Path:
    started = time.monotonic()
    dataset = load_checked(search, request.data_dir)
    check_writable(folder)
    check_unowned(folder)
    place = RecordPlace.of_folder(folder, request.record)
    place.check()
    before = read_begun(folder, place, search, dataset, resume=request.resume)
    tracking_uri = request.tracking_uri or default_tracking_uri(folder.parent)
    check_tracking_uri(tracking_uri, source=request.tracking_source)
    request = _with_budget(request, before)
    is_done = (
        before is not None
        and before.finished
        and not grows(before, search, request.time_budget_seconds)
    )
    with ExitStack() as stack:
        # The cluster may refuse, too: until it has agreed nothing is written.
        total = None if is_done else stack.enter_context(_cluster(search, request))
        stack.enter_context(own_folder(folder))
        place.remember(folder)
        record = stack.enter_context(Record(place, writer=True))
        blind = blind_conditions(search, dataset)
        resolution = [*least_differences(search, dataset), *blind]
        history = begin(record, search, dataset, folder, resolution=resolution)
        tracking = stack.enter_context(_tracking(place, search, tracking_uri, folder, interrupt))
        for sentence in filter(None, (*blind, record.dropped, changed_code(history))):
            warn(console, sentence)
        if total is not None:
            begun = history.config.model_copy(update={"suspects": search.suspects})
            _run(begun, request, dataset, record, console, total, interrupt)
        history = History.replay(record.events())
        summary = write_outputs(history, folder)
        problems = export_winners(summary, dataset, folder)
        describe_models(history, summary, dataset, folder, register=request.register)
        warning = tracking.finish(timeout_seconds=TRACKING_SECONDS)
    for table in condition_tables(summary):
        console.print(table)
    for text in filter(None, [failures(history, folder), *problems, warning]):
        warn(console, text)
    seconds = time.monotonic() - started
    say_where(console, folder, tracking_uri, tracking.experiment_id, seconds, tracking.models)
    if all(trial.status == "failed" for trial in history.trials.values()):
        raise TuneNoiseError("no trial could be trained: see the warning above")
    return folder


def _resume_command(folder: Path, request: Request) -> str:
    return resume_command(
        folder,
        {
            "--data-dir": request.data_dir,
            "--address": request.address,
            "--tracking-uri": request.tracking_uri,
            "--no-register": None if request.register else True,
        },
    )


def _with_budget(request: Request, before: History | None) -> Request:
    """The request with the budget that holds: what is asked for now, else what the record says."""
    if request.time_budget_seconds is not None or before is None:
        return request
    return replace(request, time_budget_seconds=before.time.budget_seconds)


@contextmanager
def _tracking(
    place: RecordPlace, search: SearchConfig, uri: str, folder: Path, interrupt: Interrupt
) -> Iterator[TrackingProcess]:
    """MLflow fed from the record; after an error it gets little time, as users wait."""
    tracking = TrackingProcess.start(place, tracking_uri=uri, experiment=search.name, output=folder)
    try:
        yield tracking
    except BaseException:
        try:
            seconds = 0.0 if interrupt.at_once else INTERRUPTED_TRACKING_SECONDS
            tracking.finish(timeout_seconds=seconds)
        except KeyboardInterrupt:
            tracking.finish(timeout_seconds=0.0)
        raise


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
    interrupt: Interrupt,
) -> None:
    from tune_noise.tuning.cluster import max_concurrent
    from tune_noise.tuning.cluster_watch import cluster_watch
    from tune_noise.tuning.driver import run_session
    from tune_noise.tuning.session import Session

    folder, budget = request.output.resolve() / search.name, request.time_budget_seconds
    run = {"host": socket.gethostname(), "pid": os.getpid(), "time_budget_seconds": budget}
    record.append(Event("run", data=run))
    session = Session(search, record, time_budget_seconds=budget)
    progress = SearchProgress(
        search,
        session.history,
        console=console,
        concurrent=max_concurrent(total, search.resources),
        quiet=request.quiet,
    )
    session.on_change = progress.on_change

    def say_stopping() -> None:
        progress.warn(
            "interrupted: the running trials are checkpointed (Ctrl-C again ends at once); "
            f"continue with: {_resume_command(folder, request)}"
        )

    def end(reason: str) -> None:
        # From a thread of its own, as the main one may hang inside Ray: what was recorded is safe,
        # and the tracking process delivers it when it sees that its driver is gone.
        progress.close()
        errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        errors.print(f"error: {_stopped(reason, folder, request)}")
        os._exit(TuneNoiseError.exit_code)

    with progress, interrupt.clean_stop(say_stopping), cluster_watch(end):
        run_session(
            session, dataset, output=folder, resources=search.resources, interrupt=interrupt
        )
        find_on_cluster(session, dataset, folder, interrupt)
    session.finish()
