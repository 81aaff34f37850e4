"""The training loop: a stack of R replicates, each with P networks, epoch by epoch."""

import math
import time
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tune_noise.config.declared import network_path, per_replicate_fields
from tune_noise.config.metric_names import sign
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.errors import ConfigError
from tune_noise.methods.protocol import PreparesEpochs, Remembers
from tune_noise.metrics.epoch_tally import EpochTally
from tune_noise.metrics.evaluation import predict_logits, test_metrics, validation_metrics
from tune_noise.models.dropout import start_epoch
from tune_noise.models.networks import build_network
from tune_noise.models.stack import member_state, reset_member
from tune_noise.seeding import derive_seed
from tune_noise.training.augmentation import Augmentation
from tune_noise.training.data_problems import data_problems
from tune_noise.training.labelled_data import prepare
from tune_noise.training.material import missing_material
from tune_noise.training.method import make_method, training_facts
from tune_noise.training.optimizer import StackOptimizer
from tune_noise.training.order import epoch_order, split_batches
from tune_noise.training.progress import Progress
from tune_noise.training.step import Examples, TrainingStep

# Replicates of one stack may differ in these; everything else they share.
PLAIN_OWN_FIELDS = frozenset({"seed", "noise_seed", "lr"})


def own_fields() -> frozenset[str]:
    """Return the fields in which the replicates of one stack may differ."""
    return PLAIN_OWN_FIELDS | per_replicate_fields()


