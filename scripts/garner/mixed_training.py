"""The recipe of the bag of tokens: Adam on the mixed objective, its rate falling along a cosine."""

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch

from garner.checkpoint import Checkpoints
from garner.evaluation import answers, by_torch
from garner.objective import LOSSES, MixedObjective, Perturbable
from garner.recipe import Stage


class MixedTraining:
    """`settings`: learning_rate, epochs, and the objective's weights and epsilon."""

    losses = LOSSES
    halvings = 0

    def __init__(
        self,
        model: Perturbable,
        settings: dict[str, Any],
        train: Sequence,
        validation: Sequence,
        checkpoints: Checkpoints,
    ):
        self.model, self.train, self.validation = model, train, validation
        self.device = next(model.parameters()).device
        self.rate = settings["learning_rate"]
        self.remedy = f"train.learning_rate (it is {self.rate}) or train.epsilon"
        self.stages = (Stage("train", settings["epochs"]),)
        self.objective = MixedObjective(settings["weights"], settings["epsilon"])
        self.optimizer = torch.optim.Adam(model.parameters(), lr=self.rate, fused=True)

    def start(self) -> None:
        pass

    def begin(self, stage: Stage) -> None:
        pass

    def set_rates(self, stage: Stage, done: float) -> float:
        """Half a cosine, down to 0."""
        rate = self.rate * (1 + math.cos(math.pi * done)) / 2
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        return rate

    def learn(self, numbers: np.ndarray) -> dict[str, float]:
        inputs, targets = self.model.collate([self.train[i] for i in numbers])
        inputs = tuple(tensor.to(self.device) for tensor in inputs)
        losses = self.objective(self.model, inputs, targets.to(self.device))
        self.optimizer.zero_grad()
        losses["loss"].backward()
        self.optimizer.step()
        return {name: loss.item() * len(numbers) for name, loss in losses.items()}

    def judged(self) -> AbstractContextManager:
        return nullcontext()

    def validate(self) -> tuple[np.ndarray, np.ndarray]:
        return answers(self.model, self.validation, by_torch(self.model))
