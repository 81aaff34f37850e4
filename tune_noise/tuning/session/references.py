"""The reference models that are still to be trained, by what the record says."""

from tune_noise.config.reference_models import REFERENCES
from tune_noise.config.search import Condition, SearchConfig
from tune_noise.history.replay import History
from tune_noise.training.reference_models import Reference, label_draw
from tune_noise.tuning.session.seeds import search_seeds


def references_due(history: History, search: SearchConfig) -> list[Reference]:
    """Return what is to be trained: each model of each condition on the seeds that it lacks.

    Args:
        history: in which nothing runs any more.
        search: says which models.
    """
    return [
        due
        for condition in search.all_conditions
        for name in search.references
        if (due := _due(history, search, condition, name)) is not None
    ]


def _due(
    history: History, search: SearchConfig, condition: Condition, name: str
) -> Reference | None:
    """Return what is to be trained of one model; None: nothing."""
    before = history.references.get(condition.name, {}).get(name)
    confirming = history.of(condition=condition.name, stage="confirm")
    seeds = {t.config.seed: t.config.noise_seed for t in confirming if t.ended_well}
    missing = sorted(seeds) if before is None else before.missing(sorted(seeds))
    if not missing:
        return None
    # What is searched has its default: a reference model asks for the labels and the split alone.
    return Reference(
        condition=condition.name,
        name=name,
        chooses=search.trial_config(condition, {}, **search_seeds(search)),
        confirms=tuple(
            search.trial_config(condition, {}, seed=seed, noise_seed=seeds[seed])
            for seed in missing
        ),
        settings=tuple(before.settings.items()) if before is not None else None,
    )


def seconds_of(reference: Reference, *, examples: int, width: int, num_classes: int) -> float:
    """Return how long the training of a reference model takes on one core, about.

    Args:
        reference: what is trained.
        examples: number of the training examples.
        width: numbers of one input.
        num_classes: number of the classes.
    """
    declaration = REFERENCES[reference.name]
    tried = 1
    for values in declaration.settings.values():
        tried *= len(values)
    fits = len({label_draw(config) for config in reference.confirms})
    fits += tried if reference.settings is None else 0
    numbers = declaration.num_learned(examples, width) * width
    each = numbers * (num_classes if declaration.by_class else 1) / 1e6
    return fits * each * declaration.seconds_per_million
