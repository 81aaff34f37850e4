"""How long a resume takes: of small records, and of one of many trials, beside Ray's own start."""

import hashlib
import shutil
from pathlib import Path

from tune_noise.config.metric_names import METRICS
from tune_noise.config.search import SearchConfig
from tune_noise.config.trial import TrialConfig
from tune_noise.record import Event, Record, RecordPlace
from tune_noise.tracking import TrackingProcess
from tune_noise.tuning.session.session import Session
from tune_noise.tuning.session.stacks import Stack

from .command import PART_MARK, Command, kill_all, wait_for
from .facts import OF_TRIALS, read_events
from .searches import NAME, Search

# What any program pays that trains on Ray: the imports, the local cluster, a first process of it
# that can train.
BARE = """
import time
import ray, torch
from ray import tune
ray.init(address="local", include_dashboard=False, log_to_driver=False, logging_level="ERROR")
print("cluster", time.time(), flush=True)
@ray.remote(num_cpus=1)
class Actor:
    def answer(self):
        import torch
        from ray import tune
ray.get(Actor.remote().answer.remote())
print("process", time.time(), flush=True)
"""
TRACKING_SECONDS = 900.0
MANY = {
    "noise": "pair_flip",
    "conditions": {"noise_rate": [0.45]},
    "search": {
        "method": {"choice": ["standard", "co_teaching"]},
        "lr": {"loguniform": [0.001, 0.01]},
        "tau": {"uniform": [0.1, 0.6], "when": {"method": "co_teaching"}},
    },
    "fixed": {"model": "perceptron", "ramp_epochs": 2, "batch_size": 128},
    "compare": "method",
    "epochs": 12,
    "early_stopping": {"grace_epochs": 3, "reduction_factor": 2},
    "confirm": {"seeds": 2},
}


def ray_start(place: Path) -> tuple[float, float]:
    """Seconds that a bare program takes until Ray's cluster stands, and until a process answers."""
    (place / "bare.py").write_text(BARE, encoding="utf-8")
    command = Command(place, ["bare"])
    if problems := command.wait():
        raise RuntimeError(f"a bare start of Ray {problems[0]}")
    found = dict(line.split() for line in command.text.splitlines() if line.count(" ") == 1)
    kill_all(PART_MARK, command.part)
    return float(found["cluster"]) - command.started, float(found["process"]) - command.started


class MadeUpTrainer:
    """Serves a session as a Ray actor does, with metrics that depend on the configuration alone."""

    def __init__(self, session: Session) -> None:
        """Nothing is trained yet."""
        self._session = session

    def run(self, num_trials: int) -> None:
        """Train until so many trials have ended."""
        ended = 0
        while ended < num_trials and (stack := self._session.next_stack()):
            self._train(stack)
            ended += len(stack.trial_ids)

    def _train(self, stack: Stack) -> None:
        [trial_id], [config] = stack.trial_ids, stack.configs
        ends = sorted({*self._session.rung_levels, config.epochs})
        for first, last in zip([0, *ends], ends, strict=False):
            news = {
                "facts": {"realised_noise_rate": 0.45},
                "epochs": [_metrics(config, epoch) for epoch in range(first + 1, last + 1)],
                "status": "completed" if last == config.epochs else None,
                "stop_reason": "",
            }
            if not self._session.report({trial_id: news}):
                return


def _metrics(config: TrialConfig, epoch: int) -> dict[str, float]:
    digest = hashlib.sha256(f"{config.model_dump_json()}/{epoch}".encode()).digest()
    value = int.from_bytes(digest[:4], "big") / 2**32
    return {"epoch": epoch, "seconds": 0.01 * epoch} | dict.fromkeys(METRICS, value)


def make_record(num_trials: int, place: Path) -> Search:
    """Begin a real search, kill it, and fill its record with made-up trials.

    Returns:
        The search, of which some trials are left to do.
    """
    search = Search("many", "", MANY | {"trials": num_trials + 20}, 2, False)
    search.write(place)
    folder = place / "runs" / NAME
    command = Command(place, ["tune_noise.search", *search.arguments])
    wait_for(lambda: any(e.kind == "ask" for e in read_events(folder)), seconds=90.0)
    command.kill(with_descendants=True)
    record_place = RecordPlace.of_folder(folder)
    config = next(e.data["config"] for e in read_events(folder) if e.kind == "search")
    with Record(record_place, writer=True) as record:
        MadeUpTrainer(Session(SearchConfig.model_validate(config), record)).run(num_trials)
    # A search that was killed had delivered what it recorded, but for the last seconds.
    tracking = TrackingProcess.start(
        record_place,
        tracking_uri=f"sqlite:///{place / 'runs' / 'mlflow.db'}",
        experiment=NAME,
        output=folder,
    )
    if problem := tracking.finish(timeout_seconds=TRACKING_SECONDS):
        raise RuntimeError(problem)
    return search


def time_resume(search: Search, filled: Path, place: Path) -> tuple[float, float]:
    """Seconds from the command to its first new event of a trial, and to a trial's first report.

    The command is killed then.

    Args:
        search: of `make_record`.
        filled: its place; left as it is.
        place: an empty folder.
    """
    shutil.copytree(filled / "runs", place / "runs")
    folder = place / "runs" / NAME
    before = len(read_events(folder))
    search.write(place)
    command = Command(place, ["tune_noise.search", *search.arguments])
    news: list[Event] = []

    def has_reported() -> bool:
        news[:] = [e for e in read_events(folder)[before:] if e.kind in OF_TRIALS]
        return command.has_ended or any(event.kind == "start" for event in news)

    # Reading a large record takes time of its own, so it is looked at rarely.
    wait_for(has_reported, seconds=120.0, pause=1.0)
    command.kill(with_descendants=True)
    first_report = next((e.seconds for e in news if e.kind == "start"), None)
    if first_report is None:
        raise RuntimeError(f"a resume did not go on: {command.last_lines}")
    return news[0].seconds - command.started, first_report - command.started


def resumes_of(num_trials: int, repeats: int, place: Path) -> dict[str, list[float]]:
    """Resumes of a record of many trials and bare starts of Ray, in turns.

    Returns:
        `cluster`, `process` (see `ray_start`), `news`, `report` (see `time_resume`): seconds, one
        per repeat; `record`: trials and events.
    """
    filled = place / "filled"
    filled.mkdir()
    search = make_record(num_trials, filled)
    found: dict[str, list[float]] = {"cluster": [], "process": [], "news": [], "report": []}
    for number in range(repeats):
        own = place / str(number)
        own.mkdir()
        seconds = (*ray_start(own), *time_resume(search, filled, own))
        for name, value in zip(found, seconds, strict=True):
            found[name].append(value)
    events = read_events(filled / "runs" / NAME)
    ended = sum(e.kind == "end" for e in events)
    return found | {"record": [ended, len(events)]}
