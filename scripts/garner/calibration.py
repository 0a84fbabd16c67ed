"""Probabilities that mean what they say: a few numbers for all logits, fitted on held-out items.

Platt, "Probabilistic outputs for support vector machines and comparisons to regularized likelihood methods",
1999, by Newton's method; with several scores instead of one it is their blend, too (stacking).
"""

import torch
from torch import Tensor
from torch.nn import functional

STEPS = 50
PRIOR = 0.1  # how much the start holds, of scores that deviate by 1: weights stay finite where all is right


def fit(scores: Tensor, targets: Tensor, start: Tensor) -> Tensor:
    """The weights w and bias b for which sigmoid(scores · w + b) makes `targets` most likely: (w…, b).

    `scores` are (…, number of scores), `targets`, 0 or 1, have the shape without the last dimension. `start`
    is what (w…, b) would be without items.
    """
    scores = scores.reshape(-1, scores.shape[-1]).double()
    ones = torch.ones(len(scores), 1, dtype=torch.float64)
    deviations = scores.std(dim=0, correction=0)
    size = torch.cat([torch.where(deviations > 1e-6, deviations, 1), ones[0]])
    x = torch.cat([scores, ones], dim=1) / size
    y, start = targets.reshape(-1).double(), start.double() * size
    weights = start
    for _ in range(STEPS):
        p = torch.sigmoid(x @ weights)
        gradient = x.T @ (p - y) + PRIOR * (weights - start)
        hessian = (x * (p * (1 - p)).unsqueeze(1)).T @ x + PRIOR * torch.eye(len(start), dtype=torch.float64)
        step = _downhill(x, y, weights, torch.linalg.solve(hessian, gradient), start)
        weights = weights - step
        if step.abs().max() < 1e-9:
            break
    return (weights / size).float()


def _downhill(x: Tensor, y: Tensor, weights: Tensor, step: Tensor, start: Tensor) -> Tensor:
    """`step`, halved until it does not raise the loss: a full one can overshoot."""

    def loss(at: Tensor) -> float:
        z = x @ at
        return float((functional.softplus(z) - y * z).sum() + PRIOR * (at - start).square().sum() / 2)

    before = loss(weights)
    while loss(weights - step) > before and step.abs().max() > 1e-9:
        step = step / 2
    return step
