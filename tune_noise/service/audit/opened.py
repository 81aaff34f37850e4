"""One condition of a finished search, opened for its audit."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tune_noise.audit.answers import AuditRecord, current
from tune_noise.audit.checked import Checked, agreement, checked_labels
from tune_noise.audit.curve import DRAWS, curve, fit_corrected
from tune_noise.audit.estimates import AuditEstimates, audit_findings
from tune_noise.audit.plan import SIZES, confidence_of, expected_half_widths, labels_for
from tune_noise.audit.population import Population, read_population
from tune_noise.audit.sample import Sample, strata_of
from tune_noise.config.words import class_name
from tune_noise.data import Dataset
from tune_noise.errors import UserError
from tune_noise.history.open import read_history
from tune_noise.history.replay import History
from tune_noise.record.folder import CURVE_FILE, audit_dir
from tune_noise.reporting import ConditionSummary, summarise, write_outputs
from tune_noise.training.judgements import read_predictions, save_predictions
from tune_noise.winners.finalist_predictions import other_finalists, read_finalists
from tune_noise.winners.registration import add_audit


@dataclass
class OpenedAudit:
    """What the audit of a condition works on.

    Attributes:
        folder: of the search.
        history: of the search.
        condition: judged.
        population: its labels.
        record: samples and answers.
    """

    folder: Path
    history: History
    condition: ConditionSummary
    population: Population
    record: AuditRecord

    @property
    def sample(self) -> Sample | None:
        """The sample of what the leader's networks judged; None where none was drawn."""
        sample = self.record.samples.get(self.condition.name)
        is_of_these = sample is not None and sample.population == self.population.digest
        return sample if is_of_these else None

    @property
    def class_names(self) -> list[str]:
        """What people read for the classes."""
        return [
            class_name(label, self.condition.class_names)
            for label in range(self.population.num_classes)
        ]

    def checked(self) -> Checked | None:
        """Return what was said of the sample; None where nobody has said anything of use."""
        if self.sample is None:
            return None
        answers = current(self.record.answers, "audit")
        examples = self.sample.examples.tolist()
        checked = checked_labels(
            self.population, answers, examples, num_classes=self.population.num_classes
        )
        return checked if len(checked.rows) else None

    def estimates(self) -> AuditEstimates | None:
        """Return the estimates from what was checked so far; None where nothing was."""
        sample, checked = self.sample, self.checked()
        if sample is None or checked is None:
            return None
        return AuditEstimates(
            self.population,
            strata_of(self.population),
            checked,
            confidence=confidence_of(sample),
        )

    def facts(self) -> dict[str, Any] | None:
        """Return all that the audit tells, as `summary.json` holds it; None without a sample."""
        sample = self.sample
        if sample is None:
            return None
        examples = set(sample.examples.tolist())
        answers = {
            example: of_persons
            for example, of_persons in current(self.record.answers, "audit").items()
            if example in examples
        }
        checked, estimates = self.checked(), self.estimates()
        persons = sorted({person for of in answers.values() for person in of})
        facts = {
            "trial_id": sample.trial_id,
            "population": len(self.population),
            "labels": len(sample),
            "answered": len(answers),
            "checked": 0 if checked is None else len(checked.rows),
            "verdicts": {} if checked is None else checked.verdicts,
            "persons": {name: sum(name in of for of in answers.values()) for name in persons},
            "agreement": agreement(answers),
            "confidence": confidence_of(sample),
            "until": sample.until,
        }
        if estimates is not None:
            facts |= audit_findings(estimates, self.population, self.finalists())
            predictions = read_predictions(self.curve_file, {"trial_id": sample.trial_id})
            facts["curve"] = curve(estimates, self.population, predictions)
        return facts

    @property
    def curve_file(self) -> Path:
        """Where the predictions of networks that were trained on corrected labels are kept."""
        return audit_dir(self.folder, self.condition.name) / CURVE_FILE

    def fit_curve(self, dataset: Dataset, *, device: str) -> Iterator[str]:
        """Train the leader on corrected labels, in this process; what was trained is kept.

        Yields:
            What was trained, in words, after each.

        Raises:
            UserError: nothing was checked yet, or the leader was told the noise.
        """
        sample, checked, estimates = self.sample, self.checked(), self.estimates()
        assert self.condition.leader is not None
        assert self.condition.suspects is not None
        if sample is None or checked is None or estimates is None:
            raise UserError("--curve: no label was checked yet: draw a sample and answer it first")
        config = next(iter(self.condition.leader.counted.values())).config
        if config.is_told_matrix or config.oracle or config.example_order != "shuffled":
            raise UserError("--curve: the leader was told of the noise, which corrections change")
        about = {"trial_id": sample.trial_id, "checked": len(checked.rows)}
        predictions = read_predictions(self.curve_file, about)
        self.curve_file.parent.mkdir(parents=True, exist_ok=True)
        for name, predicted in fit_corrected(
            self.population,
            checked,
            estimates,
            config,
            dataset,
            folds=self.condition.suspects["folds"],
            device=device,
            done=predictions,
        ):
            predictions[name] = predicted
            save_predictions(self.curve_file, predictions, about)
            first, draw = name.split("/")
            yield f"first {first} corrected, draw {int(draw) + 1} of {DRAWS}"

    def finalists(self) -> dict[str, np.ndarray]:
        """Return what other finalists predict, as far as it was kept: trial_id -> int64 [N]."""
        predictions = read_finalists(self.condition, self.folder)
        by_row = {name: values[self.population.examples] for name, values in predictions.items()}
        return {name: values for name, values in by_row.items() if (values >= 0).all()}

    def missing_finalists(self) -> list[str]:
        """Return the finalists whose predictions are not there."""
        kept = self.finalists()
        return [f.trial_id for f in other_finalists(self.condition) if f.trial_id not in kept]

    def expected(self) -> dict[int, dict[str, float]]:
        """Return number of labels -> the half-widths to expect of accuracy and noise rate."""
        estimates = self.estimates()
        scales = None if estimates is None else estimates.scales()
        return {
            size: expected_half_widths(self.population, size, scales=scales)
            for size in SIZES
            if size <= len(self.population)
        }

    def half_widths(self) -> dict[str, float] | None:
        """Return the half-widths of accuracy and noise rate so far; None where nothing is known."""
        estimates = self.estimates()
        if estimates is None:
            return None
        accuracy, rate = estimates.accuracy(self.population.predicted), estimates.noise_rate()
        assert rate is not None
        return {"accuracy": accuracy.half_width, "noise_rate": rate.half_width}

    def labels_for(self, half_width: float) -> int:
        """Return with how many labels the half-widths are expected to be small enough."""
        estimates, checked = self.estimates(), self.checked()
        return labels_for(
            self.population,
            half_width,
            before=0 if checked is None else len(checked.rows),
            scales=None if estimates is None else estimates.scales(),
        )


