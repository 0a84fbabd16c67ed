"""A text with any number of the labels: what logits mean, and their scores."""

import numpy as np
import torch
from torch import Tensor

from garner.decisions import choose_many, decide
from garner.multilabel_metrics import micro_f1, summary


class ManyLabels:
    """Each label is there or not: p(label | text) is the sigmoid of its logit, (texts, labels).

    Targets are float32 (texts, labels), 1 where the text has the label.
    """

    score = "micro_f1"

    @staticmethod
    def probabilities(logits: Tensor) -> Tensor:
        return torch.sigmoid(logits)

    @staticmethod
    def judge(probabilities: np.ndarray, targets: np.ndarray) -> float:
        """Micro-F1 at the one threshold that serves it best."""
        wanted = targets > 0
        return micro_f1(decide(probabilities, choose_many(probabilities, wanted, "global")), wanted) or 0.0

    @staticmethod
    def scores(
        probabilities: np.ndarray, targets: np.ndarray, labels: list[str], decision: dict | None = None
    ) -> dict:
        """As JSON, of the labels that `decision` gives."""
        return summary(probabilities, decide(probabilities, decision), targets > 0, labels)
