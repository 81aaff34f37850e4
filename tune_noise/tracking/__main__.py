"""`python -m tune_noise.tracking SEARCH --experiment NAME --output DIR`: the child process.

Internal; the driver starts it. The URLs come from MLFLOW_TRACKING_URI and TUNE_NOISE_RECORD,
because a command line is visible to every user of a machine and a URL may hold a password.
"""

import argparse
import logging
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TextIO, cast

from tune_noise.record import RecordPlace
from tune_noise.system.masking import mask_password
from tune_noise.tracking.follow import in_one_line, run
from tune_noise.tracking.orders import Answer, Orders


class _MaskedLog:
    """The log without passwords, for our lines, tracebacks and what libraries print.

    Where its disk is full a line is lost, and nothing else.

    Args:
        file: where it goes.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._file.write(mask_password(text))
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._file.flush()


def _set_up_logging() -> Answer:
    """Send everything to the log but the answer, to which standard output belongs."""
    answer = Answer(os.fdopen(os.dup(1), "w"))
    os.dup2(2, 1)
    log = cast(TextIO, _MaskedLog(sys.stderr))
    sys.stdout = sys.stderr = log
    form = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    logging.basicConfig(level=logging.INFO, stream=log, format=form)
    for chatty in ("mlflow", "alembic", "sqlalchemy", "urllib3"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
    return answer


def main() -> int:
    """Follow a record until the driver ends; 1 if not everything arrived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("search")
    parser.add_argument("--experiment", required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    answer = _set_up_logging()

    def give_up() -> None:
        answer.give("MLflow did not answer in time")
        os._exit(1)  # the main thread is inside a request that may never end

    orders = Orders(sys.stdin, on_overdue=give_up)
    os.nice(5)  # trials need the cores more
    # What stops the driver may send its signal to all processes: there is more to deliver then, and
    # this one ends when its driver has.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    try:
        run(
            place=RecordPlace(os.environ["TUNE_NOISE_RECORD"], options.search),
            tracking_uri=os.environ["MLFLOW_TRACKING_URI"],
            experiment=options.experiment,
            output=options.output,
            orders=orders,
            answer=answer,
        )
    except Exception as error:  # its traceback would show passwords
        logging.exception("tracking ended")
        answer.give(in_one_line(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
