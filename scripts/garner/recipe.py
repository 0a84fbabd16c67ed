"""What differs between kinds in the one training loop: how a kind's weights are learned."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from torch.optim import Optimizer

    from garner.checkpoint import Checkpoints
    from garner.models import Model


@dataclass(frozen=True)
class Stage:
    """`epochs` epochs that learn the same weights, under learning rates of their own."""

    name: str  # for progress
    epochs: int


class Recipe(Protocol):
    losses: tuple[str, ...]  # columns of history.csv, besides "loss"
    remedy: str  # what to lower where the loss is no number
    stages: tuple[Stage, ...]  # one after the other; early stopping is for the last
    optimizer: "Optimizer"
    halvings: int  # how often a GPU ran out of memory

    def __init__(
        self,
        model: "Model",
        settings: dict[str, Any],
        train: "Sequence",
        validation: "Sequence",
        checkpoints: "Checkpoints",
    ) -> None:
        """`settings`: the study's `train`."""

    def start(self) -> None:
        """Called once, before the first step of a training that does not go on from a checkpoint."""

    def begin(self, stage: Stage) -> None:
        """Called before a stage's first step, and where a training goes on in the stage."""

    def set_rates(self, stage: Stage, done: float) -> float:
        """Learning rates for the step at which the share `done` of the stage is done; gives the main one."""

    def learn(self, numbers: "np.ndarray") -> dict[str, float]:
        """One step on the training items of these numbers; "loss" and `losses`, summed over them."""

    def judged(self) -> AbstractContextManager:
        """Within it the model has the weights that are judged, and kept where they are the best."""

    def validate(self) -> tuple["np.ndarray", "np.ndarray"]:
        """Probabilities and targets of the validation part, with the present weights."""
