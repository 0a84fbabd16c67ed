"""A text with exactly one of several labels: what logits mean, their losses and their scores."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from garner.metrics import balanced_accuracy, confusion_matrix, summary


class OneClass:
    """A text has exactly one of the classes: p(y | text) is the softmax of the logits (texts, classes).

    Targets are classes, int64 (texts,).
    """

    score = "balanced_accuracy"

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
    def judge(probabilities: np.ndarray, targets: np.ndarray) -> float:
        """Balanced accuracy of the most probable class."""
        classes = probabilities.shape[1]
        return balanced_accuracy(confusion_matrix(targets, probabilities.argmax(axis=1), classes))

    @staticmethod
    def scores(
        probabilities: np.ndarray, targets: np.ndarray, labels: list[str], decision: dict | None = None
    ) -> dict:
        """As JSON, of probabilities float32 (texts, classes); `labels` are the names of the classes."""
        return summary(confusion_matrix(targets, probabilities.argmax(axis=1), len(labels)), labels)
