"""Bring to MLflow what it has not received of a search whose command has ended."""

from pathlib import Path

from rich.console import Console

from tune_noise.errors import Interrupted, TuneNoiseError
from tune_noise.history.open import find_record, read_history
from tune_noise.service.closing import deliver_command, say_mlflow, undelivered
from tune_noise.system.lock import own_folder
from tune_noise.system.signals import Interrupt
from tune_noise.tracking import TrackingProcess, check_tracking_uri, default_tracking_uri

# No server is slow or away for longer; whoever waits may end it before by Ctrl-C.
DELIVERY_SECONDS = 24 * 3600.0
# For each answer of the first look: the server may be a slow one.
LOOK_SECONDS = 60.0


def deliver_record(
    folder: Path,
    console: Console,
    *,
    record: str | None,
    tracking_uri: str | None,
    source: str,
) -> None:
    """Deliver a search that no command runs: its runs, files and models that MLflow lacks.

    Args:
        folder: of the search.
        console: where is said what happens.
        record: URL of the database of its record; None for what the folder says.
        tracking_uri: of MLflow; None for the store beside the folder.
        source: the option or the environment variable that it was given by.

    Raises:
        UserError: there is no search, another command is at work in it, or MLflow refuses us.
        TuneNoiseError: MLflow did not take everything.
        Interrupted: Ctrl-C or SIGTERM; what has arrived stays.
    """
    experiment = read_history(folder, record).config.name
    uri = tracking_uri or default_tracking_uri(folder.resolve().parent)
    check_tracking_uri(uri, experiment=experiment, source=source, seconds=LOOK_SECONDS)
    command = deliver_command(folder, tracking_uri)
    with own_folder(folder), Interrupt():
        place = find_record(folder, record)
        tracking = TrackingProcess.start(
            place, tracking_uri=uri, experiment=experiment, output=folder
        )
        console.print("Delivering to MLflow. Ctrl-C ends it, and the same command goes on.")
        try:
            late = tracking.finish(timeout_seconds=DELIVERY_SECONDS)
        except KeyboardInterrupt:
            tracking.finish(timeout_seconds=0.0)
            raise Interrupted(command) from None
    if late is not None:
        raise TuneNoiseError(undelivered(late, command))
    say_mlflow(console, uri, tracking.experiment_id, tracking.models)
