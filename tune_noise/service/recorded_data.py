"""The data of a finished search, loaded again as it was searched, for what comes after it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tune_noise.config.data_source import DataSource
from tune_noise.data import Dataset
from tune_noise.data.example_views import ExampleViews
from tune_noise.data.sources.raw import RawKind
from tune_noise.errors import UserError
from tune_noise.history.replay import History
from tune_noise.service.checked_data import load_checked, val_fractions

if TYPE_CHECKING:
    from tune_noise.data.own_data import Plan


@dataclass(frozen=True, eq=False)
class RecordedData:
    """What a search was trained on.

    Attributes:
        dataset: checked, with what its noise needs beside it.
        source: of one's own data, also of an .npz file; None for a data set by name.
        plan: of one's own data: where each example comes from; None for a data set by name.
    """

    dataset: Dataset
    source: DataSource | None
    plan: "Plan | None"

    @property
    def views(self) -> ExampleViews:
        """The training examples as people look at them."""
        if self.plan is not None:
            return self.plan.views()
        kind: RawKind = "pixels" if self.dataset.kind == "pictures" else "features"
        return ExampleViews(kind, self.dataset.train_inputs)


def load_recorded(history: History, folder: Path, data_dir: Path | None) -> RecordedData:
    """Load the data of a finished search.

    Args:
        history: of the search.
        folder: of the search, for messages.
        data_dir: the folder of the torchvision sets.

    Raises:
        UserError: the search is not finished, or its data are not what they were.
        DataError: the data cannot be loaded.
    """
    search, source, plan = history.config, history.config.data, None
    if source is None and search.dataset.endswith(".npz"):
        source = DataSource(train=search.dataset)
    if source is not None:
        from tune_noise.data.own_data import plan_dataset
        from tune_noise.data.sources.read import read_source

        fraction = val_fractions(search)[0]
        raw = read_source(source)
        plan = plan_dataset(raw, source, val_fraction=fraction, cache_dir=data_dir)
    own = plan.dataset() if plan is not None and search.data is not None else None
    dataset = load_checked(search, data_dir, own)
    check_recorded(history, dataset, folder)
    return RecordedData(dataset, source, plan)


def check_recorded(history: History, dataset: Dataset, folder: Path) -> None:
    """Check that a search is finished, and that these are the data of it.

    Raises:
        UserError: it is not, or they are not.
    """
    if not history.finished:
        raise UserError(f"{folder} holds a search that is not finished: continue it with resume")
    then = history.search["dataset"]["fingerprint"]
    if then != dataset.fingerprint:
        source = history.config.dataset
        is_file = history.config.data is not None or source.endswith(".npz")
        raise UserError(
            f"{folder} was searched on other data: its fingerprint was {then}, and that of "
            f"these data is {dataset.fingerprint}; "
            + (f"bring back {source}" if is_file else "give the folder of the first by --data-dir")
        )
