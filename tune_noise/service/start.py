"""What a search asks first, before its sampler proposes any.

After a repair it is what the search before has found good; else what the space has for such data.
"""

from math import prod

from tune_noise.config.configurations import Values
from tune_noise.config.search import EMBEDDING_COLUMNS, SearchConfig
from tune_noise.config.start import starting_points
from tune_noise.data import Dataset
from tune_noise.service.earlier import good_configurations


def asked_first(
    search: SearchConfig, dataset: Dataset
) -> tuple[dict[str, list[Values]], list[str]]:
    """Return name of a condition -> what is asked first, and how it was fitted to the search.

    Args:
        search: its `start` is for features, of few columns or of many.
        dataset: what it is trained on.
    """
    if not search.warm_start:
        return {}, []
    if earlier := good_configurations(search):
        return starting_points(search, earlier)
    if dataset.kind != "features":
        return {}, []
    is_wide = prod(dataset.input_shape) >= EMBEDDING_COLUMNS
    wanted = search.start.embeddings if is_wide else search.start.tables
    return starting_points(search, {c.name: wanted for c in search.all_conditions})
