"""`python -m tune_noise.search`: run a search. `ray submit` copies this file and runs it."""

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from tune_noise.command_line.options import (
    Address,
    Assignments,
    CpusPerTrial,
    Data,
    DataDir,
    DatasetName,
    DryRun,
    Epochs,
    GpusPerTrial,
    Json,
    Label,
    MaxConcurrent,
    MoreTrials,
    Name,
    OtherTimeBudget,
    Output,
    Quiet,
    RecordUrl,
    Register,
    Resume,
    SearchFolder,
    Seed,
    SkipUnreadable,
    Space,
    TimeBudget,
    TrackingUri,
    Trials,
)
from tune_noise.command_line.passwords import given_uri
from tune_noise.command_line.run import (
    divert_output,
    parse_duration,
    print_json,
    run_command,
)
from tune_noise.config.loader import find_space, parse_assignments
from tune_noise.config.search import SearchConfig
from tune_noise.errors import TuneNoiseError, UserError
from tune_noise.history.open import read_recorded_search
from tune_noise.record.folder import REPORT_FILE, SUMMARY_FILE, winner_dir

if TYPE_CHECKING:  # NumPy is imported only where data are loaded
    from tune_noise.data import Dataset


def search(
    space: Space = None,
    data: Data = None,
    label: Label = None,
    skip_unreadable: SkipUnreadable = None,
    dataset: DatasetName = None,
    data_dir: DataDir = None,
    trials: Trials = None,
    epochs: Epochs = None,
    assignments: Assignments = None,
    seed: Seed = None,
    name: Name = None,
    output: Output = Path("runs"),
    resume: Resume = False,
    dry_run: DryRun = False,
    address: Address = None,
    max_concurrent: MaxConcurrent = None,
    cpus_per_trial: CpusPerTrial = None,
    gpus_per_trial: GpusPerTrial = None,
    time_budget: TimeBudget = None,
    tracking_uri: TrackingUri = None,
    record: RecordUrl = None,
    register: Register = True,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Search which method, network and hyper-parameters survive noisy labels.

    It steers by noisy validation labels alone and confirms the finalists on fresh seeds.
    """
    # Imported here because torch and pandas take seconds to import and `--help` needs neither.
    from tune_noise.service.own_space import OWN_SPACE, chosen_search
    from tune_noise.service.run import Request, run_search

    flags = {
        "data": data,
        "data.label": label,
        "data.skip_unreadable": skip_unreadable,
        "dataset": dataset,
        "trials": trials,
        "epochs": epochs,
        "seed": seed,
        "name": name,
        "resources.max_concurrent": max_concurrent,
        "resources.cpus_per_trial": cpus_per_trial,
        "resources.gpus_per_trial": gpus_per_trial,
    }
    given = {name: value for name, value in flags.items() if value is not None}
    overrides = {**parse_assignments(assignments or []), **given}
    tracking = given_uri(tracking_uri, "--tracking-uri")
    budget = None if time_budget is None else parse_duration(time_budget)
    with divert_output(as_json):
        config, loaded = chosen_search(space, overrides, data_dir, address=address, output=output)
    request = Request(
        output=output,
        data_dir=data_dir,
        address=address,
        tracking_uri=tracking.uri,
        tracking_source=tracking.source,
        record=record,
        resume=resume,
        time_budget_seconds=budget,
        quiet=quiet,
        register=register,
        space=find_space(space or OWN_SPACE).stem,
    )
    if dry_run:
        _preview(config, data_dir, loaded, as_json=as_json)
        return
    with divert_output(as_json):
        folder = run_search(config, request, Console(markup=False), dataset=loaded)
    if as_json:
        _print_outcome(folder)


def _preview(
    config: SearchConfig, data_dir: Path | None, dataset: "Dataset | None", *, as_json: bool
) -> None:
    from tune_noise.service.checked_data import load_checked
    from tune_noise.service.dry_run import plan_to_json, show_plan

    with divert_output(as_json):
        dataset = load_checked(config, data_dir, dataset)
    if as_json:
        print_json(plan_to_json(config, dataset))
    else:
        show_plan(config, dataset, Console(markup=False))


def _print_outcome(folder: Path) -> None:
    # It stands in the folder as well: a search that is done has not failed where it is not printed.
    with suppress(TuneNoiseError):
        print_json(outcome(folder))


def outcome(folder: Path) -> dict[str, Any]:
    """Return what a script needs of a search that has ended: the verdicts and the paths."""
    summary = json.loads((folder / SUMMARY_FILE).read_text(encoding="utf-8"))
    return {
        "name": folder.name,
        "folder": str(folder),
        "summary": str(folder / SUMMARY_FILE),
        "report": str(folder / REPORT_FILE),
        "conditions": [_verdict(condition, folder) for condition in summary["conditions"]],
    }


def _verdict(condition: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the verdict of a condition; `winner` also names the leader of a tie."""
    model = winner_dir(folder, condition["name"])
    winner = condition["winner"]
    return {
        "name": condition["name"],
        "condition": condition["condition"],
        "verdict": condition["verdict"],
        "winner": None if winner is None else winner["config"],
        "model": str(model) if model.is_dir() else None,
    }


def resume(
    folder: SearchFolder,
    trials: MoreTrials = None,
    time_budget: OtherTimeBudget = None,
    data_dir: DataDir = None,
    address: Address = None,
    tracking_uri: TrackingUri = None,
    record: RecordUrl = None,
    register: Register = True,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Continue an interrupted search, or extend one by more trials or more time.

    If the search is finished and is not extended, its outputs are written again.
    """
    from tune_noise.service.run import Request, run_search

    config = read_recorded_search(folder, record, {} if trials is None else {"trials": trials})
    if config.name != folder.resolve().name:
        raise UserError(
            f"{folder} holds the search {config.name!r}: rename the folder back to {config.name} "
            "to continue it"
        )
    tracking = given_uri(tracking_uri, "--tracking-uri")
    request = Request(
        output=folder.resolve().parent,
        data_dir=data_dir,
        address=address,
        tracking_uri=tracking.uri,
        tracking_source=tracking.source,
        record=record,
        resume=True,
        time_budget_seconds=None if time_budget is None else parse_duration(time_budget),
        quiet=quiet,
        register=register,
    )
    with divert_output(as_json):
        folder = run_search(config, request, Console(markup=False))
    if as_json:
        _print_outcome(folder)


def deliver(
    folder: SearchFolder,
    tracking_uri: TrackingUri = None,
    record: RecordUrl = None,
) -> None:
    """Bring to MLflow what it has not received of a search, however long MLflow takes.

    Use this after a search during which MLflow was too slow or could not be reached.
    """
    # Imported here because it takes seconds, and `--help` does not need it.
    from tune_noise.service.delivery import deliver_record

    tracking = given_uri(tracking_uri, "--tracking-uri")
    deliver_record(
        folder,
        Console(markup=False, highlight=False, soft_wrap=True),
        record=given_uri(record, "--record").uri,
        tracking_uri=tracking.uri,
        source=tracking.source,
    )


if __name__ == "__main__":
    run_command(search, name="search")
