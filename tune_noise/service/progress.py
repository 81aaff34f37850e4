"""What a person sees while a search runs: a live table, or plain lines where output is piped."""

import time
from collections.abc import Collection
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tune_noise.config.search import SearchConfig
from tune_noise.config.trial import NULLABLE_FIELDS
from tune_noise.config.words import plain_value
from tune_noise.history.counts import ConditionCounts, Counts
from tune_noise.history.replay import RUNNING, History, TrialHistory
from tune_noise.history.time_left import clock, left_in_words
from tune_noise.record import Event

# Lines in a file: the first soon, then ever further apart, so that a night does not fill it.
PLAIN_LINE_SECONDS = 10.0
PLAIN_LINE_SHARE = 0.05


def describe(trial: TrialHistory, fields: list[str]) -> str:
    """Return the searched fields of a trial: `co_teaching  lr 0.0021  tau 0.43`."""
    words = []
    for field in fields:
        value = getattr(trial.config, field)
        if value is None and field not in NULLABLE_FIELDS:
            continue
        text = plain_value(value)
        words.append(text if isinstance(value, str) else f"{field} {text}")
    return "  ".join(words)


class SearchProgress:
    """Shows a running search; a context that starts and ends the display.

    Args:
        search: what runs.
        history: the session's own, which changes while it runs.
        console: where to write; a terminal gets a live table, anything else a line now and then.
        concurrent: trials that run side by side, for the time left.
        quiet: show nothing.
    """

    def __init__(
        self,
        search: SearchConfig,
        history: History,
        *,
        console: Console,
        concurrent: int,
        quiet: bool,
    ) -> None:
        self._search, self._console = search, console
        self._counts = Counts(history, search)
        self._concurrent, self._quiet = concurrent, quiet
        self._started = self._last_line = time.monotonic()
        self._live: Live | None = None

    def __enter__(self) -> Self:
        """Start the display."""
        if self._console.is_terminal and not self._quiet:
            self._live = Live(
                get_renderable=self.render,
                console=self._console,
                refresh_per_second=2,
                transient=True,
            )
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the display."""
        self.close()

    def close(self) -> None:
        """End the display; again, it changes nothing."""
        if self._live is not None:
            self._live.stop()

    def on_change(self, event: Event) -> None:
        """Print a warning at once, and a plain line now and then where there is no live table."""
        if event.kind == "note" and event.data["is_warning"]:
            self.warn(event.data["text"])
        if self._quiet or self._live is not None:
            return
        now = time.monotonic()
        pause = max(PLAIN_LINE_SECONDS, PLAIN_LINE_SHARE * (now - self._started))
        if now - self._last_line >= pause:
            self._last_line = now
            self._console.print(self.line(), highlight=False, soft_wrap=True)

    def warn(self, sentence: str) -> None:
        """Print a warning; above the live table where there is one."""
        line = Text(f"warning: {sentence}", style="yellow")
        self._console.print(line, highlight=False, soft_wrap=True)

    def line(self) -> str:
        """Return how far the search is, in one line."""
        conditions = self._counts.conditions()
        counts = conditions.values()
        ended = sum(condition.ended for condition in counts)
        planned = sum(condition.planned for condition in counts)
        stopped = sum(condition.statuses["stopped"] for condition in counts)
        text = f"[{self._elapsed()}] {ended}/{planned} trials ended ({stopped} stopped early)"
        text += "; oracle" if self._search.oracle else ""
        if confirmed := sum(condition.confirmations_done for condition in counts):
            confirmations = sum(condition.confirmations_planned for condition in counts)
            text += f", {confirmed}/{confirmations} confirmations{_references(counts)}"
        for name, condition in conditions.items():
            if condition.best is not None:
                best = describe(condition.best, list(self._search.search))
                text += f"; {name}: best {_score(condition.best)} {best}"
        return text + f"; {self._left(conditions)}"

    def render(self) -> Group:
        """Return the live table."""
        conditions = self._counts.conditions()
        counts = conditions.values()
        head = Text(f"{self._search.name} · {self._search.dataset} · ", style="bold")
        oracle = " (oracle)" if self._search.oracle else ""
        head.append(f"{self._search.objective}{oracle}   ", style="not bold")
        head.append(f"{self._elapsed()} gone, {self._left(conditions)}", style="not bold")
        total = sum(condition.planned + condition.confirmations_planned for condition in counts)
        done = sum(condition.ended + condition.confirmations_done for condition in counts)
        bar = Table.grid(padding=(0, 1))
        ended = f"{done} of {total} trials{_references(counts)}"
        bar.add_row(ProgressBar(total=total, completed=done, width=50), ended)
        return Group(head, bar, self._table(conditions))

    def _table(self, conditions: dict[str, ConditionCounts]) -> Table:
        table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
        table.add_column("condition")
        for name in ("running", "stopped", "done", "failed", "confirmed"):
            table.add_column(name, justify="right")
        table.add_column("best so far")
        fields = list(self._search.search)
        for name, condition in conditions.items():
            statuses = condition.statuses
            numbers = [statuses[status] for status in (RUNNING, "stopped", "completed")]
            numbers.append(statuses["failed"] + statuses["diverged"])
            confirmed = f"{condition.confirmations_done}/{condition.confirmations_planned}"
            best = (
                f"{_score(condition.best)}  {describe(condition.best, fields)}"
                if condition.best
                else ""
            )
            table.add_row(name, *map(str, numbers), confirmed, best)
        return table

    def _elapsed(self) -> str:
        return clock(time.monotonic() - self._started)

    def _left(self, conditions: dict[str, ConditionCounts]) -> str:
        """Return the time left, in words."""
        left = self._counts.seconds_left(conditions, concurrent=self._concurrent)
        is_trained = all(condition.is_trained for condition in conditions.values())
        return left_in_words(left, is_trained=is_trained)


def _references(counts: Collection[ConditionCounts]) -> str:
    """Return `, 2 of 5 reference models`; empty where there are none."""
    planned = sum(condition.references_planned for condition in counts)
    done = sum(condition.references_done for condition in counts)
    return f", {done} of {planned} reference models" if planned else ""


def _score(trial: TrialHistory) -> str:
    """Return the objective at the selected epoch, with its standard error where it has one."""
    name = trial.config.objective
    selected = trial.selected or {}
    error = selected.get(f"{name}_se")
    return f"{selected[name]:.3f}" + (f" ± {error:.3f}" if error is not None else "")