def open_audit(folder: Path, condition: str | None, url: str | None) -> OpenedAudit:
    """Open the audit of a condition.

    Args:
        folder: of a finished search.
        condition: its name; None: the only one that has a leader.
        url: of the database that holds the record; None for what the folder says.

    Raises:
        UserError: the search is not finished, the condition must be named, or no networks have
            judged its labels.
    """
    history = read_history(folder, url)
    if not history.finished:
        raise UserError(f"{folder} holds a search that is not finished: continue it with resume")
    chosen = _choose(history, condition, folder)
    record = AuditRecord(folder, url)
    return OpenedAudit(folder, history, chosen, _population(history, chosen, folder), record)


def open_audits(folder: Path, url: str | None) -> Iterator[OpenedAudit]:
    """Yield every condition that has a sample of its leader."""
    history, record = read_history(folder, url), AuditRecord(folder, url)
    for condition in summarise(history).conditions:
        if condition.name in record.samples and condition.suspects is not None:
            population = _population(history, condition, folder)
            audit = OpenedAudit(folder, history, condition, population, record)
            if audit.sample is not None:
                yield audit


def update_audits(folder: Path, url: str | None) -> None:
    """Record what the answers so far tell of each condition; write outputs and model cards again.

    Whoever has added answers calls this in the end.

    Raises:
        UserError: another command is at work in the folder.
        OSError: the folder cannot be written.
    """
    has_changed = False
    for audit in open_audits(folder, url):
        facts, name = audit.facts(), audit.condition.name
        if facts is not None and facts["answered"] and audit.history.audits.get(name) != facts:
            audit.record.note(f"{name}: {facts['answered']} checked by hand", audits={name: facts})
            has_changed = True
    if has_changed:
        for condition in write_outputs(read_history(folder, url), folder).conditions:
            add_audit(condition, folder)


def _population(history: History, condition: ConditionSummary, folder: Path) -> Population:
    classes = history.search["dataset"]["classes"]
    return read_population(folder, condition, num_classes=classes)


def _choose(history: History, name: str | None, folder: Path) -> ConditionSummary:
    conditions = {condition.name: condition for condition in summarise(history).conditions}
    if name is not None and name not in conditions:
        raise UserError(
            f"--condition {name}: is not one of {folder}: choose from {', '.join(conditions)}"
        )
    led = [condition for condition in conditions.values() if condition.leader is not None]
    if name is None and len(led) > 1:
        names = ", ".join(condition.name for condition in led)
        raise UserError(f"--condition: {folder} has several conditions; name one of {names}")
    if name is not None:
        return conditions[name]
    return led[0] if led else next(iter(conditions.values()))
