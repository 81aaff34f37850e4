"""The space for one's own data: which of its forms suits them, and what the search is called."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tune_noise.config.loader import read_search
from tune_noise.config.search import SearchConfig, folder_word
from tune_noise.data import Dataset
from tune_noise.data.splits import suited_folds
from tune_noise.errors import ConfigError, UserError
from tune_noise.service.checked_data import load_data
from tune_noise.service.encoding import cluster_executor

OWN_SPACE = "own"
# What stands in the file of the space.
NO_SOURCE = "SOURCE"
# Networks and fields that suit pictures do not suit features.
_OF_KIND = {"features": OWN_SPACE, "pictures": "own_pictures"}


def chosen_search(
    space: str | None,
    overrides: Mapping[str, Any],
    data_dir: Path | None,
    *,
    address: str | None = None,
    output: Path = Path(),
) -> tuple[SearchConfig, Dataset | None]:
    """Return the search of a space, or of the one that suits the data where none is named.

    Args:
        space: a name or a file; None and `own` leave the choice to the data.
        overrides: field -> value, as the command line changes the space.
        data_dir: the folder of the torchvision sets.
        address: of a Ray cluster, on which raw inputs are encoded where that takes long.
        output: the folder of all searches.

    Returns:
        The search, and the data set where it was loaded for the choice.

    Raises:
        UserError: there is no such space, the data cannot be loaded, or they are not named.
    """
    if space is not None and space != OWN_SPACE:
        return read_search(space, overrides), None
    search = _own_search(overrides)
    if search.dataset == NO_SOURCE:
        raise UserError(
            "no data are named: name your own by --data SOURCE, or a space with data by --space "
            "(see `tune-noise spaces`)"
        )
    executor = cluster_executor(search, address=address, folder=output.resolve())
    dataset = load_data(search, data_dir, executor=executor)
    source = Path(search.dataset).stem if search.data is None else search.data.word
    changes = {"name": f"{OWN_SPACE}-{folder_word(source)}", **overrides}
    if dataset.num_validation is not None:
        changes.setdefault("val_fraction", None)
    elif dataset.kind == "features" and not {"val_fraction", "val_folds"} & changes.keys():
        changes["val_folds"] = suited_folds(len(dataset.train_labels))
    chosen = read_search(_OF_KIND[dataset.kind], changes)
    if dataset.encoder_state is not None and changes.get("val_folds") is not None:
        # What the encoder has learnt from is another part of the data now.
        dataset = load_data(chosen, data_dir)
    return chosen, dataset


def _own_search(overrides: Mapping[str, Any]) -> SearchConfig:
    """Return the search of the first space for one's own data that takes the changes.

    What suits the space for pictures alone is no mistake as long as the kind is not known.

    Raises:
        UserError: none of them does.
    """
    try:
        return read_search(OWN_SPACE, overrides)
    except ConfigError as error:
        for space in _OF_KIND.values():
            with suppress(ConfigError):
                return read_search(space, overrides)
        raise error
