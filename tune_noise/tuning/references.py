"""After the confirmation: reference models learn what the finalists have learned."""

import math

from tune_noise.config.reference_models import REFERENCES
from tune_noise.config.search import Resources
from tune_noise.data import Dataset
from tune_noise.system.signals import Interrupt
from tune_noise.training.reference_models import missing_needs, train_reference
from tune_noise.tuning.jobs import run_jobs
from tune_noise.tuning.session.references import references_due, seconds_of
from tune_noise.tuning.session.session import Session


def train_references(session: Session, dataset: Dataset, interrupt: Interrupt) -> None:
    """Train the reference models of a session whose trials have all ended.

    Each is recorded as soon as it is trained, and is not trained again. One that cannot be trained
    is told, and left out.

    Raises:
        KeyboardInterrupt: as requested; what was trained is recorded.
        StorageError: the record cannot be written.
    """
    due = references_due(session.history, session.search)
    suited = []
    for reference in due:
        # Nobody asked for it where it is one of the default: no warning.
        if problem := missing_needs(REFERENCES[reference.name], dataset):
            session.note_reference(reference, problem)
        else:
            suited.append(reference)
    size = {"width": math.prod(dataset.input_shape), "num_classes": dataset.num_classes}
    seconds = {one: seconds_of(one, examples=len(dataset.train_labels), **size) for one in suited}
    results = run_jobs(
        # The longest first: at the end it would be waited for alone.
        sorted(suited, key=seconds.__getitem__, reverse=True),
        dataset,
        train=train_reference,
        resources=Resources(max_concurrent=session.search.resources.max_concurrent),
        interrupt=interrupt,
        seconds=sum(seconds.values()),
    )
    for reference, result in results:
        session.note_reference(reference, result)
        if isinstance(result, str):
            words = REFERENCES[reference.name].words
            text = f"{reference.condition}: {words} could not be trained, and is left out: {result}"
            session.note(text, is_warning=True)
