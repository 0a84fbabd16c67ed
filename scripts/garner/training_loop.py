"""The one training loop: the stages of a recipe, early stopping, exact resume after any end."""

import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from torch import Tensor

from garner.checkpoint import Checkpoints
from garner.errors import Interrupted, TrainingError
from garner.jobs import stop_requested
from garner.logs import Progress, log
from garner.models import Model
from garner.recipe import Recipe, Stage


@dataclass
class Position:
    """Where a training stands, as JSON: `epoch` epochs are done, and `batch` batches of the next one."""

    epoch: int = 0
    batch: int = 0
    rate: float = 0.0  # the highest of the epoch so far
    sums: dict[str, float] = field(default_factory=dict)  # of each loss over the epoch's items so far
    history: list[dict[str, float]] = field(default_factory=list)  # a row an epoch, as history.csv has it
    best_epoch: int = 0  # from 1; 0 before the first has ended
    best_score: float = -1.0
    halvings: int = 0  # of the recipe


class Training:
    """A model in training: where it stands, and the best weights so far.

    `items` are those of the training part, `batch_size` of them learned in a step; the last stage ends
    `patience` epochs after the best.
    """

    def __init__(
        self,
        model: Model,
        recipe: Recipe,
        items: int,
        batch_size: int,
        patience: int,
        seed: int,
        checkpoints: Checkpoints,
    ):
        self.model, self.recipe, self.checkpoints = model, recipe, checkpoints
        self.items, self.batch_size, self.patience, self.seed = items, batch_size, patience, seed
        self.batches = math.ceil(items / batch_size)
        self.device = next(model.parameters()).device
        self.position = Position()

    def run(self, checkpoint_seconds: float) -> None:
        """Train to the end, from the last checkpoint if there is one; the model then has the best weights."""
        self._saved = time.monotonic()
        if not self._resume():
            self.recipe.start()
            self.best = weights_of(self.model)
        first = 0
        for stage in self.recipe.stages:
            if not self._finished(stage, first):
                self._run(stage, first, checkpoint_seconds)
            first += stage.epochs
        self.model.load_state_dict(self.best)

    def _run(self, stage: Stage, first: int, checkpoint_seconds: float) -> None:
        """The stage whose first epoch is `first`, from where it stands; it begins with the best weights."""
        if self._step(first) == 0:
            self.model.load_state_dict(self.best)
        self.recipe.begin(stage)
        total = stage.epochs * self.batches
        with Progress(total - self._step(first), stage.name, "batches") as progress:
            while not self._finished(stage, first):
                for numbers in self._rest_of_epoch():
                    self._learn(stage, self._step(first) / total, numbers)
                    progress.advance(note=self._note())
                    stop = stop_requested()
                    if stop or time.monotonic() - self._saved >= checkpoint_seconds:
                        self._save()
                    if stop:
                        raise Interrupted(f"stopped on request, with progress saved: {self._note()}.")
                self._end_epoch()

    def _learn(self, stage: Stage, done: float, numbers: np.ndarray) -> None:
        position = self.position
        position.rate = max(position.rate, self.recipe.set_rates(stage, done))
        for name, loss in self.recipe.learn(numbers).items():
            position.sums[name] = position.sums.get(name, 0.0) + loss
        if not math.isfinite(position.sums["loss"]):
            raise TrainingError(
                f"the loss is no number in epoch {position.epoch + 1}. Lower {self.recipe.remedy}."
            )
        position.batch += 1

    def _rest_of_epoch(self) -> Iterator[np.ndarray]:
        """The batches of the present epoch that are still to come; its order is drawn from seed and epoch."""
        order = np.random.default_rng([self.seed, self.position.epoch]).permutation(self.items)
        for first in range(self.position.batch * self.batch_size, self.items, self.batch_size):
            yield order[first : first + self.batch_size]

    def _end_epoch(self) -> None:
        position = self.position
        with self.recipe.judged():
            score = self.model.labelling.judge(*self.recipe.validate())
            if score > position.best_score:
                position.best_epoch, position.best_score = position.epoch + 1, score
                self.best = weights_of(self.model)
        row = {name: total / self.items for name, total in position.sums.items()}
        row |= {"epoch": position.epoch + 1, "learning_rate": position.rate}
        position.history.append(row | {f"validation_{self.model.labelling.score}": score})
        position.epoch, position.batch, position.rate, position.sums = position.epoch + 1, 0, 0.0, {}

    def _finished(self, stage: Stage, first: int) -> bool:
        position = self.position
        last = stage is self.recipe.stages[-1]
        waited = position.epoch - max(position.best_epoch, first)
        return position.epoch >= first + stage.epochs or (last and waited >= self.patience)

    def _step(self, first: int) -> int:
        return (self.position.epoch - first) * self.batches + self.position.batch

    def _note(self) -> str:
        score = f", validation {self.position.best_score:.4f}" if self.position.best_epoch else ""
        return f"epoch {self.position.epoch + 1}, batch {self.position.batch}{score}"

    def _save(self) -> None:
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        tensors |= {f"best.{name}": tensor for name, tensor in self.best.items()}
        for number, moments in self.recipe.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{name}": tensor for name, tensor in moments.items()}
        tensors["random.cpu"] = torch.get_rng_state()
        if self.device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state()
        self.position.halvings = self.recipe.halvings
        self.checkpoints.save(self._step(0), tensors, asdict(self.position))
        self._saved = time.monotonic()

    def _resume(self) -> bool:
        found = self.checkpoints.load()
        if not found:
            return False
        tensors, position = found
        self.position = Position(**position)
        self.recipe.halvings = self.position.halvings
        self.model.load_state_dict(_below("model.", tensors))
        self.best = _below("best.", tensors)
        optimizer = self.recipe.optimizer.state_dict()
        for name, tensor in _below("optimizer.", tensors).items():
            number, _, moment = name.partition(".")
            optimizer["state"].setdefault(int(number), {})[moment] = tensor
        self.recipe.optimizer.load_state_dict(optimizer)
        torch.set_rng_state(tensors["random.cpu"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(tensors["random.cuda"])
        log.info("training goes on from a checkpoint: %s", self._note())
        return True


def weights_of(model: Model) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
