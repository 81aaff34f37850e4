"""`python -m tune_noise.suspects`: look for wrong labels with the winners of a finished search."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from tune_noise.command_line.completion import complete_search
from tune_noise.command_line.run import DataDir, RecordUrl, run_command
from tune_noise.config.search import SearchConfig, Suspects
from tune_noise.data import Dataset
from tune_noise.errors import UserError
from tune_noise.history.replay import History
from tune_noise.record import Event, Record, RecordPlace
from tune_noise.search import recorded
from tune_noise.system.lock import own_folder


def suspects(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Of a finished search, e.g. runs/uniform.", autocompletion=complete_search
        ),
    ],
    folds: Annotated[
        int | None,
        typer.Option(
            min=2, max=20, help="Trainings per condition; default: the space's, or 4.", metavar="N"
        ),
    ] = None,
    data_dir: DataDir = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    record: RecordUrl = None,
) -> None:
    """Rank every training example by how probably its label is wrong: winners/*/suspects.csv.

    A search does so by itself, unless its space sets suspects.folds to 0. This trains here, without
    Ray; what is there already is not done again.
    """
    from tune_noise.reporting import write_outputs
    from tune_noise.reporting.page.contact_sheet import suspects_sentence
    from tune_noise.service.checked_data import load_checked
    from tune_noise.train import prepare_torch
    from tune_noise.winners.find_suspects import find_suspects, train_here

    prepare_torch(threads=threads, device=device)
    config = recorded(folder, record, {})
    dataset = load_checked(config, data_dir)
    console = Console(markup=False, highlight=False, soft_wrap=True)
    with own_folder(folder), Record(RecordPlace.of_folder(folder, record), writer=True) as events:
        history = History.replay(events.events())
        _check(history, dataset, folder)

        def note(text: str, *, is_warning: bool, **facts: Any) -> None:
            if is_warning:
                console.print(f"warning: {text}")
            events.append(Event("note", data={"text": text, "is_warning": is_warning, **facts}))

        find_suspects(
            history,
            dataset,
            folder,
            folds=folds or folds_of(config),
            train=partial(train_here, dataset=dataset, device=device),
            note=note,
        )
        summary = write_outputs(History.replay(events.events()), folder)
    for condition in summary.conditions:
        if condition.suspects is not None:
            sentence = suspects_sentence(condition.suspects, condition.name)
            console.print(f"{condition.name}: {sentence}")
    console.print(f"report   {folder / 'report.html'}")


def folds_of(config: SearchConfig) -> int:
    """How many folds a search asks for, or by default."""
    return config.suspects.folds or Suspects().folds


def _check(history: History, dataset: Dataset, folder: Path) -> None:
    if not history.finished:
        raise UserError(f"{folder} holds a search that is not finished: continue it with resume")
    then = history.search["dataset"]["fingerprint"]
    if then != dataset.fingerprint:
        raise UserError(
            f"{folder} was searched on other data: fingerprint {then} there, {dataset.fingerprint} "
            "now; name the folder of that data by --data-dir"
        )


if __name__ == "__main__":
    run_command(suspects, name="suspects")
