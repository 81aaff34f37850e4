"""Audit of what a resumed driver would know: the state that is rebuilt from the record."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from optuna.trial import TrialState

from tune_noise.config.search import SearchConfig
from tune_noise.record import Event, Record
from tune_noise.tuning.session.session import Session

from .facts import Findings


def audit_session(events: Sequence[Event]) -> Findings:
    """Rebuild sampler, rungs and open trials of a finished search from a copy of its record."""
    findings = Findings()
    config = next(e.data["config"] for e in events if e.kind == "search")
    with TemporaryDirectory() as folder, Record(Path(folder) / "record.db", writer=True) as record:
        record.append(*events)
        session = Session(SearchConfig.model_validate(config), record)
        if not session.finished:
            findings.lost.append("rebuilt from its record, the search has something left to do")
        news = list(record.events())[len(events) :]
        findings.decisions += [f"a resume would write {e.kind} of {e.trial_id}" for e in news]
        findings.sampler += _untold(session)
    return findings


def _untold(session: Session) -> list[str]:
    """Trials of which a sampler does not know the end, or knows another one than the record."""
    wrong = []
    expected = {"completed": TrialState.COMPLETE, "failed": TrialState.FAIL}
    searched = [t for t in session.history.trials.values() if t.stage == "search"]
    # Private: a sampler has no use for such questions, only this audit has.
    for group, sampler in session._samplers.items():
        # Both in the order of asking, and few enough that a sampler remembers them all.
        trials = [t for t in searched if session._group(t) == group]
        told_trials = sampler._study.get_trials(deepcopy=False)
        if len(trials) != len(told_trials):
            wrong.append(f"{len(told_trials)} Optuna trials of {len(trials)} that were asked")
        for trial, told in zip(trials, told_trials, strict=False):
            state = expected.get(str(trial.status), TrialState.PRUNED)
            if any(getattr(trial.config, k) != v for k, v in told.params.items()):
                wrong.append(f"{trial.trial_id} has the values {told.params} in Optuna")
            elif told.state != state:
                wrong.append(f"{trial.trial_id} is {told.state.name} in Optuna, not {state.name}")
            elif state == TrialState.COMPLETE and told.value != trial.score:
                wrong.append(f"{trial.trial_id} has {told.value} in Optuna, not {trial.score}")
            elif state == TrialState.PRUNED and trial.score not in (
                None,
                *told.intermediate_values.values(),
            ):
                text = f"{trial.trial_id} was stopped at {trial.score}"
                wrong.append(f"{text}, which Optuna does not know")
    return wrong