class Trial:
    """Trains configurations that differ only in `own_fields()` as one stack.

    Results of a replicate do not depend on which others are in its stack, up to rounding.

    Args:
        configs: one per replicate.
        dataset: in memory.
        device: where to train.
        held_out: images that take no part; see `prepare`.

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
    ) -> None:
        """Draw the noise and initialise the networks; nothing is trained yet."""
        _check_stack(configs, dataset)
        first = configs[0]
        self.configs = list(configs)
        self.device = torch.device(device)
        self.data = prepare(dataset, configs, device=self.device, held_out=held_out)
        self.method = make_method(configs, training_facts(self.data, configs))
        self.networks = first.num_networks
        self.members = len(configs) * self.networks
        self.network = build_network(
            network_path(first.model),
            members=self.members,
            input_shape=dataset.input_shape,
            num_classes=dataset.num_classes,
            **first.declared_values("model"),
        )
        self._initialise()
        self.network.to(self.device)
        self.augmentation = Augmentation(
            configs, self.data.train_inputs, num_examples=len(self.data.input_of)
        )
        self.optimizer = StackOptimizer(self.network, configs)
        self.step = TrainingStep(
            self.network,
            self.method,
            self.data.train_inputs,
            self.augmentation,
            self.optimizer,
            self.data.noisy_labels,
            first.precision,
        )
        self.epoch = 0
        self.seconds = 0.0
        self.progress = [Progress() for _ in configs]
        # All members' weights at their replicate's best epoch so far.
        self.best_weights = member_state(self.network, slice(None))

    def _initialise(self) -> None:
        for member, seed in enumerate(self._member_seeds("initialisation")):
            reset_member(self.network, member, seed=seed)

    def _member_seeds(self, *purpose: str | int) -> list[int]:
        """Return a seed for each member, which no other replicate of the stack changes."""
        return [
            derive_seed(config.seed, *purpose, p)
            for config in self.configs
            for p in range(self.networks)
        ]

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
        self.network.train()
        tally = EpochTally(self.data.true_labels)
        for number in range(self.epoch * passes, (self.epoch + 1) * passes):
            self.optimizer.start_epoch(number / passes)
            self.augmentation.start_epoch(number)
            start_epoch(self.network, self._member_seeds("dropout", number))
            for examples in self._examples(number):
                tally.add(*self.step(examples))
        return tally.metrics()

    def _order(self, pass_number: int) -> Tensor:
        orders = [
            epoch_order(
                config,
                epoch=pass_number,
                noisy_labels=self.data.noisy_labels[r],
                is_clean=None if self.data.is_clean is None else self.data.is_clean[r],
            )
            for r, config in enumerate(self.configs)
        ]
        return torch.from_numpy(np.stack(orders)).to(self.device)

    def _examples(self, pass_number: int) -> Iterator[Examples]:
        """Yield the batches of one pass."""
        order, data = self._order(pass_number), self.data
        # Looked up at once: in each batch it would take as long as a small network does.
        columns = (order, data.noisy_labels.gather(1, order), data.input_of[order])
        parts = (split_batches(column, self.configs[0].batch_size) for column in columns)
        for number, (indices, labels, images) in enumerate(zip(*parts, strict=True)):
            yield Examples(indices, labels, images, self.epoch, number)

    def _predict_examples(self) -> Tensor:
        """Return logits of all training examples in evaluation mode, float [R, P, N, K]."""
        # Under dilution many examples show one image, which is predicted once.
        images, image_of_example = torch.unique(self.data.input_of, return_inverse=True)
        logits = predict_logits(self.network, self.data.train_inputs, indices=images)
        shape = (len(self.configs), self.networks, *logits.shape[1:])
        return logits.view(shape)[:, :, image_of_example]

    def _evaluate(self) -> list[dict[str, float]]:
        data, shape = self.data, (len(self.configs), self.networks)
        val = predict_logits(self.network, data.val_inputs)
        rows = [
            validation_metrics(
                logits,
                labels,
                with_soft_error=self.configs[0].objective == "val_information_soft_noisy",
                inverse=inverse,
                answers=data.val_answers,
                true_labels=data.val_true_labels,
            )
            for logits, labels, inverse in zip(
                val.view(*shape, *val.shape[1:]),
                data.val_noisy_labels,
                data.inverses,
                strict=True,
            )
        ]
        if data.test_inputs is None or data.test_labels is None:
            return rows
        test = predict_logits(self.network, data.test_inputs)
        return [
            row | test_metrics(logits, data.test_labels)
            for row, logits in zip(rows, test.view(*shape, *test.shape[1:]), strict=True)
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
        # Without last_epochs the last epoch alone.
        last = progress.epochs[-(config.last_epochs or 1) :]
        score = sign(config.objective) * sum(e[config.objective] for e in last) / len(last)
        if score > progress.best_score or config.last_epochs is not None:
            progress.best_score, progress.best_epoch = score, self.epoch
            self._keep_weights(r)
        if self.epoch >= config.epochs:
            progress.status = "completed"
        elif config.patience and self.epoch - progress.best_epoch >= config.patience:
            progress.status = "completed"
            progress.stop_reason = f"patience: no better epoch since {progress.best_epoch}"
        return metrics

    def _members(self, r: int) -> slice:
        return slice(r * self.networks, (r + 1) * self.networks)

    def _keep_weights(self, r: int) -> None:
        members = self._members(r)
        for name, value in self.network.state_dict().items():
            self.best_weights[name][members] = value[members]

    def replicate_weights(self, r: int) -> dict[str, Tensor]:
        """Return parameters and buffers of one replicate at its selected epoch, each [P, ...]."""
        members = self._members(r)
        return {name: value[members].clone() for name, value in self.best_weights.items()}

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Copy all that a resumed trial needs: tensors by name, and plain values for JSON."""
        tensors = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        tensors |= {f"best.{k}": v for k, v in self.best_weights.items()}
        tensors |= {f"optimizer.{k}": v for k, v in self.optimizer.state_tensors().items()}
        if isinstance(self.method, Remembers):
            tensors |= {f"method.{k}": v for k, v in self.method.state().items()}
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
        if isinstance(self.method, Remembers):
            self.method.load_state(part("method."))
        self.epoch, self.seconds = values["epoch"], values["seconds"]
        self.progress = [Progress(**deepcopy(progress)) for progress in values["progress"]]


def _check_stack(configs: Sequence[TrialConfig], dataset: Dataset) -> None:
    first = configs[0].model_dump(exclude=set(own_fields()))
    for config in configs[1:]:
        other = config.model_dump(exclude=set(own_fields()))
        if differing := [name for name in first if first[name] != other[name]]:
            raise ValueError(f"replicates of one stack must not differ in {', '.join(differing)}")
    if problems := data_problems(configs[0], dataset) or missing_material(configs[0], dataset):
        raise ConfigError("trial", problems)
