"""The main job in four stages: check and begin, train, deliver, say where things are."""

import math
import os
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from tune_noise.config.search import SearchConfig
from tune_noise.data import Dataset
from tune_noise.data.duplicates import data_warnings
from tune_noise.errors import Interrupted, StorageError, TuneNoiseError, UserError
from tune_noise.history.replay import History
from tune_noise.record import Event, Record, RecordPlace
from tune_noise.record.folder import SEARCH_FILE
from tune_noise.record.reach import check
from tune_noise.reporting import (
    Summary,
    condition_tables,
    gain_sentences,
    unlabelled_sentence,
    write_outputs,
)
from tune_noise.service.begin import begin
from tune_noise.service.checked_data import label_warnings, load_checked
from tune_noise.service.closing import (
    audit_command,
    deliver_command,
    failures,
    resume_command,
    say_where,
    undelivered,
    warn,
)
from tune_noise.service.continuation import changed_code, grows, read_begun
from tune_noise.service.earlier import lineage_facts
from tune_noise.service.encoding import cluster_executor
from tune_noise.service.plan import repetitions_left_out
from tune_noise.service.progress import SearchProgress
from tune_noise.service.resolution import least_differences
from tune_noise.service.start import asked_first
from tune_noise.system.files import check_writable, storage_fault
from tune_noise.system.lock import check_unowned, own_folder
from tune_noise.system.signals import Interrupt
from tune_noise.tracking import TrackingProcess, check_tracking_uri, default_tracking_uri
from tune_noise.winners.export import export_winners
from tune_noise.winners.find_suspects import find_on_cluster
from tune_noise.winners.registration import describe_models

# MLflow may be slow, but a finished search should not wait for it for ever, an interrupted one
# not for long, and one that is to end at once not at all: `deliver` brings the rest.
TRACKING_SECONDS = 120.0
INTERRUPTED_TRACKING_SECONDS = 15.0
# What is proposed where a time budget was too short for any trial, unless that was nearly as long.
_LEAST_BUDGET_SECONDS = 600.0


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
        time_budget_seconds: of the search stage, over all drivers; None for what the record names.
        quiet: no progress.
        register: enter the winners into MLflow's model registry.
        space: name of the space that was asked for; None where the record knows it.
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
    space: str | None = None

    def folder(self, search: SearchConfig) -> Path:
        """Return the folder of a search."""
        return self.output.resolve() / search.name


@dataclass(frozen=True)
class _Checked:
    """What the first checks have read. Until now nothing has been written."""

    dataset: Dataset
    place: RecordPlace
    tracking_uri: str
    time_budget_seconds: float | None
    is_done: bool


@dataclass(frozen=True)
class _Begun:
    """A search whose folder, record and tracking are open."""

    record: Record
    history: History
    tracking: TrackingProcess
    warnings: list[str]


@dataclass(frozen=True)
class _Delivered:
    """What a finished search has left behind."""

    history: History
    summary: Summary
    warnings: list[str]


def run_search(
    search: SearchConfig, request: Request, console: Console, *, dataset: Dataset | None = None
) -> Path:
    """Run or resume one search and write everything it promises.

    Args:
        search: what is searched.
        request: what the command line asks for beside it.
        console: where progress and verdicts are printed.
        dataset: the data where they are loaded already; None: they are loaded.

    Returns:
        The search's folder.

    Raises:
        UserError: bad input of any kind, before anything is trained.
        StorageError: the record or the folder cannot be written any more.
        TuneNoiseError: every trial failed.
        Interrupted: Ctrl-C, SIGTERM or SIGHUP; the record holds all that happened.
    """
    folder = request.folder(search)
    try:
        with Interrupt() as interrupt:
            return _run_search(search, request, console, interrupt, dataset)
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


