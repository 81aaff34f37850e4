"""SearchConfig: one run of the service, as a space and the command line describe it."""

import hashlib
import itertools
import re
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, StrictBool, field_validator, model_validator

from tune_noise.config import declared
from tune_noise.config.data_source import DataSource, with_dataset
from tune_noise.config.domains import Domain
from tune_noise.config.frozen import Frozen, OneLine
from tune_noise.config.metric_names import DEFAULT_OBJECTIVE
from tune_noise.config.reference_models import REFERENCES
from tune_noise.config.trial import TrialConfig, applies, trial_fields, when
from tune_noise.declaration import MAX_EPOCHS, DeclarationError
from tune_noise.errors import UserError, suggestion

# Fields of a trial that a space sets as keys of its own, or that only the service may set.
SPACE_LEVEL_FIELDS = ("dataset", "noise", "epochs", "oracle", "objective", "last_epochs")
SEED_FIELDS = ("seed", "noise_seed")
# Of what a space may ask first.
MAX_STARTS = 1000
# Inputs of fewer columns are taken for a table's, and of more for an embedding.
EMBEDDING_COLUMNS = 128


class EarlyStopping(Frozen):
    """Asynchronous successive halving, stopping variant (ASHA, arXiv:1810.05934)."""

    grace_epochs: int = Field(
        ge=1, le=MAX_EPOCHS, description="no trial stops before this epoch (paper: r)"
    )
    reduction_factor: int = Field(
        3, ge=2, le=1000, description="1/eta of a rung goes on (paper: eta)"
    )


class Confirm(Frozen):
    """How finalists are trained again."""

    finalists: int | None = Field(
        None, ge=1, le=1000, description="per condition; null: one per level of compare, else 2"
    )
    seeds: int = Field(5, ge=1, le=100, description="fresh seeds, the same for every finalist")
    max_seeds: int | None = Field(
        None,
        ge=3,
        le=100,
        description="further fresh seeds, up to so many in all, where finalists are still "
        "undecided and seeds can decide; null: no further ones",
    )


class Suspects(Frozen):
    """How wrong labels are looked for, with the winner of each condition."""

    folds: int = Field(
        4,
        ge=0,
        le=20,
        description="trainings per condition, each of which judges the examples that it did not "
        "learn; 1: none, the winner judges by what it predicted while it was confirmed; 0: no "
        "wrong labels are looked for",
    )


class Start(Frozen):
    """Configurations that a search of features asks first, before its sampler's own."""

    tables: list[dict[str, Any]] = Field(
        default_factory=list,
        max_length=MAX_STARTS,
        description=f"where inputs have fewer than {EMBEDDING_COLUMNS} columns: field -> value, "
        "best first",
    )
    embeddings: list[dict[str, Any]] = Field(
        default_factory=list, max_length=MAX_STARTS, description="where they have more"
    )


class Resources(Frozen):
    """What one trial takes of the cluster."""

    cpus_per_trial: float = Field(
        1.0, gt=0.0, le=1024.0, description="CPU cores; also its thread count"
    )
    gpus_per_trial: float = Field(0.0, ge=0.0, le=1024.0, description="share of a GPU, e.g. 0.25")
    max_concurrent: int | None = Field(
        None, ge=1, le=100_000, description="null: as many as the cluster fits"
    )

    @field_validator("gpus_per_trial")
    @classmethod
    def _a_share_or_whole_gpus(cls, share: float) -> float:
        # Ray's rule: a trial gets part of one GPU, or several whole ones.
        if share > 1.0 and not share.is_integer():
            raise ValueError(f"{share:g} must be a share of one GPU, up to 1, or a whole number")
        return share


# Of one search: each condition, and in it each level of `compare`, has a sampler of its own.
MAX_GROUPS = 1000
# Of all conditions together.
MAX_GRID_POINTS = 100_000
# Of the name of a condition, which names folders and files: their names end at 255 bytes.
MAX_NAME_LETTERS = 200
# Of one level in that name; a longer one, and one with other signs, is cut and told by a hash.
MAX_LEVEL_LETTERS = 60
_SAFE_LEVEL = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._+-]{{0,{MAX_LEVEL_LETTERS - 1}}}")
# What a store of MLflow in the folder of all searches is called.
RESERVED_NAMES = ("mlflow.db", "mlartifacts")


