"""The mixed objective: maximum likelihood, adversarial, entropy minimisation and virtual adversarial losses.

Sachan, Zaheer and Salakhutdinov, "Revisiting LSTM networks for semi-supervised text classification via mixed
objective function", AAAI 2019, section 3; the adversarial losses are those of Miyato, Dai and Goodfellow,
"Adversarial training methods for semi-supervised text classification", ICLR 2017, equations 2 to 6.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from garner.labelling import OneClass

LOSSES = ("maximum_likelihood", "adversarial", "entropy", "virtual_adversarial")
SMALL = 0.01  # norm of the random direction at which the curvature of the divergence is felt


class Embedded(NamedTuple):
    """Texts between embedding and classification: where the objective puts its perturbations."""

    values: Tensor  # float, (texts, …)
    reach: Tensor  # float, (texts,): how far `values` move for a perturbation of norm 1 of the tokens


class Perturbable(Protocol):
    """A garner.models.Model that can be entered between its embedding and its classification."""

    labelling: type[OneClass]

    def embed(self, *inputs: Tensor) -> Embedded: ...

    def classify(self, values: Tensor) -> Tensor:
        """Logits, (texts, classes), for `Embedded.values`."""


@dataclass(frozen=True)
class MixedObjective:
    """Weighted sum of the four losses; one of weight 0 is not computed.

    `weights`: loss → weight. `epsilon`: "adversarial" and "virtual_adversarial" → norm of the perturbation of
    a text's embedded tokens.
    """

    weights: dict[str, float]
    epsilon: dict[str, float]

    def __call__(self, model: Perturbable, inputs: tuple[Tensor, ...], targets: Tensor) -> dict[str, Tensor]:
        """Each loss switched on, and their weighted sum "loss", as means over the texts."""
        p = model.labelling
        embedded = model.embed(*inputs)
        logits = model.classify(embedded.values)
        losses = {}
        if self.weights["maximum_likelihood"]:
            losses["maximum_likelihood"] = p.negative_log_likelihood(logits, targets).mean()
        if self.weights["adversarial"]:
            direction = adversarial_direction(model, embedded, logits, targets)
            perturbed = perturb(embedded, direction, self.epsilon["adversarial"])
            losses["adversarial"] = p.negative_log_likelihood(model.classify(perturbed), targets).mean()
        if self.weights["entropy"]:
            losses["entropy"] = p.entropy(logits).mean()
        if self.weights["virtual_adversarial"]:
            direction = virtual_adversarial_direction(model, embedded, logits)
            perturbed = perturb(embedded, direction, self.epsilon["virtual_adversarial"])
            losses["virtual_adversarial"] = p.divergence(logits.detach(), model.classify(perturbed)).mean()
        return losses | {"loss": sum(self.weights[name] * loss for name, loss in losses.items())}


def adversarial_direction(model: Perturbable, embedded: Embedded, logits: Tensor, targets: Tensor) -> Tensor:
    """−g/‖g‖₂ with g = ∇ log p(y | v): where the likelihood falls fastest, shape of `embedded.values`."""
    loss = model.labelling.negative_log_likelihood(logits, targets).sum()
    (gradient,) = torch.autograd.grad(loss, embedded.values, retain_graph=True)
    return unit(gradient)


def virtual_adversarial_direction(model: Perturbable, embedded: Embedded, logits: Tensor) -> Tensor:
    """The direction, of norm 1 a text, in which the prediction changes most, by one power iteration.

    The gradient of KL(p(v) ‖ p(v + d)) at a small random d is about H d, with H its Hessian at d = 0.
    """
    values = embedded.values.detach()
    small = (SMALL * unit(torch.randn_like(values))).requires_grad_()
    change = model.labelling.divergence(logits.detach(), model.classify(values + small)).sum()
    (gradient,) = torch.autograd.grad(change, small)
    return unit(gradient)


def perturb(embedded: Embedded, direction: Tensor, epsilon: float) -> Tensor:
    """Values moved along `direction` by what a perturbation of norm `epsilon` of the tokens amounts to."""
    reach = embedded.reach.reshape(-1, *[1] * (direction.dim() - 1))
    return embedded.values + epsilon * reach * direction


def unit(vectors: Tensor) -> Tensor:
    """Each text's vector, over all dimensions but the first, divided by its norm; a zero stays zero."""
    norm = torch.linalg.vector_norm(vectors.flatten(1), dim=1).clamp_min(torch.finfo(vectors.dtype).tiny)
    return vectors / norm.reshape(-1, *[1] * (vectors.dim() - 1))
