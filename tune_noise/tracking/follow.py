"""The child process: follow the record, deliver to MLflow, try again, end when the driver ends."""

import logging
import time
from contextlib import closing
from pathlib import Path

from tune_noise.record import Event, Record, RecordPlace
from tune_noise.system.lock import take_lock
from tune_noise.system.masking import mask_password
from tune_noise.tracking.fault import says_lasting
from tune_noise.tracking.mirror import Mirror
from tune_noise.tracking.orders import Answer, Orders

POLL_SECONDS = 1.0
MAX_BACK_OFF_SECONDS = 30.0
LOCK_POLL_SECONDS = 0.2
MAX_REASON_CHARACTERS = 300
LOG_FILE = "tracking.log"

_log = logging.getLogger(__name__)


class Reader:
    """Reads a record, and reopens it after a failure: its database may have been restarted."""

    def __init__(self, place: RecordPlace) -> None:
        self._place = place
        self._record: Record | None = None

    def events(self, *, after: int) -> list[Event]:
        """Return what has happened since the event of this number.

        Raises:
            Exception: whatever the record raises; call again later.
        """
        if self._record is None:
            if self._place.path is not None and not self._place.path.exists():
                # To open it would make an empty one.
                raise FileNotFoundError(f"there is no record {self._place.shown}")
            self._record = Record(self._place)
        try:
            return list(self._record.events(after=after))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close what is open."""
        record, self._record = self._record, None
        if record is not None:
            record.close()


def follow(mirror: Mirror, reader: Reader, orders: Orders) -> str | None:
    """Deliver the record to MLflow until the driver ends.

    After a fault that cannot pass by itself nothing is tried until then, and once more at the end.

    Returns:
        None if all arrived, else the last failure in one line.
    """
    failures = 0
    while True:
        # Asked before the record is read, so that the last reading sees the last event.
        is_last = orders.wait(0.0 if failures else POLL_SECONDS)
        num_sent = mirror.num_sent
        try:
            for event in reader.events(after=mirror.history.last_number):
                mirror.observe(event)
            mirror.deliver(is_last=is_last, deadline=orders.deadline)
        except Exception as error:  # of any kind: it is tried again, and the record has it all
            failures = 1 if mirror.num_sent > num_sent else failures + 1
            fault = mirror.find_fault()
            is_lasting = says_lasting(str(error)) if fault is None else not fault.may_pass
            reason = in_one_line(error) if fault is None else mask_password(str(fault))
            _log.warning("delivery failed (%d in a row): %s", failures, reason)
            if orders.seconds_left <= 0.0 or (is_last and is_lasting):
                return reason
            if is_lasting:
                _log.warning("this does not pass by itself: tried again when the search ends")
                orders.wait_for_end()
            else:
                _back_off(orders, failures)
            continue
        failures = 0
        if is_last:
            return None


def in_one_line(error: Exception) -> str:
    """Return what went wrong, without passwords and not too long."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return mask_password(text)[:MAX_REASON_CHARACTERS]


def _back_off(orders: Orders, failures: int) -> None:
    """Wait 1, 2, 4, ... seconds; once the driver has ended, a hundredth of its time at most."""
    # No power above 2^10: a search may be without MLflow for weeks.
    seconds = min(2.0 ** min(failures - 1, 10), MAX_BACK_OFF_SECONDS)
    ready = time.monotonic() + seconds
    while (now := time.monotonic()) < ready:
        if orders.wait(min(POLL_SECONDS, ready - now)):
            left = orders.seconds_left
            time.sleep(min(left, ready - now, max(POLL_SECONDS, left / 100)))
            return


def run(
    *,
    place: RecordPlace,
    tracking_uri: str,
    experiment: str,
    output: Path,
    orders: Orders,
    answer: Answer,
) -> None:
    """Run the child process from start to end."""
    mirror = Mirror(tracking_uri=tracking_uri, experiment=experiment, output=output)
    try:
        # Another process may still mirror this search, e.g. one whose driver was killed.
        lock = take_lock(
            output / LOG_FILE,
            pause_seconds=LOCK_POLL_SECONDS,
            give_up=lambda: orders.seconds_left <= 0.0,
        )
    except TimeoutError:
        raise TimeoutError("another process still brings this search to MLflow") from None
    with lock, closing(Reader(place)) as reader:
        failure = follow(mirror, reader, orders)
    answer.give(
        failure,
        experiment_id=mirror.experiment_id,
        run_id=mirror.parent_run_id,
        models=mirror.models,
    )
    _log.info("everything was delivered" if failure is None else f"gave up: {failure}")