@dataclass(frozen=True)
class Condition:
    """One combination of the fixed experimental factors, searched on its own.

    Attributes:
        factors: field -> value, e.g. {"noise_rate": 0.45}; empty where nothing varies.
    """

    factors: dict[str, Any]

    @property
    def name(self) -> str:
        """`noise_rate=0.45`, or `all` where there is one condition only; safe as a folder name."""
        words = (f"{field}={folder_word(value)}" for field, value in self.factors.items())
        return ",".join(words) or "all"


def folder_word(value: Any) -> str:
    """Return a level as part of a folder's name; one that is a path or has other signs gets a hash.

    Example:
        >>> folder_word(0.45), folder_word(None), folder_word("../data/T.csv")
        ('0.45', 'null', 'data-T.csv-4332e724')
    """
    text = "null" if value is None else str(value)
    if _SAFE_LEVEL.fullmatch(text):
        return text
    # The end of a path says more than its beginning.
    letters = re.sub(r"[^A-Za-z0-9._+]+", "-", text)[-40:].strip("-._+")
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{letters}-{digest}".lstrip("-")


def deciders(name: str, domain: Domain) -> set[str]:
    """Return the fields that decide whether a searched field is drawn."""
    return {*domain.when, *when(name)} if name in trial_fields() else set(domain.when)


def _is_own(field: str, name: Any) -> bool:
    return isinstance(name, str) and declared.is_own(field, name)


