"""`python -m tune_noise.tracking RECORD --experiment NAME --output DIR`: the child process.

Internal; the driver starts it. The URI comes from MLFLOW_TRACKING_URI, because a command line is
visible to every user of a machine and a URI may hold a password. With `< /dev/null` it delivers by
hand what a record holds.
"""

import argparse
import logging
import os
import sys
from pathlib import Path

from tune_noise.tracking.follow import run
from tune_noise.tracking.uri import mask_password


class _Masked(logging.Formatter):
    """Log lines and tracebacks without passwords."""

    def format(self, record: logging.LogRecord) -> str:
        return mask_password(super().format(record))


def _set_up_logging() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Masked("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for chatty in ("mlflow", "alembic", "sqlalchemy", "urllib3"):
        logging.getLogger(chatty).setLevel(logging.ERROR)


def main() -> int:
    """Follow a record until the driver ends; 1 if the record cannot be followed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("record", type=Path)
    parser.add_argument("--experiment", required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    _set_up_logging()
    os.nice(10)  # trials need the cores more
    try:
        run(
            record_path=options.record,
            tracking_uri=os.environ["MLFLOW_TRACKING_URI"],
            experiment=options.experiment,
            output=options.output,
        )
    except Exception:  # its traceback would show passwords
        logging.exception("tracking ended")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
