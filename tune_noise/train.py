"""`python -m tune_noise.train`: train one configuration on this machine, without Ray."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tune_noise.command_line.options import (
    Assignments,
    Data,
    DataDir,
    Device,
    Json,
    Label,
    SkipUnreadable,
    Threads,
    parse_path,
)
from tune_noise.command_line.run import divert_output, print_json, run_command
from tune_noise.config.data_source import DataSource
from tune_noise.config.loader import build_source, build_trial, parse_assignments
from tune_noise.config.metric_names import sign
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset, load_dataset
from tune_noise.data.duplicates import data_warnings
from tune_noise.errors import ConfigError, Problem

if TYPE_CHECKING:  # torch takes a second to import, and `--help` needs none of it
    from tune_noise.training import Trial

# The metrics that are printed, with their short names; --output writes all metrics to a file.
_SHOWN = (
    ("train_loss_noisy", "loss"),
    ("val_information_noisy", "information"),
    ("val_accuracy_noisy", "val noisy"),
    ("test_accuracy_clean", "test clean"),
    ("train_label_precision", "precision"),
    ("train_label_recall", "recall"),
)


def train(
    assignments: Assignments = None,
    data: Data = None,
    label: Label = None,
    skip_unreadable: SkipUnreadable = None,
    data_dir: DataDir = None,
    output: Annotated[
        Path | None,
        typer.Option(
            parser=parse_path,
            help="Folder for the model and epochs.json. Default: nothing is written.",
        ),
    ] = None,
    threads: Threads = 1,
    device: Device = "cpu",
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the result only.")] = False,
    as_json: Json = False,
) -> None:
    """Train one configuration on this machine, without Ray, and print its metrics."""
    from tune_noise.training import Trial, with_material
    from tune_noise.training.data_problems import split_problems
    from tune_noise.training.process import prepare_process
    from tune_noise.training.saved_model import save_model

    values = parse_assignments(assignments or [])
    named = {"data": data, "data.label": label, "data.skip_unreadable": skip_unreadable}
    values |= {name: value for name, value in named.items() if value is not None}
    source = _take_source(values)
    config = build_trial(values, source="--set")
    prepare_process(threads=threads, device=device)
    with divert_output(as_json):
        dataset = _load(source, config, data_dir)
        if problems := split_problems(values, dataset, way_out="leave it out"):
            raise ConfigError("--set", problems)
        dataset = with_material(dataset, [config], data_dir=data_dir)
        trial = Trial([config], dataset, device=device)
        console = Console(markup=False, soft_wrap=True, highlight=False)
        facts = "  ".join(f"{name} {value:.6g}" for name, value in trial.data.facts[0].items())
        if not quiet:
            if dataset.reading is not None:
                console.print(f"{dataset.name}: {dataset.reading}")
            console.print(f"{config.method} on {config.dataset}: {facts}")
            for sentence in data_warnings(dataset):
                console.print(f"warning: {sentence}")
        _train_all(trial, console, quiet=quiet)
        _print_result(trial, console)
    progress = trial.progress[0]
    if output is not None and progress.epochs:
        about = {"facts": trial.facts(0), "metrics_of_these_weights": _selected(trial)}
        save_model(output, trial.replicate_weights(0), config, dataset, about)
        (output / "epochs.json").write_text(json.dumps(progress.epochs, indent=1) + "\n")
        if not as_json:
            console.print(f"model and epochs in {output}")
    if as_json:
        print_json(_result(trial, output))


def _take_source(values: dict[str, Any]) -> DataSource | None:
    """Take what is said of one's own data out of the values; their path becomes the data set."""
    about = {name: values.pop(name) for name in list(values) if name.partition(".")[0] == "data"}
    if not about:
        return None
    source = build_source(about, source="--data")
    if "dataset" in values:
        problem = Problem("dataset", "stands beside --data, which takes its place: leave it out")
        raise ConfigError("--set", [problem])
    values["dataset"] = source.train
    return source


def _load(source: DataSource | None, config: TrialConfig, data_dir: Path | None) -> Dataset:
    if source is None:
        return load_dataset(config.dataset, data_dir=data_dir)
    from tune_noise.data.own_data import load_own

    return load_own(source, val_fraction=config.val_fraction, cache_dir=data_dir)


def _selected(trial: "Trial") -> dict[str, float]:
    progress = trial.progress[0]
    return progress.epochs[progress.best_epoch - 1]


def _print_result(trial: "Trial", console: Console) -> None:
    config, progress = trial.configs[0], trial.progress[0]
    if not progress.epochs:
        console.print(f"diverged: {progress.stop_reason}")
        return
    if config.last_epochs is not None:
        score = sign(config.objective) * progress.best_score
        mean = f"mean of the last {config.last_epochs} epochs"
        console.print(f"{config.objective} {score:.4g}, {mean}")
    if config.oracle:
        console.print(f"oracle: selected by {config.objective}, with clean labels")
    for name, row in (("selected", _selected(trial)), ("last", progress.epochs[-1])):
        console.print(f"{name:<9} epoch {row['epoch']:>4}  {_describe(row)}")
    if progress.stop_reason:
        console.print(f"{progress.status}: {progress.stop_reason}")


def _result(trial: "Trial", output: Path | None) -> dict[str, Any]:
    """Return what `--json` prints; docs/commands.md shows the fields."""
    config, progress = trial.configs[0], trial.progress[0]
    return {
        "config": config.to_plain(),
        "facts": trial.facts(0),
        "status": progress.status,
        "stop_reason": progress.stop_reason,
        "epochs": len(progress.epochs),
        "selected": _selected(trial) if progress.epochs else None,
        "last": progress.epochs[-1] if progress.epochs else None,
        "model": str(output) if output is not None and progress.epochs else None,
    }


def _train_all(trial: "Trial", console: Console, *, quiet: bool) -> None:
    columns = (TextColumn("epoch"), MofNCompleteColumn(), BarColumn(), TimeRemainingColumn())
    with Progress(
        *columns,
        TextColumn("{task.description}"),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    ) as bar:
        task = bar.add_task("", total=trial.configs[0].epochs)
        while not trial.finished:
            [row] = trial.train_epoch()
            if row is None:
                continue
            bar.update(task, completed=trial.epoch, description=_describe(row))
            if not console.is_terminal and not quiet:
                console.print(f"epoch {trial.epoch:>4}  {_describe(row)}", highlight=False)


def _describe(row: dict[str, float]) -> str:
    return "  ".join(f"{short} {row[name]:.3f}" for name, short in _SHOWN if name in row)


if __name__ == "__main__":
    run_command(train, name="train")
