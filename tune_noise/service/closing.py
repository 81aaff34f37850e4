"""What a person is told at the end of a search: warnings, where things are, how to go on."""

import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from tune_noise.config.declared import noise
from tune_noise.history.replay import History
from tune_noise.history.time_left import clock
from tune_noise.record.folder import REPORT_FILE
from tune_noise.system.masking import mask_password

if TYPE_CHECKING:
    from tune_noise.reporting import Summary


def warn(console: Console, sentence: str) -> None:
    """Print a warning."""
    line = Text(f"warning: {sentence}", style="yellow")
    console.print(line, highlight=False, soft_wrap=True)


def failures(history: History, folder: Path) -> str | None:
    """Return how many trials could not be trained, and why the first could not."""
    failed = [trial for trial in history.trials.values() if trial.status == "failed"]
    if not failed:
        return None
    return (
        f"{len(failed)} of {len(history.trials)} trials failed, the first ({failed[0].trial_id}): "
        f"{failed[0].stop_reason}; tracebacks in {folder / '.ray' / 'tune'}/*/error.txt"
    )


def resume_command(folder: Path, options: Mapping[str, object]) -> str:
    """Return the command that continues the search in a folder; passwords of options are masked.

    Args:
        folder: of the search.
        options: name of an option -> its value; None leaves it out, True is a flag's.
    """
    return _command("resume", folder, options)


def deliver_command(folder: Path, tracking_uri: str | None) -> str:
    """Return the command that brings to MLflow what it lacks; a password in it is masked.

    Args:
        folder: of the search.
        tracking_uri: of MLflow; None for the store beside the folder.
    """
    return _command("deliver", folder, {"--tracking-uri": tracking_uri})


def undelivered(reason: str, command: str) -> str:
    """Return that MLflow lacks something, and the command that delivers it."""
    return f"{reason}; nothing is lost. Deliver the rest with:\n  {command}"


def audit_command(summary: "Summary", folder: Path) -> str | None:
    """Return the command that draws labels to check by hand.

    Args:
        summary: of the search.
        folder: of the search.

    Returns:
        None where the noise was drawn and the truth is known, where labels are checked already, or
        where no networks have judged labels that they did not learn.
    """
    options: dict[str, object] = {"--labels": 200}
    for condition in summary.conditions:
        facts = condition.suspects
        if not noise(condition.config.noise).takes_given_labels or condition.audit is not None:
            return None
        if facts is not None and facts["folds"] > 1:
            if len(summary.conditions) > 1:
                options["--condition"] = condition.name
            return _command("audit", folder, options)
    return None


def _command(name: str, folder: Path, options: Mapping[str, object]) -> str:
    command = f"{_program('tune-noise')} {name} {shlex.quote(str(folder))}"
    given = [
        f" {name}" if value is True else f" {name} {shlex.quote(mask_password(str(value)))}"
        for name, value in options.items()
        if value is not None
    ]
    return command + "".join(given)


def _program(name: str) -> str:
    """Return how to start a program of this environment: its name, or its path if not on PATH."""
    here = Path(sys.executable).parent / name
    on_path = shutil.which(name)
    if not here.exists() or (on_path is not None and Path(on_path).resolve() == here.resolve()):
        return name
    relative = here.is_relative_to(Path.cwd())
    return shlex.quote(str(here.relative_to(Path.cwd()) if relative else here))


def say_where(
    console: Console,
    folder: Path,
    tracking_uri: str,
    experiment_id: str | None,
    seconds: float,
    models: Sequence[str] = (),
    next_command: str | None = None,
) -> None:
    """Print how long it took, where results, report, models and MLflow are, and what is next."""
    console.print(f"\nFinished in {clock(seconds)}.", highlight=False)
    _print_row(console, "results", str(folder))
    _print_row(console, "report", f"{_opener()} {shlex.quote(str(folder / REPORT_FILE))}")
    say_mlflow(console, tracking_uri, experiment_id, models)
    if next_command is not None:
        _print_row(console, "next", next_command)


def say_mlflow(
    console: Console, tracking_uri: str, experiment_id: str | None, models: Sequence[str]
) -> None:
    """Print where models and MLflow's pages are."""
    rows = []
    if models:
        rows.append(("model" if len(models) == 1 else "models", _registered(models)))
    # Without the query MLflow opens on its pages for language models.
    place = f"/{experiment_id}" if experiment_id else ""
    page = f"/#/experiments{place}?workflowType=machine_learning"
    if tracking_uri.startswith("http"):
        rows.append(("MLflow", mask_password(tracking_uri.rstrip("/") + page)))
    else:
        store = shlex.quote(mask_password(tracking_uri))
        rows.append(("MLflow", f"{_program('mlflow')} ui --backend-store-uri {store}"))
        rows.append(("", f"then open http://127.0.0.1:5000{page}"))
    for name, text in rows:
        _print_row(console, name, text)


def _print_row(console: Console, name: str, text: str) -> None:
    console.print(f"{name:<8} {text}", highlight=False, markup=False, soft_wrap=True)


def _registered(models: Sequence[str]) -> str:
    """Return what was registered, in one line."""
    if len(models) == 1:
        return models[0]
    champions = [line.partition(" ")[0] for line in models if " @champion:" in line]
    example = f", e.g. models:/{champions[0]}@champion" if champions else ""
    return f"{len(models)} in MLflow's registry, {len(champions)} of them @champion{example}"


def _opener() -> str:
    return {"darwin": "open", "win32": "start"}.get(sys.platform, "xdg-open")
