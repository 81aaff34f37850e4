"""What is to be registered of one winner: a file in its folder, written by the search's driver."""

import json
from collections.abc import Hashable
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from tune_noise.config.frozen import Frozen

ENTRY_FILE = "registration.json"
CARD_FILE = "model_card.md"


class Evidence(Frozen):
    """By what a version is judged against others of its model.

    Attributes:
        level: the error at which it may challenge a champion.
        scores: seed, noise seed and objective of every fresh seed; a larger score is better.
        is_renamed: whether a seed was flagged as renamed: it may have learnt the classes under each
            other's names, and the objective cannot see that.
        without: the mean objective without each group of validation labels, where all seeds share
            these; None where they do not, or an earlier version of this package wrote it.
    """

    level: float = Field(gt=0.0, lt=1.0)
    scores: list[tuple[int, int, float]] = Field(min_length=1)
    is_renamed: bool
    without: list[float] | None = None

    @property
    def by_seed(self) -> dict[Hashable, float]:
        """(seed, noise seed) -> score."""
        return {(seed, noise_seed): score for seed, noise_seed, score in self.scores}


class Entry(Frozen):
    """One model to register.

    Attributes:
        name: of the registered model, in readable words.
        task: a digest of data, noise, objective and training set: versions are compared, and a name
            is shared, only where it is the same.
        search_id: of the search.
        condition: its name in the search.
        trial_id: whose networks these are.
        evidence: see `Evidence`.
        tags: further tags of the version, to look at and filter by.
        params: hyper-parameters by name.
        requirements: of pip.
        input_shape: (C, H, W) of a picture, (D,) of features.
        example: an input of that shape, pixels 0 to 255; with columns, a value for each.
        columns: name of a raw input's column -> MLflow's type of it; empty where arrays are taken.
        own_network: `package.module:factory`; None where network and encoder are ours.
    """

    name: str = Field(min_length=1, max_length=250)
    task: str
    search_id: str
    condition: str
    trial_id: str
    evidence: Evidence
    tags: dict[str, str]
    params: dict[str, str]
    requirements: list[str]
    input_shape: tuple[int, ...]
    example: list[Any]
    columns: dict[str, str] = Field(default_factory=dict)
    own_network: str | None = None

    @property
    def input_type(self) -> str:
        """The NumPy type of an input's values."""
        return "float32" if len(self.input_shape) == 1 else "uint8"

    @property
    def key(self) -> dict[str, str]:
        """The tags that no other version has together."""
        return {
            "tune_noise.search_id": self.search_id,
            "tune_noise.condition": self.condition,
            "tune_noise.trial_id": self.trial_id,
        }


def read_entry(folder: Path) -> Entry | None:
    """Return the entry of a winner's folder; None where we have written none."""
    try:
        return Entry.model_validate_json((folder / ENTRY_FILE).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def entry_bytes(entry: Entry) -> bytes:
    """Return the content of the file."""
    return (json.dumps(entry.model_dump(mode="json"), allow_nan=False) + "\n").encode()


def read_evidence(tag: str | None) -> Evidence | None:
    """Return the evidence that a version's tag holds; None where it holds none."""
    try:
        return None if tag is None else Evidence.model_validate_json(tag)
    except ValidationError:
        return None


def evidence_tag(evidence: Evidence) -> dict[str, Any]:
    """Return the tag that holds it."""
    return {EVIDENCE_TAG: evidence.model_dump_json()}


EVIDENCE_TAG = "tune_noise.evidence"
