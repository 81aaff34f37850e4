import io
import threading
from typing import Any

import pytest
from rich.console import Console

from tune_noise.config.loader import build_search
from tune_noise.history.replay import History
from tune_noise.record import Event
from tune_noise.service import progress
from tune_noise.service.progress import SearchProgress, clock, describe

SEARCH = build_search(
    {
        "name": "mine",
        "conditions": {"noise_rate": [0.2, 0.45]},
        "search": {
            "method": {"choice": ["standard", "co_teaching"]},
            "lr": {"loguniform": [0.0001, 0.1]},
            "tau": {"uniform": [0.1, 0.6], "when": {"method": "co_teaching"}},
        },
        "trials": 3,
        "confirm": {"finalists": 1, "seeds": 2},
    },
    source="mine.yaml",
)
OBJECTIVE = SEARCH.objective


def ask(history: History, number: int, *, stage: str = "search", **values: Any) -> str:
    condition = SEARCH.all_conditions[number % 2]
    config = SEARCH.trial_config(condition, values).model_dump(exclude_none=True)
    data = {"stack_id": str(number), "stage": stage, "condition": condition.name, "config": config}
    history.apply(Event("ask", str(number), data))
    return str(number)


def train(history: History, trial_id: str, score: float, status: str | None = "completed") -> None:
    epoch = {"epoch": 1, "seconds": 10.0, OBJECTIVE: score, f"{OBJECTIVE}_se": 0.02}
    history.apply(Event("epoch", trial_id, epoch))
    if status:
        history.apply(Event("end", trial_id, {"status": status, "stop_reason": ""}))


def shown(history: History, *, terminal: bool = False, quiet: bool = False) -> SearchProgress:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=160)
    return SearchProgress(SEARCH, history, console=console, concurrent=2, quiet=quiet)


def written(display: SearchProgress) -> str:
    file = display._console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


@pytest.fixture
def history() -> History:
    history = History()
    train(history, ask(history, 0, method="standard", lr=0.001), 0.5)
    train(history, ask(history, 1, method="co_teaching", lr=0.012345, tau=0.4), 0.25, "stopped")
    train(history, ask(history, 2, method="co_teaching", lr=0.01, tau=0.3), 0.75, None)
    return history


def test_a_line_says_how_far_the_search_is_and_what_leads(history: History) -> None:
    line = shown(history).line()
    assert "2/6 trials ended (1 stopped early)" in line
    assert "noise_rate=0.2: best 0.750 ± 0.020 co_teaching  lr 0.01  tau 0.3" in line
    assert "noise_rate=0.45: best 0.250 ± 0.020 co_teaching  lr 0.0123  tau 0.4" in line
    assert "confirmations" not in line


@pytest.mark.parametrize("status", ["diverged", "failed"])
def test_a_trial_that_was_lost_is_not_the_best_however_good_it_was_before(status: str) -> None:
    history = History()
    train(history, ask(history, 0, method="standard", lr=0.001), 0.3)
    train(history, ask(history, 2, method="standard", lr=0.1), 0.9, status)
    display = shown(history, terminal=True)
    assert "noise_rate=0.2: best 0.300 ± 0.020 standard  lr 0.001" in display.line()
    display._console.print(display.render())
    assert "0.300 ± 0.020" in written(display)
    assert "0.900" not in written(display)


def test_a_line_counts_confirmations_once_there_are_some(history: History) -> None:
    train(history, ask(history, 4, stage="confirm"), 0.5)
    assert "1/4 confirmations" in shown(history).line()


