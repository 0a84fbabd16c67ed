"""How the labels of a text relate, and so what a model's logits mean: its losses and its scores."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from garner.metrics import confusion_matrix, summary


class OneClass:
    """A text has exactly one of the classes: p(y | text) is the softmax of the logits (texts, classes).

    Targets are classes, int64 (texts,).
    """

    score = "balanced_accuracy"  # that early stopping goes by, of those in `scores`

    @staticmethod
    def negative_log_likelihood(logits: Tensor, targets: Tensor) -> Tensor:
        """−log p(y), in nats, (texts,)."""
        return functional.cross_entropy(logits, targets, reduction="none")

    @staticmethod
    def entropy(logits: Tensor) -> Tensor:
        """H(p) = −Σ p log p, in nats, (texts,)."""
        log_p = logits.log_softmax(dim=1)
        return -(log_p.exp() * log_p).sum(dim=1)

    @staticmethod
    def divergence(logits_p: Tensor, logits_q: Tensor) -> Tensor:
        """KL(p ‖ q) in nats, (texts,)."""
        log_p, log_q = logits_p.log_softmax(dim=1), logits_q.log_softmax(dim=1)
        return (log_p.exp() * (log_p - log_q)).sum(dim=1)

    @staticmethod
    def probabilities(logits: Tensor) -> Tensor:
        return torch.softmax(logits, dim=1)

    @staticmethod
    def scores(probabilities: np.ndarray, targets: np.ndarray, labels: list[str]) -> dict:
        """As JSON, of probabilities float32 (texts, classes); `labels` are the names of the classes."""
        return summary(confusion_matrix(targets, probabilities.argmax(axis=1), len(labels)), labels)
