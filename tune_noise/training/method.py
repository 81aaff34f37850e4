"""The method of a stack, made from its configurations."""

from collections.abc import Sequence

import torch

from tune_noise.config.trial import TrialConfig
from tune_noise.declaration import import_object
from tune_noise.methods.protocol import Method, TrainingFacts
from tune_noise.training.labelled_data import LabelledData


def training_facts(data: LabelledData, configs: Sequence[TrialConfig]) -> TrainingFacts:
    """Return what a method may know: no clean label, and T only where it is declared.

    Args:
        data: of the stack.
        configs: one per replicate, those of the folds of a configuration adjacent.
    """
    device = data.noisy_labels.device
    matrices = [
        torch.from_numpy(matrix).to(device)
        for r, config in enumerate(configs)
        if (matrix := data.transitions[r // len(data.val_folds)]) is not None
        and config.is_told_matrix
    ]
    return TrainingFacts(
        num_examples=data.noisy_labels.shape[1],
        num_classes=data.num_classes,
        num_networks=configs[0].num_networks,
        seeds=[config.seed for config in configs],
        device=device,
        noisy_labels=data.noisy_labels,
        transition=torch.stack(matrices) if matrices else None,
        answers=data.answers,
    )


def make_method(configs: Sequence[TrialConfig], facts: TrainingFacts) -> Method:
    """Return the training method of a stack, with the fields that it declares.

    Args:
        configs: one per replicate, with the same method.
        facts: of their training sets.
    """
    declaration = configs[0].method_declaration
    values = {
        field.name: [getattr(config, field.name) for config in configs]
        if field.per_replicate
        else getattr(configs[0], field.name)
        for field in declaration.fields
        if field.name != declaration.networks
    }
    method: Method = import_object(declaration.implementation)(facts, **values)
    return method
