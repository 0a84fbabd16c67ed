"""A sample that is of the second of two classes or not: what its logit means, and its scores."""

import numpy as np
import torch
from torch import Tensor

from garner.binary_metrics import summary
from garner.decisions import choose_one, decide


class YesOrNo:
    """p(second class | sample) is the sigmoid of the one logit, (samples, 1).

    Targets are float32 (samples, 1), 1 for the second class.
    """

    score = "accuracy"

    @staticmethod
    def probabilities(logits: Tensor) -> Tensor:
        return torch.sigmoid(logits)

    @staticmethod
    def judge(probabilities: np.ndarray, targets: np.ndarray) -> float:
        """Accuracy at the threshold that serves it best."""
        found, wanted = probabilities[:, 0], targets[:, 0] > 0
        return float((decide(found, choose_one(found, wanted)) == wanted).mean())

    @staticmethod
    def scores(
        probabilities: np.ndarray, targets: np.ndarray, labels: list[str], decision: dict | None = None
    ) -> dict:
        """As JSON, of the answers that `decision` gives."""
        found = probabilities[:, 0]
        return summary(found, decide(found, decision), targets[:, 0] > 0, labels)
