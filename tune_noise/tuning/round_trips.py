"""The time between two reports of an actor: the driver serves all actors one after another.

A report costs the driver about 8 ms of CPU time (`benchmarks/nodes.py`): at one a second each, a
hundred actors would take a whole core.
"""

# One a second keeps the progress display alive.
REPORT_SECONDS = 1.0
# Of all actors together: some 40 % of a core.
MAX_REPORTS_PER_SECOND = 50.0
# How late a stop, an end or a place for another search may be noticed.
MAX_REPORT_SECONDS = 10.0


def report_seconds(places: int) -> float:
    """Return how many seconds an actor trains between two reports; a rung reports at once.

    Example:
        >>> [report_seconds(places) for places in (1, 50, 200, 5000)]
        [1.0, 1.0, 4.0, 10.0]
    """
    return min(MAX_REPORT_SECONDS, max(REPORT_SECONDS, places / MAX_REPORTS_PER_SECOND))