def _run_search(
    search: SearchConfig,
    request: Request,
    console: Console,
    interrupt: Interrupt,
    dataset: Dataset | None,
) -> Path:
    started = time.monotonic()
    folder = request.folder(search)
    checked = _check(search, request, folder, dataset)
    if checked.dataset.reading is not None:
        console.print(f"{checked.dataset.name}: {checked.dataset.reading}", soft_wrap=True)
    with ExitStack() as stack:
        # The cluster may refuse, too: until it has agreed nothing is written.
        cluster = stack.enter_context(ExitStack())
        if not checked.is_done:
            nodes = cluster.enter_context(_cluster(search, request, folder))
        begun = stack.enter_context(_begin(search, request, checked, folder, interrupt))
        for warning in begun.warnings:
            warn(console, warning)
        if not checked.is_done:
            _train(search, request, checked, begun, console, nodes, interrupt)
        # Closing takes seconds, and nothing more is trained.
        stack.enter_context(_in_background(cluster.close))
        delivered = _deliver(begun, checked.dataset, request, folder)
    if not delivered.history.trials:
        raise UserError(_nothing_begun(delivered.history, folder, request))
    _say(delivered, begun.tracking, checked.tracking_uri, folder, console, started)
    if all(trial.status == "failed" for trial in delivered.history.trials.values()):
        raise TuneNoiseError("no trial could be trained: see the warning above")
    return folder


def _check(
    search: SearchConfig, request: Request, folder: Path, loaded: Dataset | None
) -> _Checked:
    """Read the data and what has begun, and check that all places can be used."""
    executor = cluster_executor(search, address=request.address, folder=folder)
    dataset = load_checked(search, request.data_dir, loaded, executor=executor)
    check_writable(folder)
    check_unowned(folder)
    place = RecordPlace.of_folder(folder, request.record)
    check(place)
    before = read_begun(folder, place, search, dataset, resume=request.resume)
    tracking_uri = request.tracking_uri or default_tracking_uri(folder.parent)
    check_tracking_uri(tracking_uri, experiment=search.name, source=request.tracking_source)
    budget = request.time_budget_seconds
    if before is not None and budget is None:
        budget = before.time.budget_seconds
    is_done = before is not None and before.finished and not grows(before, search, budget)
    return _Checked(dataset, place, tracking_uri, budget, is_done)


@contextmanager
def _begin(
    search: SearchConfig, request: Request, checked: _Checked, folder: Path, interrupt: Interrupt
) -> Iterator[_Begun]:
    """Own the folder, open the record, write the first event, and start to feed MLflow."""
    dataset, place = checked.dataset, checked.place
    with own_folder(folder):
        place.remember(folder)
        with Record(place, writer=True) as record:
            limits = repetitions_left_out(search)
            resolution = [*least_differences(search, dataset), *limits]
            start, fitted = asked_first(search, dataset)
            history = begin(
                record,
                search,
                dataset,
                folder,
                resolution=resolution,
                start=start,
                space=request.space,
                lineage=lineage_facts(search, dataset),
            )
            warnings = [*limits, *fitted, *label_warnings(search, dataset), *data_warnings(dataset)]
            warnings += filter(None, (record.dropped, changed_code(history)))
            with _tracking(place, search, checked.tracking_uri, folder, interrupt) as tracking:
                yield _Begun(record, history, tracking, warnings)


@contextmanager
def _tracking(
    place: RecordPlace, search: SearchConfig, uri: str, folder: Path, interrupt: Interrupt
) -> Iterator[TrackingProcess]:
    """Feed MLflow from the record. After an error it gets little time, as users wait."""
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


def _cluster(
    search: SearchConfig, request: Request, folder: Path
) -> AbstractContextManager[list[dict[str, Any]]]:
    # Ray takes a second to import: only a search that trains anything pays for it.
    from tune_noise.tuning.cluster.connect import cluster

    return cluster(search, address=request.address, folder=folder)


