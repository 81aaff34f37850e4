"""The training loop: a stack of R replicates, each with P networks, epoch by epoch.

A configuration is one replicate; with `val_folds` it is one for each fold.
"""

import math
import time
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import asdict
from statistics import fmean
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from tune_noise.config.declared import network_path, per_replicate_fields
from tune_noise.config.metric_names import sign
from tune_noise.config.selected_epoch import first_minimum, selected_epoch
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.errors import ConfigError
from tune_noise.methods.protocol import (
    HasParameters,
    LearnsFromAverage,
    PreparesEpochs,
    Remembers,
    RenewsLastLayer,
    ReportsMetrics,
    ShowsViews,
)
from tune_noise.metrics.epoch_tally import EpochTally
from tune_noise.metrics.evaluation import (
    average_folds,
    predict_logits,
    test_metrics,
    validation_metrics,
)
from tune_noise.models.dropout import start_epoch
from tune_noise.models.networks import build_network
from tune_noise.models.stack import member_state, reset_member
from tune_noise.seeding import derive_seed
from tune_noise.training.data_problems import data_problems
from tune_noise.training.epoch_average import EpochAverage
from tune_noise.training.labelled_data import prepare
from tune_noise.training.last_layer import renew_last_layers
from tune_noise.training.material import missing_material
from tune_noise.training.method import make_method, training_facts
from tune_noise.training.optimizer import StackOptimizer
from tune_noise.training.order import epoch_order, split_batches
from tune_noise.training.progress import Progress
from tune_noise.training.rare_classes import RareClasses
from tune_noise.training.step import Examples, TrainingStep
from tune_noise.training.training_memory import TrainingMemory
from tune_noise.training.views import Views
from tune_noise.training.weight_average import WeightAverage

# Replicates of one stack may differ in these; everything else they share.
PLAIN_OWN_FIELDS = frozenset({"seed", "noise_seed", "lr", "weight_average", "logit_adjustment"})


def own_fields() -> frozenset[str]:
    """Return the fields in which the replicates of one stack may differ."""
    return PLAIN_OWN_FIELDS | per_replicate_fields()


