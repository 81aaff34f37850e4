"""`python -m tune_noise.suspects`: find wrong labels with the winners of a finished search."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from tune_noise.command_line.completion import complete_search
from tune_noise.command_line.options import DataDir, Device, RecordUrl, Threads, parse_path
from tune_noise.command_line.run import run_command
from tune_noise.config.search import SearchConfig, Suspects
from tune_noise.history.open import find_record, read_recorded_search
from tune_noise.history.replay import History
from tune_noise.record import Event, Record
from tune_noise.record.folder import REPORT_FILE
from tune_noise.system.lock import own_folder


def suspects(
    folder: Annotated[
        Path,
        typer.Argument(
            parser=parse_path,
            help="Folder of a finished search, e.g. runs/uniform.",
            autocompletion=complete_search,
        ),
    ],
    folds: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=20,
            help="Number of trainings per condition; 1: the winner's own. Default: that of the "
            "space, or 4.",
            metavar="N",
        ),
    ] = None,
    data_dir: DataDir = None,
    threads: Threads = 1,
    device: Device = "cpu",
    record: RecordUrl = None,
) -> None:
    """Rank all training examples by how probably their label is wrong.

    The ranking is written to winners/*/suspects.csv. A search does this by itself unless its space
    sets suspects.folds to 0. The command trains on this machine, without Ray, and keeps what is
    there already.
    """
    from tune_noise.reporting import write_outputs
    from tune_noise.reporting.page.contact_sheet import suspects_sentence
    from tune_noise.service.checked_data import load_checked
    from tune_noise.service.recorded_data import check_recorded
    from tune_noise.training.process import prepare_process
    from tune_noise.winners.find_suspects import find_suspects, train_here

    prepare_process(threads=threads, device=device)
    config = read_recorded_search(folder, record)
    dataset = load_checked(config, data_dir)
    console = Console(markup=False, highlight=False, soft_wrap=True)
    with own_folder(folder), Record(find_record(folder, record), writer=True) as events:
        history = History.replay(events.events())
        check_recorded(history, dataset, folder)

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
        elif condition.best_without_information is not None:
            console.print(f"{condition.name}: nothing was learned that could judge a label")
    console.print(f"report   {folder / REPORT_FILE}")


def folds_of(config: SearchConfig) -> int:
    """Return how many folds a search asks for, or else the default."""
    return config.suspects.folds or Suspects().folds


if __name__ == "__main__":
    run_command(suspects, name="suspects")