def _train(
    search: SearchConfig,
    request: Request,
    checked: _Checked,
    begun: _Begun,
    console: Console,
    nodes: list[dict[str, Any]],
    interrupt: Interrupt,
) -> None:
    """Search, confirm, train reference models, find suspects: all that needs the cluster."""
    from tune_noise.tuning.cluster.placement import max_concurrent
    from tune_noise.tuning.cluster.watch import cluster_watch
    from tune_noise.tuning.driver import run_session
    from tune_noise.tuning.references import train_references
    from tune_noise.tuning.session.session import Session

    folder, budget = request.folder(search), checked.time_budget_seconds
    after = {"suspects": search.suspects, "references": search.references}
    search = begun.history.config.model_copy(update=after)
    run = {"host": socket.gethostname(), "pid": os.getpid(), "time_budget_seconds": budget}
    begun.record.append(Event("run", data=run))
    session = Session(search, begun.record, time_budget_seconds=budget)
    progress = SearchProgress(
        search,
        session.history,
        console=console,
        concurrent=max_concurrent(nodes, search.resources),
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
        if interrupt.has_come:  # a signal to all processes has ended Ray, too
            errors.print(f"\n{Interrupted(_resume_command(folder, request))}")
            os._exit(Interrupted.exit_code)
        errors.print(f"error: {_stopped(reason, folder, request)}")
        os._exit(TuneNoiseError.exit_code)

    with progress, interrupt.clean_stop(say_stopping), cluster_watch(end, interrupt):
        run_session(
            session, checked.dataset, output=folder, resources=search.resources, interrupt=interrupt
        )
        train_references(session, checked.dataset, interrupt)
        find_on_cluster(session, checked.dataset, folder, interrupt)
    session.finish()


@contextmanager
def _in_background(work: Callable[[], None]) -> Iterator[None]:
    """Do something in a thread of its own; at the end wait for it."""
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work)
        yield
        done.result()


def _deliver(begun: _Begun, dataset: Dataset, request: Request, folder: Path) -> _Delivered:
    """Write tables, report and winners from the record, and wait for MLflow."""
    history = History.replay(begun.record.events())
    summary = write_outputs(history, folder)
    problems = export_winners(summary, dataset, folder)
    describe_models(history, summary, dataset, folder, register=request.register)
    late = begun.tracking.finish(timeout_seconds=TRACKING_SECONDS)
    if late is not None:
        late = undelivered(late, deliver_command(folder, request.tracking_uri))
    warnings = filter(None, [failures(history, folder), *problems, late])
    return _Delivered(history, summary, list(warnings))


def _say(
    delivered: _Delivered,
    tracking: TrackingProcess,
    tracking_uri: str,
    folder: Path,
    console: Console,
    started: float,
) -> None:
    """Print the tables, the warnings, and where everything is."""
    for table in condition_tables(delivered.summary):
        console.print(table)
    for gain in gain_sentences(delivered.summary):
        console.print(f"\nafter the repair: {gain}", highlight=False, soft_wrap=True)
    if (sentence := unlabelled_sentence(delivered.summary)) is not None:
        console.print(f"\n{sentence}", highlight=False, soft_wrap=True)
    for warning in delivered.warnings:
        warn(console, warning)
    seconds = time.monotonic() - started
    say_where(
        console,
        folder,
        tracking_uri,
        tracking.experiment_id,
        seconds,
        tracking.models,
        audit_command(delivered.summary, folder),
    )


def _nothing_begun(history: History, folder: Path, request: Request) -> str:
    """Return what to do about a time budget in which no trial began."""
    budget = history.time.budget_seconds or 0.0
    minutes = math.ceil(max(_LEAST_BUDGET_SECONDS, 10.0 * budget) / 60.0)
    return (
        f"the time budget of {budget:g} s was used up before the first trial began, so nothing was "
        "trained; continue with more time:\n"
        f"  {_resume_command(folder, request)} --time-budget {minutes}m"
    )


def _stopped(reason: str, folder: Path, request: Request) -> str:
    return (
        f"{reason}; the search has stopped, and nothing that was recorded is lost. When this is "
        f"fixed, continue with:\n  {_resume_command(folder, request)}"
    )


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