class Trial:
    """Trains configurations that differ only in `own_fields()` as one stack.

    Results of a configuration do not depend on which others are in its stack, up to rounding.

    Args:
        configs: what is trained side by side.
        dataset: in memory.
        device: where to train.
        held_out: images that take no part; see `prepare`.
        keeps_judgements: whether predictions are averaged over epochs, for `replicate_judgements`.

    Attributes:
        network: the stack that is trained.
        judged_network: the one that is evaluated and kept: the average of its weights where
            `weight_average` says so, else the same.

    Raises:
        ConfigError: the configurations cannot be stacked, or do not suit the data set.

    Example:
        >>> from tune_noise.data import load_dataset
        >>> trial = Trial([TrialConfig(model="perceptron", epochs=1)], load_dataset("digits"))
        >>> [report] = trial.train_epoch()
        >>> trial.progress[0].status
        'completed'
    """

    def __init__(
        self,
        configs: Sequence[TrialConfig],
        dataset: Dataset,
        *,
        device: str = "cpu",
        held_out: np.ndarray | None = None,
        keeps_judgements: bool = False,
    ) -> None:
        """Draw the noise and initialise the networks; nothing is trained yet."""
        _check_stack(configs, dataset)
        first = configs[0]
        self.configs = list(configs)
        self.device = torch.device(device)
        self.data = prepare(dataset, configs, device=self.device, held_out=held_out)
        self.networks, self.num_folds = first.num_networks, first.num_folds
        self._replicates = [replicate for config in configs for replicate in _replicates(config)]
        self.members = len(configs) * first.num_members
        self.method = make_method(self._replicates, training_facts(self.data, self._replicates))
        self.network = self._build()
        self._initialise()
        self.network.to(self.device)
        self.averages = self._make_averages()
        judged = self.averages.get("average")
        self.judged_network = self.network if judged is None else judged.network
        self.views = Views(
            self._replicates,
            self.data.train_inputs,
            num_examples=self.num_examples,
            strengths=self.method.view_strengths if isinstance(self.method, ShowsViews) else None,
        )
        self.optimizer = self._make_optimizer()
        self.step = TrainingStep(
            self.network,
            self.method,
            self.data.train_inputs,
            self.views,
            self.optimizer,
            self.data.noisy_labels,
            RareClasses(self._replicates, self.data.noisy_labels, self.data.num_classes),
            first.precision,
            self.averages,
        )
        self.epoch = 0
        self.seconds = 0.0
        self.progress = [Progress() for _ in configs]
        self._judgements = self._make_judgements(dataset) if keeps_judgements else None
        # All members' weights at their replicate's best epoch so far.
        self.best_weights = member_state(self.judged_network, slice(None))

    def _build(self) -> nn.Module:
        """Return a stack without values."""
        first = self.configs[0]
        return build_network(
            network_path(first.model),
            members=self.members,
            input_shape=self.data.train_inputs.input_shape,
            num_classes=self.data.num_classes,
            **first.declared_values("model"),
        )

    def _make_optimizer(self) -> StackOptimizer:
        others = self.method.parameters() if isinstance(self.method, HasParameters) else ()
        return StackOptimizer(self.network, self._replicates, others)

    def _make_averages(self) -> dict[str, WeightAverage]:
        """Return the averages of weights that are kept: `average` is judged, `teacher` taught by.

        Both begin with the present weights.
        """
        decays: dict[str, Sequence[float]] = {}
        decays["average"] = [config.weight_average for config in self._replicates]
        if isinstance(self.method, LearnsFromAverage):
            decays["teacher"] = self.method.teacher_decays
        return {
            name: WeightAverage(self._build().to(self.device), self.network, of_replicates)
            for name, of_replicates in decays.items()
            if any(of_replicates)
        }

    def _make_judgements(self, dataset: Dataset) -> EpochAverage | TrainingMemory:
        if self.num_folds > 1:
            return EpochAverage()
        input_of, validates = (
            torch.from_numpy(array).to(self.device)
            for array in (dataset.input_of, self.data.val_examples)
        )
        return TrainingMemory(
            input_of,
            validates,
            num_replicates=len(self.configs),
            num_classes=dataset.num_classes,
        )

    def _initialise(self, *purpose: str) -> None:
        for member, seed in enumerate(self._member_seeds("initialisation", *purpose)):
            reset_member(self.network, member, seed=seed)

    def _member_seeds(self, *purpose: str | int) -> list[int]:
        """Return a seed for each member, which no other replicate of the stack changes."""
        return [
            derive_seed(config.seed, *purpose, p)
            for config in self._replicates
            for p in range(self.networks)
        ]

    @property
    def num_examples(self) -> int:
        """The number of examples that each network is trained on."""
        return self.data.input_of.shape[1]

    @property
    def finished(self) -> bool:
        """Whether every replicate has come to its end."""
        return all(progress.status is not None for progress in self.progress)

    def facts(self, r: int) -> dict[str, Any]:
        """Return what is known of a replicate's data."""
        return dict(self.data.facts[r])

    def train_epoch(self) -> list[dict[str, float] | None]:
        """Train one epoch and evaluate.

        Returns:
            The metrics of each replicate with `epoch` (from 1) and `seconds` (since the start of
            training); None for one that ended before, or diverged in this epoch.
        """
        started = time.perf_counter()
        training = self._train()
        evaluation = self._evaluate()
        self.epoch += 1
        self.seconds += time.perf_counter() - started
        clock = {"epoch": self.epoch, "seconds": round(self.seconds, 4)}
        return [
            self._take_stock(r, {**clock, **training[r], **evaluation[r]})
            for r in range(len(self.configs))
        ]

    def _train(self) -> list[dict[str, float]]:
        passes = self.configs[0].passes_per_epoch
        if isinstance(self.method, PreparesEpochs):
            self.method.start_epoch(self.epoch, self._predict_examples)
        if 0 < self.epoch == self.configs[0].restarts_after:
            self._start_afresh()
        if isinstance(self.method, RenewsLastLayer):
            self._start_last_layers(self.method.last_layer_epochs)
        self.network.train()
        tally = EpochTally(self.data.true_labels)
        for number in range(self.epoch * passes, (self.epoch + 1) * passes):
            self.optimizer.start_epoch(number / passes)
            self.views.start_epoch(number)
            start_epoch(self.network, self._member_seeds("dropout", number))
            for examples in self._examples(number):
                batch, outcome = self.step(examples)
                tally.add(batch, outcome)
                if isinstance(self._judgements, TrainingMemory):
                    images = examples.images.repeat(1, batch.num_views)
                    self._judgements.learn(images, batch)
        rows = tally.metrics()
        if isinstance(self.method, ReportsMetrics):
            rows = [a | b for a, b in zip(rows, self.method.epoch_metrics(), strict=True)]
        return self._mean_of_folds(rows)

    def _start_afresh(self) -> None:
        """Train other networks from here on; what the method knows stays."""
        self._initialise("afresh")
        self.optimizer = self.step.optimizer = self._make_optimizer()
        for average in self.averages.values():
            average.restart()

    def _start_last_layers(self, epochs: Sequence[range]) -> None:
        """Give last layers fresh values where their epochs begin, and train them alone in these."""
        of_members = [one for one in epochs for _ in range(self.networks)]
        self.optimizer.freeze([self.epoch in one for one in of_members])
        seeds = {
            member: seed
            for member, seed in enumerate(self._member_seeds("last layer"))
            if self.epoch in of_members[member][:1]
        }
        if seeds:
            renew_last_layers(self.network, self._build().to(self.device), seeds)

    def _mean_of_folds(self, rows: list[dict[str, float]]) -> list[dict[str, float]]:
        """Return the metrics of each configuration from those of its replicates."""
        groups = (rows[i : i + self.num_folds] for i in range(0, len(rows), self.num_folds))
        return [{name: fmean(row[name] for row in group) for name in group[0]} for group in groups]

    def _order(self, pass_number: int) -> Tensor:
        orders = [
            epoch_order(
                config,
                epoch=pass_number,
                noisy_labels=self.data.noisy_labels[r],
                is_clean=None if self.data.is_clean is None else self.data.is_clean[r],
            )
            for r, config in enumerate(self._replicates)
        ]
        return torch.from_numpy(np.stack(orders)).to(self.device)

    def _examples(self, pass_number: int) -> Iterator[Examples]:
        """Yield the batches of one pass."""
        order, data = self._order(pass_number), self.data
        # Looked up at once: in each batch it would take as long as a small network does.
        columns = (order, data.noisy_labels.gather(1, order), data.input_of.gather(1, order))
        parts = (split_batches(column, self.configs[0].batch_size) for column in columns)
        for number, (indices, labels, images) in enumerate(zip(*parts, strict=True)):
            yield Examples(indices, labels, images, self.epoch, number)

    def _predict_examples(self) -> Tensor:
        """Return logits of all training examples in evaluation mode, float [R, P, N, K]."""
        # Under dilution many examples show one image, which is predicted once; configurations
        # share their examples.
        distinct = self.data.input_of[: self.num_folds]
        images, image_of_example = torch.unique(distinct, return_inverse=True)
        logits = predict_logits(self.network, self.data.train_inputs, indices=images)
        replicates = logits.view(-1, self.networks, *logits.shape[1:])
        places = image_of_example.repeat(len(self.configs), 1)
        return torch.stack([row[:, p] for row, p in zip(replicates, places, strict=True)])

    def validation_logits(self) -> Tensor:
        """Return logits of all validation inputs in evaluation mode, float [C, P, N_val, K].

        With folds, each of them is predicted by the networks that did not learn it.
        """
        data = self.data
        if self.num_folds == 1:
            logits = predict_logits(self.judged_network, data.val_inputs)
            return logits.view(len(self.configs), self.networks, *logits.shape[1:])
        # Folds may differ in size by a few inputs: a shorter one is filled up with its own.
        held_out = pad_sequence(data.val_folds, batch_first=True)
        logits = predict_logits(
            self.judged_network, data.val_inputs, indices=held_out.repeat(len(self.configs), 1)
        )
        by_fold = logits.view(
            len(self.configs), self.num_folds, self.networks, *logits.shape[1:]
        ).unbind(dim=1)
        parts = [fold[:, :, : len(p)] for fold, p in zip(by_fold, data.val_folds, strict=True)]
        order = torch.argsort(torch.cat(data.val_folds))
        return torch.cat(parts, dim=2)[:, :, order]

    def test_logits(self) -> Tensor | None:
        """Return logits of the test inputs in evaluation mode, float [C, P, N_test, K].

        With folds, they are the logarithms of the mean probabilities. None without a test split.
        """
        if self.data.test_inputs is None:
            return None
        logits = predict_logits(self.judged_network, self.data.test_inputs)
        return average_folds(logits, num_folds=self.num_folds, num_networks=self.networks)

    def _evaluate(self) -> list[dict[str, float]]:
        data, logits = self.data, self.validation_logits()
        if self._judgements is not None:
            self._judgements.add(logits)
        rows = [
            validation_metrics(
                of_config,
                labels,
                objective=self.configs[0].objective,
                inverse=inverse,
                answers=data.val_answers,
                true_labels=data.val_true_labels,
            )
            for of_config, labels, inverse in zip(
                logits, data.val_noisy_labels, data.inverses, strict=True
            )
        ]
        test = self.test_logits()
        if test is None or data.test_labels is None:
            return rows
        return [
            row | test_metrics(of_config, data.test_labels)
            for row, of_config in zip(rows, test, strict=True)
        ]

    def _take_stock(self, r: int, metrics: dict[str, float]) -> dict[str, float] | None:
        """Note whether a replicate's epoch is its best, and whether it is its last."""
        config, progress = self.configs[r], self.progress[r]
        if progress.status is not None:
            return None
        if not all(math.isfinite(metrics[name]) for name in ("train_loss_noisy", "val_loss_noisy")):
            progress.status = "diverged"
            progress.stop_reason = f"loss is not finite in epoch {self.epoch}"
            return None
        progress.epochs.append(metrics)
        selected = selected_epoch(config, progress.epochs)
        assert selected is not None
        progress.best_score = sign(config.objective) * selected[config.objective]
        progress.best_epoch = int(selected["epoch"])
        since, metric = self.epoch - progress.best_epoch, config.method_declaration.selects_by
        if not since:
            self._keep_weights(r)
        if self.epoch >= config.epochs:
            progress.status = "completed"
        elif metric and (least := first_minimum(progress.epochs, metric)["epoch"]) < self.epoch:
            progress.status = "completed"
            progress.stop_reason = f"{config.method}: {metric} was least in epoch {least}"
        elif config.patience and self.epoch > config.restarts_after and since >= config.patience:
            progress.status = "completed"
            progress.stop_reason = f"patience: no better epoch since {progress.best_epoch}"
        return metrics

    def _members(self, r: int) -> slice:
        members = self.configs[r].num_members
        return slice(r * members, (r + 1) * members)

    def _keep_weights(self, r: int) -> None:
        members = self._members(r)
        for name, value in self.judged_network.state_dict().items():
            self.best_weights[name][members] = value[members]
        if self._judgements is not None:
            self._judgements.select(r)

    def replicate_weights(self, r: int) -> dict[str, Tensor]:
        """Return parameters and buffers of one replicate at its selected epoch, each [P, ...]."""
        members = self._members(r)
        return {name: value[members].clone() for name, value in self.best_weights.items()}

    def replicate_judgements(self, r: int, dataset: Dataset) -> np.ndarray:
        """Return what was predicted of each training example, averaged over networks and epochs.

        With folds they are predictions of networks that did not learn the example. Without any,
        those of validation examples are, and the others are what was predicted in training.

        Args:
            r: number of the configuration, which has ended.
            dataset: what it is trained on.

        Returns:
            P(class | input), float64 [N, K]; equal inputs are predicted once. 0 for an example
            that took no part.
        """
        assert self._judgements is not None
        selected = self._judgements.selected[r].double().cpu().numpy()
        if self.num_folds == 1:
            return np.asarray(selected[dataset.input_of])
        places = np.empty(len(dataset.train_labels), dtype=np.int64)
        places[self.data.val_examples] = np.arange(len(self.data.val_examples))
        return np.asarray(selected[places[dataset.input_of]])

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Copy all that a resumed trial needs: tensors by name, and plain values for JSON."""
        tensors = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        tensors |= {f"best.{k}": v for k, v in self.best_weights.items()}
        tensors |= {f"optimizer.{k}": v for k, v in self.optimizer.state_tensors().items()}
        for name, average in self.averages.items():
            tensors |= {f"{name}.{k}": v for k, v in average.state().items()}
        if isinstance(self.method, Remembers):
            tensors |= {f"method.{k}": v for k, v in self.method.state().items()}
        if self._judgements is not None:
            tensors |= {f"judgements.{k}": v for k, v in self._judgements.state().items()}
        tensors = {name: value.detach().clone() for name, value in tensors.items()}
        progress = [asdict(progress) for progress in self.progress]
        values = {"epoch": self.epoch, "seconds": self.seconds}
        return tensors, {**values, "progress": progress}

    def load_state(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        """Continue exactly from what `state` returned."""

        def part(prefix: str) -> dict[str, Tensor]:
            return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

        self.network.load_state_dict(part("network."))
        # Both are written to from here on, so they must not be the caller's own.
        self.best_weights = {k: v.to(self.device, copy=True) for k, v in part("best.").items()}
        self.optimizer.load_state_tensors(part("optimizer."))
        for name, average in self.averages.items():
            average.load_state(part(f"{name}."))
        if isinstance(self.method, Remembers):
            self.method.load_state(part("method."))
        if self._judgements is not None:
            self._judgements.load_state(part("judgements."))
        self.epoch, self.seconds = values["epoch"], values["seconds"]
        self.progress = [Progress(**deepcopy(progress)) for progress in values["progress"]]


def _replicates(config: TrialConfig) -> list[TrialConfig]:
    """Return a configuration for each fold, with a seed of its own; itself where there are none."""
    if config.val_folds is None:
        return [config]
    seeds = [derive_seed(config.seed, "fold", fold) for fold in range(config.val_folds)]
    return [config.model_copy(update={"seed": seed}) for seed in seeds]


def _check_stack(configs: Sequence[TrialConfig], dataset: Dataset) -> None:
    first = configs[0].model_dump(exclude=set(own_fields()))
    for config in configs[1:]:
        other = config.model_dump(exclude=set(own_fields()))
        if differing := [name for name in first if first[name] != other[name]]:
            raise ValueError(f"replicates of one stack must not differ in {', '.join(differing)}")
    if problems := data_problems(configs[0], dataset) or missing_material(configs[0], dataset):
        raise ConfigError("trial", problems)
