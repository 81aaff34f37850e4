"""Audit of what a resumed driver would know: the state that is rebuilt from the record."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from optuna.trial import TrialState

from tune_noise.config.search import SearchConfig
from tune_noise.record import Event, Record
from tune_noise.tuning.session import Session

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
    known: set[str] = set()
    # Private: a sampler has no use for such questions, only this audit has.
    for sampler in session._samplers.values():
        trials = sampler._study.get_trials(deepcopy=False)
        if len(trials) != len(sampler._asked):
            wrong.append(f"{len(trials)} Optuna trials of {len(sampler._asked)} that were asked")
        for trial_id, asked in sampler._asked.items():
            known.add(trial_id)
            told, trial = trials[asked.number], session.history.trials[trial_id]
            state = expected.get(str(trial.status), TrialState.PRUNED)
            if told.state != state:
                wrong.append(f"{trial_id} is {told.state.name} in Optuna, not {state.name}")
            elif state == TrialState.COMPLETE and told.value != trial.score:
                wrong.append(f"{trial_id} has {told.value} in Optuna, not {trial.score}")
            elif state == TrialState.PRUNED and trial.score not in (
                None,
                *told.intermediate_values.values(),
            ):
                wrong.append(f"{trial_id} was stopped at {trial.score}, which Optuna does not know")
    searched = {t.trial_id for t in session.history.trials.values() if t.stage == "search"}
    return wrong + [f"{trial_id} is unknown to every sampler" for trial_id in searched - known]
