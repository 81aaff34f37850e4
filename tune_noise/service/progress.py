"""What a person sees while a search runs: a live table, or plain lines where output is piped."""

import time
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
from tune_noise.history.live_counts import Tally
from tune_noise.history.replay import History, TrialHistory
from tune_noise.history.time_left import clock
from tune_noise.record import Event
from tune_noise.service.plan import make_plan

# Lines in a file: the first soon, then ever further apart, so that a night does not fill it.
PLAIN_LINE_SECONDS = 10.0
PLAIN_LINE_SHARE = 0.05


def describe(trial: TrialHistory, fields: list[str]) -> str:
    """`co_teaching  lr 0.0021  tau 0.43`: the searched fields of a trial."""
    words = []
    for field in fields:
        value = getattr(trial.config, field)
        if value is None and field not in NULLABLE_FIELDS:
            continue
        shown = plain_value(value)
        words.append(shown if isinstance(value, str) else f"{field} {shown}")
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
        """Nothing is shown before the context is entered."""
        self._search, self._console = search, console
        self._tally = Tally(history)
        self._concurrent, self._quiet = concurrent, quiet
        self._plan = make_plan(search)
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
        if self._quiet:
            return
        if event.trial_id is not None:
            self._tally.note(event.trial_id)
        if self._live is not None:
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
        """The state in one line."""
        self._tally.update()
        ended = self._tally.ended("search")
        stopped = self._tally.count("search", "stopped") + self._tally.count("confirm", "stopped")
        text = (
            f"[{clock(time.monotonic() - self._started)}] {ended}/{self._plan.trials} trials ended"
        )
        text += f" ({stopped} stopped early)"
        text += "; oracle" if self._search.oracle else ""
        if confirmed := self._tally.ended("confirm"):
            text += f", {confirmed}/{self._confirmations()} confirmations"
        for name in self._plan.conditions:
            if best := self._tally.best(name):
                text += f"; {name}: best {_score(best)} {describe(best, list(self._search.search))}"
        return text + f"; {self._left()}"

    def render(self) -> Group:
        """The live table."""
        self._tally.update()
        elapsed = clock(time.monotonic() - self._started)
        head = Text(f"{self._search.name} · {self._search.dataset} · ", style="bold")
        oracle = " (oracle)" if self._search.oracle else ""
        head.append(f"{self._search.objective}{oracle}   ", style="not bold")
        head.append(f"{elapsed} gone, {self._left()}", style="not bold")
        total = self._plan.trials + self._confirmations()
        done = self._tally.ended("search") + self._tally.ended("confirm")
        bar = Table.grid(padding=(0, 1))
        bar.add_row(ProgressBar(total=total, completed=done, width=50), f"{done} of {total} trials")
        return Group(head, bar, self._table())

    def _table(self) -> Table:
        table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
        table.add_column("condition")
        for name in ("running", "stopped", "done", "failed", "confirmed"):
            table.add_column(name, justify="right")
        table.add_column("best so far")
        for name in self._plan.conditions:
            counts = [
                self._tally.count("search", *wanted, condition=name)
                for wanted in ((None,), ("stopped",), ("completed",), ("failed", "diverged"))
            ]
            confirmed = self._tally.ended("confirm", condition=name)
            planned = self._planned(name)
            best = self._tally.best(name)
            fields = list(self._search.search)
            shown = f"{_score(best)}  {describe(best, fields)}" if best else ""
            table.add_row(name, *map(str, counts), f"{confirmed}/{planned}", shown)
        return table

    def _confirmations(self) -> int:
        """Those planned, and those that further looks have asked for."""
        return sum(map(self._planned, self._plan.conditions))

    def _planned(self, condition: str) -> int:
        asked = self._tally.count("confirm", condition=condition)
        return max(self._search.num_finalists * self._search.confirm.seeds, asked)

    def _left(self) -> str:
        """Time left, in words."""
        left = self._tally.pace.seconds_left(
            searches=self._plan.trials,
            confirmations=self._confirmations(),
            concurrent=self._concurrent,
        )
        return "time left unknown yet" if left is None else f"about {clock(left)} left"


def _score(trial: TrialHistory) -> str:
    """The objective at the selected epoch, with its standard error where it has one."""
    name = trial.config.objective
    selected = trial.selected or {}
    error = selected.get(f"{name}_se")
    return f"{selected[name]:.3f}" + (f" ± {error:.3f}" if error is not None else "")