class SearchConfig(Frozen):
    """One search, completely described: it runs again from this and the data alone."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", description="the output folder")
    title: str = Field("", max_length=500, description="one line that says what is asked")
    dataset: OneLine = Field(
        "digits", max_length=4096, description="a data set's name, or a path that ends in .npz"
    )
    data: DataSource | None = Field(
        None, description="one's own data, in place of dataset: a path, or what stands where"
    )
    noise: str = Field("symmetric", description="how labels become wrong")
    conditions: dict[str, list[Any]] = Field(
        default_factory=dict, description="field -> its levels; their product is searched"
    )
    search: dict[str, Domain] = Field(default_factory=dict, description="field -> its domain")
    fixed: dict[str, Any] = Field(default_factory=dict, description="field -> its one value")
    compare: str | None = Field(
        None, description="a field whose levels get equal budgets and all reach the final"
    )
    budget: Literal["trials", "network_epochs"] = Field(
        "trials",
        description="what the levels of compare share evenly: the trials, or as many "
        "network-epochs as these take with one network each; what an early stop saves is spent on "
        "further trials",
    )
    sampler: Literal["tpe", "random", "grid"] = Field("tpe", description="proposes configurations")
    start: Start = Field(default_factory=Start)
    warm_start: StrictBool = Field(
        True, description="false: nothing is asked first, the sampler proposes every trial"
    )
    trials: int = Field(20, ge=1, le=1_000_000, description="per condition")
    epochs: int = Field(30, ge=1, le=MAX_EPOCHS, description="of a trial that is not stopped")
    early_stopping: EarlyStopping | None = Field(None, description="null: no trial is stopped")
    oracle: StrictBool = Field(
        False,
        description="true: the objective may be val_accuracy_clean or val_loss_clean, an upper "
        "bound that no one without clean labels can have; all that is printed says so",
    )
    objective: str = Field(
        DEFAULT_OBJECTIVE,
        description="the validation metric to select by; noisy, unless the oracle is declared",
    )
    last_epochs: int | None = Field(
        None,
        ge=1,
        le=MAX_EPOCHS,
        description="score a trial by the mean of its last epochs; null: by its best epoch",
    )
    confirm: Confirm = Field(default_factory=Confirm)
    suspects: Suspects = Field(default_factory=Suspects)
    references: list[str] = Field(
        default_factory=lambda: list(REFERENCES),
        description="simple models trained on the same noisy labels and shown beside the "
        "finalists; []: none",
    )
    resources: Resources = Field(default_factory=Resources)
    seed: int = Field(0, ge=0, le=10**12, description="root of all randomness of the search")

    @model_validator(mode="before")
    @classmethod
    def _own_data_are_the_data_set(cls, values: Any) -> Any:
        return with_dataset(values)

    def to_plain(self) -> dict[str, Any]:
        """Return the values as a space file holds them: either `dataset` or `data`."""
        plain = super().to_plain()
        return plain if self.data is None else {k: v for k, v in plain.items() if k != "dataset"}

    @field_validator("references")
    @classmethod
    def _reference_models(cls, names: list[str]) -> list[str]:
        for name in names:
            if name not in REFERENCES:
                raise ValueError(
                    f"{name!r} is not a reference model: {suggestion(name, REFERENCES)}"
                )
        return list(dict.fromkeys(names))

    @field_validator("name")
    @classmethod
    def _a_folder_of_its_own(cls, name: str) -> str:
        # Some file systems take Uniform and uniform for one name.
        if name.lower().startswith(RESERVED_NAMES):
            raise ValueError(f"{name!r} is a name that MLflow's store may have: choose another one")
        return name

    @property
    def all_conditions(self) -> list[Condition]:
        """The product of the conditions' levels, in the order of the space."""
        levels = itertools.product(*self.conditions.values())
        return [Condition(dict(zip(self.conditions, values, strict=True))) for values in levels]

    @property
    def levels(self) -> list[Any]:
        """The levels of the compared field; [None] where nothing is compared."""
        if self.compare is None:
            return [None]
        if self.compare in self.search:
            return list(self.search[self.compare].choice or [])
        return [self.fixed.get(self.compare, getattr(self, self.compare, None))]

    def level_of(self, trial: TrialConfig) -> Any:
        """Return the level of `compare` that a trial belongs to; None where nothing is compared."""
        return None if self.compare is None else getattr(trial, self.compare)

    @property
    def own_parts(self) -> list[tuple[str, str]]:
        """The field and the name of everything of a user's own that trials use, sorted."""
        parts = set()
        for field in declared.SHIPPED:
            domain = self.search.get(field)
            values = [*self.conditions.get(field, []), *((domain and domain.choice) or [])]
            values += [self.fixed.get(field), getattr(self, field, None)]
            parts |= {(field, name) for name in values if _is_own(field, name)}
        return sorted(parts)

    def own_versions(self) -> dict[str, dict[str, str]]:
        """Return `method my_methods:Truncated` -> its version, for all of the user's own.

        Raises:
            UserError: one of them cannot be used here.
        """
        try:
            return {f"{part} {name}": declared.origin(part, name) for part, name in self.own_parts}
        except DeclarationError as error:
            raise UserError(str(error)) from None

    @property
    def num_finalists(self) -> int:
        """Configurations per condition that are trained on fresh seeds."""
        if self.confirm.finalists is not None:
            return self.confirm.finalists
        return len(self.levels) if len(self.levels) > 1 else 2

    @property
    def looks_for_suspects(self) -> bool:
        """Whether wrong labels are looked for; of foreign images none is wrong."""
        return self.suspects.folds > 0 and not declared.noise(self.noise).adds_images

    def suspect_folds(self, condition: Condition) -> int:
        """Return how many further trainings of its winner look for a condition's wrong labels.

        A winner with folds of its own has judged every label when it was confirmed.
        """
        has_folds = self.trial_config(condition, {}).val_folds is not None
        folds = self.suspects.folds
        return folds if folds > 1 and self.looks_for_suspects and not has_folds else 0

    def trial_config(
        self, condition: Condition, values: dict[str, Any], **seeds: int
    ) -> TrialConfig:
        """Return the trial of one proposal; fixed fields that do not apply beside it are left out.

        Args:
            condition: gives the experimental factors.
            values: the searched fields' values.
            **seeds: seed and noise_seed; a noise_seed that the space fixes, or makes a condition,
                comes first.
        """
        from_space = {"dataset": self.dataset, "noise": self.noise, "epochs": self.epochs}
        from_space |= {"oracle": self.oracle, "objective": self.objective}
        from_space |= {"last_epochs": self.last_epochs}
        given = from_space | self.fixed | condition.factors | values
        return TrialConfig.model_validate(
            seeds | {k: v for k, v in given.items() if applies(k, given)}
        )
