"""How often actors report."""

from hypothesis import given
from hypothesis import strategies as st

from tune_noise.tuning.round_trips import (
    MAX_REPORT_SECONDS,
    MAX_REPORTS_PER_SECOND,
    REPORT_SECONDS,
    report_seconds,
)


@given(st.integers(1, 100_000))
def test_a_report_is_never_late_and_a_driver_is_not_flooded(places: int) -> None:
    seconds = report_seconds(places)
    assert REPORT_SECONDS <= seconds <= MAX_REPORT_SECONDS
    if seconds < MAX_REPORT_SECONDS:
        assert places / seconds <= MAX_REPORTS_PER_SECOND + 1e-9
