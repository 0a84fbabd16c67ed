"""A model's answers on many items, by torch or by whatever else runs it."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from garner.models import Model

Predict = Callable[[tuple[Tensor, ...]], np.ndarray]  # a model's inputs to what it says of each item


def by_torch(model: Model) -> Predict:
    """The probabilities of `model` itself."""
    return outputs_of(model, lambda *inputs: model.labelling.probabilities(model(*inputs)))


def outputs_of(model: Model, function: Callable[..., Tensor]) -> Predict:
    """What `function` of `model` gives on the model's device, which is in evaluation mode meanwhile."""
    device = next(model.parameters()).device

    def predict(inputs: tuple[Tensor, ...]) -> np.ndarray:
        training = model.training
        model.eval()
        with torch.no_grad():
            found = function(*(tensor.to(device) for tensor in inputs))
        model.train(training)
        return found.cpu().numpy()

    return predict


def answers(model: Model, items: Sequence, predict: Predict) -> tuple[np.ndarray, np.ndarray]:
    """What `predict` gives for `items` of `model`, (items, classes), and the targets, in the items' order."""
    found, targets, order = [], [], model.batches(items)
    for numbers in order:
        inputs, expected = model.collate([items[i] for i in numbers])
        found.append(predict(inputs))
        targets.append(expected.numpy())
    back = np.argsort(np.concatenate(order), kind="stable")
    return np.concatenate(found)[back], np.concatenate(targets)[back]
