"""Training methods, one file for each or for a few that are alike, behind one protocol."""

from collections.abc import Callable, Sequence

from tune_noise.config.trial import TrialConfig
from tune_noise.methods.bootstrap import BootstrapHard, BootstrapSoft
from tune_noise.methods.co_teaching import CoTeaching
from tune_noise.methods.co_teaching_plus import CoTeachingPlus
from tune_noise.methods.decoupling import Decoupling
from tune_noise.methods.elr import EarlyLearning
from tune_noise.methods.forward_correction import ForwardCorrection
from tune_noise.methods.gmm import GaussianMixtureSelection
from tune_noise.methods.jocor import Jocor
from tune_noise.methods.mixup import Mixup
from tune_noise.methods.protocol import (
    Batch,
    Method,
    MixesInputs,
    Mixing,
    Outcome,
    PreparesEpochs,
    Remembers,
    TrainingFacts,
)
from tune_noise.methods.robust_losses import GeneralisedCrossEntropy, SymmetricCrossEntropy
from tune_noise.methods.small_loss import SmallLoss
from tune_noise.methods.smoothed import InfiniteBatch, LabelSmoothing
from tune_noise.methods.standard import Standard

# A method is made of the configurations of its replicates and what it may know of their data.
METHODS: dict[str, Callable[[Sequence[TrialConfig], TrainingFacts], Method]] = {
    "standard": Standard,
    "co_teaching": CoTeaching,
    "small_loss": SmallLoss,
    "jocor": Jocor,
    "elr": EarlyLearning,
    "gmm": GaussianMixtureSelection,
    "co_teaching_plus": CoTeachingPlus,
    "decoupling": Decoupling,
    "forward": ForwardCorrection,
    "gce": GeneralisedCrossEntropy,
    "sce": SymmetricCrossEntropy,
    "bootstrap_hard": BootstrapHard,
    "bootstrap_soft": BootstrapSoft,
    "label_smoothing": LabelSmoothing,
    "infinite_batch": InfiniteBatch,
    "mixup": Mixup,
    "standard_ensemble": Standard,
    "standard_long": Standard,
}

__all__ = [
    "METHODS",
    "Batch",
    "Method",
    "MixesInputs",
    "Mixing",
    "Outcome",
    "PreparesEpochs",
    "Remembers",
    "TrainingFacts",
]
