"""A model's answers on many items, by torch or by whatever else runs it."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from garner.models import Model

BATCH = 256  # texts

Predict = Callable[[tuple[Tensor, ...]], np.ndarray]  # a model's inputs to probabilities (texts, classes)


def by_torch(model: Model) -> Predict:
    """`model` itself on its own device, in evaluation mode while it predicts."""
    device = next(model.parameters()).device

    def predict(inputs: tuple[Tensor, ...]) -> np.ndarray:
        training = model.training
        model.eval()
        with torch.no_grad():
            logits = model.classify(model.embed(*(tensor.to(device) for tensor in inputs)).values)
        model.train(training)
        return model.labelling.probabilities(logits).cpu().numpy()

    return predict


def answers(model: Model, items: Sequence, predict: Predict) -> tuple[np.ndarray, np.ndarray]:
    """The probabilities that `predict` gives for `items` of `model`, (items, classes), and the targets."""
    probabilities, targets = [], []
    for first in range(0, len(items), BATCH):
        inputs, expected = model.collate(items[first : first + BATCH])
        probabilities.append(predict(inputs))
        targets.append(expected.numpy())
    return np.concatenate(probabilities), np.concatenate(targets)
