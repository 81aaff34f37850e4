"""`python -m tune_noise.deliver`: bring to MLflow what a search has recorded and MLflow lacks."""

from rich.console import Console

from tune_noise.command_line.options import RecordUrl, SearchFolder, TrackingUri
from tune_noise.command_line.passwords import given_uri
from tune_noise.command_line.run import run_command


def deliver(
    folder: SearchFolder,
    tracking_uri: TrackingUri = None,
    record: RecordUrl = None,
) -> None:
    """Bring to MLflow what it has not received of a search, however long MLflow takes.

    Use this after a search that MLflow was too slow for, or could not be reached by.
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
    run_command(deliver, name="deliver")