def test_after_the_trials_it_says_how_many_reference_models_are_trained() -> None:
    history = History()
    for number in range(6):
        train(history, ask(history, number, method="standard", lr=0.001), 0.5)
    assert "reference" not in shown(history).line()
    for number in range(6, 10):
        train(history, ask(history, number, stage="confirm"), 0.5)
    seed = history.trials["6"].config.seed
    data = {"condition": SEARCH.all_conditions[0].name, "name": SEARCH.references[0]}
    data |= {"metrics": [[seed, {OBJECTIVE: 0.4}]], "settings": {}, "problem": ""}
    history.apply(Event("reference", data=data))
    display, planned = shown(history, terminal=True), 2 * len(SEARCH.references)
    assert f"4/4 confirmations, 1 of {planned} reference models" in display.line()
    assert display.line().endswith("all trials have ended")
    display._console.print(display.render())
    assert f"10 of 10 trials, 1 of {planned} reference models" in written(display)


def test_what_further_looks_ask_for_is_counted_as_planned(history: History) -> None:
    for number in (4, 6, 8):  # of a condition with one finalist and two seeds
        train(history, ask(history, number, stage="confirm"), 0.5)
    assert "3/5 confirmations" in shown(history).line()


def test_the_time_left_is_that_of_what_is_left_at_the_pace_so_far(history: History) -> None:
    # 4 search trials and 4 confirmations of 10 s, one of them 10 s under way, two at once.
    assert shown(history).line().endswith("about 0:35 left")
    assert shown(History()).line().endswith("time left unknown yet")


def test_nothing_breaks_where_every_trial_fails() -> None:
    history = History()
    for number in range(6):
        ask(history, number)
        end = {"status": "failed", "stop_reason": "failed 4 times"}
        history.apply(Event("end", str(number), end))
    display = shown(history, terminal=True)
    assert "6/6 trials ended" in display.line()
    display._console.print(display.render())


def test_a_pipe_gets_a_line_now_and_then_without_control_characters(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shown(history) as display:
        display.on_change(Event("epoch"))
        assert written(display) == ""
        with monkeypatch.context() as patch:
            patch.setattr(progress, "PLAIN_LINE_SECONDS", 0.0)
            patch.setattr(progress, "PLAIN_LINE_SHARE", 0.0)
            display.on_change(Event("epoch"))
        display.on_change(Event("epoch"))
    assert written(display).count("\n") == 1
    assert "\x1b" not in written(display)


def test_quiet_is_quiet(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PLAIN_LINE_SECONDS", 0.0)
    for terminal in (False, True):
        with shown(history, terminal=terminal, quiet=True) as display:
            display.on_change(Event("epoch"))
        assert written(display) == ""


def test_a_terminal_gets_a_table_of_all_conditions(history: History) -> None:
    display = shown(history, terminal=True)
    with display:
        pass
    display._console.print(display.render())
    text = written(display)
    for word in ("running", "stopped", "failed", "confirmed", "best so far", "noise_rate=0.45"):
        assert word in text
    assert "0/2" in text  # confirmations of a condition


def test_the_table_may_be_drawn_while_trials_are_added() -> None:
    history = History()
    display = shown(history, terminal=True)
    faults: list[BaseException] = []
    done = threading.Event()

    def draw() -> None:
        while not done.is_set():
            try:
                display.render()
                display.line()
            except BaseException as fault:
                faults.append(fault)
                return

    thread = threading.Thread(target=draw)
    thread.start()
    for number in range(400):
        train(history, ask(history, number, method="standard", lr=0.01), 0.5)
        display.on_change(Event("end", str(number)))
    done.set()
    thread.join()
    assert faults == []
    assert "400/400 trials ended" in display.line()


def test_a_trial_is_described_by_its_searched_fields_that_apply(history: History) -> None:
    fields = list(SEARCH.search)
    assert describe(history.trials["0"], fields) == "standard  lr 0.001"
    assert describe(history.trials["1"], fields) == "co_teaching  lr 0.0123  tau 0.4"
    assert describe(history.trials["1"], ["patience", "lr"]) == "patience null  lr 0.0123"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (3599, "59:59"), (36000, "10:00:00")]
)
def test_a_clock_shows_minutes_and_seconds_and_hours_where_needed(
    seconds: float, text: str
) -> None:
    assert clock(seconds) == text
