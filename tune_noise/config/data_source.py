"""DataSource: one's own data, as `--data` or the block `data` of a space names them."""

from pathlib import Path
from typing import Any

from pydantic import Field, field_validator, model_validator

from tune_noise.config.frozen import Frozen, OneLine
from tune_noise.system.files import expand_home

# Names that files of all kinds of data have: the folder around them says more.
_NO_NAMES = ("train", "training", "data")


class DataSource(Frozen):
    """Where one's own data lie, and what stands where in them.

    A space that writes a path alone (`data: photos/`) means `{train: photos/}`.
    """

    train: OneLine = Field(max_length=4096, description="a file, or a folder of pictures")
    validation: OneLine | None = Field(
        None, max_length=4096, description="a given validation split; its labels are noisy, too"
    )
    test: OneLine | None = Field(
        None, max_length=4096, description="a given test split; its labels are clean"
    )
    labels: OneLine | None = Field(
        None, max_length=4096, description="file of the labels beside an .npy file: .npy or a table"
    )
    true_labels: OneLine | None = Field(
        None, max_length=4096, description="the same for the true labels"
    )
    validation_labels: OneLine | None = Field(
        None, max_length=4096, description="the same for the validation split"
    )
    test_labels: OneLine | None = Field(
        None, max_length=4096, description="the same for the test split"
    )
    label: OneLine | None = Field(None, description="column of the labels, words or numbers")
    true_label: OneLine | None = Field(None, description="column of the true labels")
    id: OneLine | None = Field(None, description="column of ids, kept in every output")
    split: OneLine | None = Field(
        None, description="column that says train, validation or test of each example"
    )
    missing: OneLine | None = Field(
        None,
        description="word that stands for a missing label, such as -1; empty: only an empty cell",
    )
    ignore: OneLine | list[OneLine] | None = Field(
        None, description="columns that are not used at all"
    )
    text: OneLine | None = Field(None, description="column of texts")
    image: OneLine | None = Field(None, description="column of paths of pictures")
    features: OneLine | list[OneLine] | None = Field(
        None, description="columns that are the features, or what their names begin with"
    )
    encoder: OneLine | dict[str, Any] | None = Field(
        None,
        description="name of an encoder, or {name: ..., FIELD: VALUE}; null: the one that suits",
    )
    answers: OneLine | list[OneLine] | None = Field(
        None,
        description="several annotators: a file of task, worker, label; or one column for each",
    )
    separator: OneLine | None = Field(None, description="between the columns of a CSV file")
    decimal: OneLine | None = Field(None, description="decimal sign of a CSV file")
    encoding: OneLine | None = Field(None, description="of a text file; null: UTF-8")
    skip_unreadable: bool = Field(
        False, description="whether pictures that cannot be read are left out"
    )

    @model_validator(mode="before")
    @classmethod
    def _a_path_alone_is_the_training_data(cls, values: Any) -> Any:
        return {"train": values} if isinstance(values, str) else values

    @field_validator("missing", mode="before")
    @classmethod
    def _a_number_is_a_word_too(cls, value: Any) -> Any:
        return str(value) if type(value) is int else value

    @property
    def word(self) -> str:
        """One word for the data: the name of the file or folder, without its ending.

        Example:
            >>> DataSource(train="shop/reviews.csv").word, DataSource(train="shop/train.csv").word
            ('reviews', 'shop')
        """
        path = Path(expand_home(self.train)).absolute()
        return path.parent.name or path.stem if path.stem in _NO_NAMES else path.stem


def with_dataset(values: Any) -> Any:
    """Return the keys of a search; where it has data of one's own, `dataset` is their path."""
    data = values.get("data") if isinstance(values, dict) else None
    train = data.get("train") if isinstance(data, dict) else getattr(data, "train", data)
    return {**values, "dataset": train} if isinstance(train, str) else values
