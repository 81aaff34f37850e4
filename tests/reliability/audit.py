"""The audit of one killed and finished search, by everything that it left behind."""

from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Thread

from .facts import Findings, Life, read_events
from .mlflow_audit import audit_mlflow
from .output_audit import audit_outputs
from .record_audit import audit_record
from .redone import Redone, redone
from .session_audit import audit_session

# One audit at a time: MLflow and Optuna keep state of their own in this process.
_one_at_a_time = Lock()


@dataclass
class Audit:
    """What became of one killed search.

    Attributes:
        findings: what is wrong; empty where nothing is.
        redone: training that was done twice, for every trial that ran at a death.
        lives: of its drivers.
        num_trials: asked for in all.
        num_decisions: rung decisions in its record.
        watchers: that still wait for the end of its processes; what they see is added.
    """

    findings: Findings
    redone: list[Redone] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    num_trials: int = 0
    num_decisions: int = 0
    watchers: list[Thread] = field(default_factory=list)

    def settle(self) -> None:
        """Wait until all is seen."""
        for watcher in self.watchers:
            watcher.join()


def audit(
    folder: Path, lives: list[Life], *, reference: Path | None = None, record: str | None = None
) -> Audit:
    """Audit a finished search against its record at each death, MLflow and an uninterrupted run.

    Args:
        folder: of the search, with the default tracking store beside it.
        lives: in order; the last one came to its end.
        reference: folder of an uninterrupted run with equal results; None where there is none.
        record: URL of the database of its record; None for its own file.
    """
    events = read_events(folder, record)
    lives[-1].events = events
    found = Audit(audit_record(events, lives), lives=lives)
    if not any(event.kind == "finish" for event in events):
        return found
    with _one_at_a_time:
        found.findings.add(
            [
                audit_session(events),
                audit_mlflow(events, f"sqlite:///{folder.parent / 'mlflow.db'}", folder.name),
                audit_outputs(folder, reference),
            ]
        )
    found.redone = redone(lives, events)
    found.num_trials = sum(event.kind == "ask" for event in events)
    found.num_decisions = sum(event.kind == "rung" for event in events)
    return found
