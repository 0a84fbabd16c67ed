"""Losses of labels that are each there or not; logits, targets and losses are all (texts, labels)."""

import torch
from torch import Tensor
from torch.nn import functional


def binary_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """−log p of what is so."""
    return functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")


def ranking(logits: Tensor, targets: Tensor) -> Tensor:
    """−log of the softmax over all labels, of those that are there: they are to stand above the others."""
    return -targets * logits.log_softmax(dim=1)


def focal(logits: Tensor, targets: Tensor, gamma: float) -> Tensor:
    """(1 − p)^γ · −log p, with p the probability of what is so: the easy ones weigh less.

    Lin et al., "Focal loss for dense object detection", ICCV 2017, equation 4.
    """
    loss = binary_cross_entropy(logits, targets)
    return (1 - torch.exp(-loss)) ** gamma * loss


def asymmetric(
    logits: Tensor, targets: Tensor, gamma_positive: float, gamma_negative: float, clip: float
) -> Tensor:
    """Focal with a γ for labels that are there and another for those that are not.

    The latter's probabilities are lowered by `clip` first, so that the easiest weigh nothing.
    Ridnik et al., "Asymmetric loss for multi-label classification", ICCV 2021, equations 4 to 7.
    """
    there = torch.sigmoid(logits)
    lowered = (there - clip).clamp_min(0)
    positive = (1 - there) ** gamma_positive * -functional.logsigmoid(logits)
    negative = lowered**gamma_negative * -torch.log1p(-lowered.clamp_max(1 - 1e-7))
    return targets * positive + (1 - targets) * negative
