"""What there is to check: the sample of an audit, or the suspects of a condition."""

import numpy as np

from tune_noise.audit.population import Population
from tune_noise.config.words import class_name
from tune_noise.data import Dataset
from tune_noise.service.review.work import Task


def suspect_tasks(population: Population, dataset: Dataset, number: int) -> list[Task]:
    """Return the most suspicious labels of a condition, with what data and model say of each.

    Args:
        population: all labels, the most suspicious first.
        dataset: names examples and classes.
        number: how many.
    """
    judged = population.judgements
    _, first = np.unique(judged.examples, return_index=True)
    tasks = []
    for row in np.sort(first)[:number].tolist():
        example = int(judged.examples[row])
        names = {
            "given label": class_name(int(judged.given[row]), dataset.class_names),
            "predicted label": class_name(int(judged.predicted[row]), dataset.class_names),
            "suspicion": f"{judged.suspicion[row]:.3f}",
        }
        if dataset.train_ids is not None:
            names["id"] = str(dataset.train_ids[example])
        tasks.append(Task(example, names))
    return tasks
