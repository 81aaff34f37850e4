"""Learn the class and each annotator's confusions together, from all answers of all annotators.

What a network predicts, p, passes through a matrix of each annotator before it is compared with
their answers. The matrices are trained beside the network by its optimizer, and no label is made of
the answers. Both begin at the identity and learn a difference from it, so that `weight_decay` pulls
towards annotators who answer alike. The loss is the sum over the answers to an example, and the
mean over the examples of a batch.

- `crowd_layer`, Rodrigues and Pereira 2018, arXiv:1709.01779, with a matrix of weights for each
  annotator (MW): cross-entropy of softmax(p W) and the answer. The official code takes the mean
  over annotators, too, those who did not answer included: with Adam that changes little.
- `union_net`, Wei et al. 2022, doi:10.1109/TNNLS.2022.3168696, variant B: all answers to an example
  are one union, and each row of p T, with T = softmax of [K, W K] weights, is a distribution over
  the classes of all annotators. Written from the paper's abstract and a public
  reimplementation (`UnionNetClassifier` of the package `maml`), with its initial weights, 1 - 1e-5
  at an annotator's same class; the paper itself was not at hand.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tune_noise.methods.losses import all_kept, cross_entropy
from tune_noise.methods.protocol import Batch, Outcome, TrainingFacts
from tune_noise.methods.values import checked_state

NO_ANSWER = -1
# Of a union's weights: what the other classes share at first.
UNION_ERROR = 1e-5


class CrowdLayer:
    """Remembers 4 * W * K^2 bytes per network, and twice or thrice that in the optimizer."""

    def __init__(self, facts: TrainingFacts) -> None:
        if facts.answers is None:
            raise ValueError("a method of annotators needs their answers")
        self._answers, classes = facts.answers, facts.num_classes
        members = facts.num_replicates * facts.num_networks
        # [M, W, K of the true class, K of the answer], as differences from the identity.
        shape = (members, facts.answers.shape[2], classes, classes)
        self._differences = nn.Parameter(torch.zeros(shape, device=facts.device))
        self._identity = torch.eye(classes, device=facts.device)

    def parameters(self) -> list[nn.Parameter]:
        """Return the annotators' matrices."""
        return [self._differences]

    def __call__(self, batch: Batch) -> Outcome:
        """Return the mean over the examples; everything is kept."""
        places = batch.indices[:, :, None].expand(-1, -1, self._answers.shape[2])
        answers = self._answers.gather(1, places).unsqueeze(1)  # [R, 1, batch, W]
        shape = batch.logits.shape
        members = batch.logits.softmax(dim=3).flatten(0, 1)
        likelihoods = self._log_likelihoods(members, self._differences.to(members.dtype))
        likelihoods = likelihoods.view(*shape[:3], *likelihoods.shape[2:])
        index = answers.clamp(min=0).unsqueeze(4).expand(*likelihoods.shape[:4], 1)
        of_answers = likelihoods.gather(4, index).squeeze(4)
        losses = -of_answers.where(answers != NO_ANSWER, 0.0).sum(dim=3)
        return all_kept(losses, cross_entropy(batch.logits, batch.noisy_labels))

    def _log_likelihoods(self, probabilities: Tensor, differences: Tensor) -> Tensor:
        """Return the log-likelihood of every answer, [M, batch, W, K]; see the module.

        Args:
            probabilities: of the true classes, [M, batch, K].
            differences: [M, W, K, K].
        """
        weights = self._identity + differences
        return F.log_softmax(torch.einsum("mbk,mwkc->mbwc", probabilities, weights), dim=3)

    def state(self) -> dict[str, Tensor]:
        """Return the matrices."""
        return {"differences": self._differences.detach()}

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Take over matrices of the same shape; the optimizer goes on with this very tensor."""
        loaded = checked_state(tensors, self.state())
        self._differences.detach().copy_(loaded["differences"])


class UnionNet(CrowdLayer):
    """Remembers as much as the crowd layer."""

    def _log_likelihoods(self, probabilities: Tensor, differences: Tensor) -> Tensor:
        members, annotators, classes, _ = differences.shape
        others = UNION_ERROR / (classes - 1)
        first = others + (1.0 - UNION_ERROR - others) * self._identity
        # One distribution for each true class, over the answers of all annotators.
        weights = (first + differences).transpose(1, 2).reshape(members, classes, -1)
        union = probabilities @ weights.softmax(dim=2)
        least = torch.finfo(union.dtype).tiny
        return union.clamp(min=least).log().view(members, -1, annotators, classes)
