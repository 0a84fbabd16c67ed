"""The one training loop: Adam on the mixed objective, early stopping, exact resume after any end."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from garner.checkpoint import Checkpoints
from garner.errors import Interrupted, TrainingError
from garner.evaluation import answers, by_torch
from garner.jobs import stop_requested
from garner.logs import Progress, log
from garner.models import Model
from garner.objective import MixedObjective


@dataclass
class Position:
    """Where a training stands, as JSON: `epoch` epochs are done, and `batch` batches of the next one."""

    epoch: int = 0
    batch: int = 0
    sums: dict[str, float] = field(default_factory=dict)  # of each loss over the epoch's texts so far
    history: list[dict[str, float]] = field(default_factory=list)  # a row an epoch, as history.csv has it
    best_epoch: int = 0  # from 1; 0 before the first has ended
    best_score: float = -1.0


class Training:
    """A model in training: its optimiser, where it stands, and the best weights so far.

    `settings`: learning_rate, batch_size, epochs, patience, and the objective's weights and epsilon.
    """

    def __init__(
        self,
        model: Model,
        labels: list[str],
        settings: dict[str, Any],
        seed: int,
        checkpoints: Checkpoints,
    ):
        self.model, self.labels, self.settings, self.seed = model, labels, settings, seed
        self.checkpoints = checkpoints
        self.device = next(model.parameters()).device
        self.objective = MixedObjective(settings["weights"], settings["epsilon"])
        self.optimizer = torch.optim.Adam(model.parameters(), lr=settings["learning_rate"], fused=True)
        self.position = Position()
        self.best = weights_of(model)

    def run(self, train: Sequence, validation: Sequence, checkpoint_seconds: float) -> None:
        """Train to the end, from the last checkpoint if there is one; the best weights are then in `best`."""
        self._resume()
        batches = math.ceil(len(train) / self.settings["batch_size"])
        total = self.settings["epochs"] * batches
        saved = time.monotonic()
        with Progress(total - self._step(batches), "train", "batches") as progress:
            while not self._finished():
                for items in self._rest_of_epoch(train):
                    self._learn(items, self._rate(self._step(batches) / total))
                    progress.advance(note=self._note())
                    stop = stop_requested()
                    if stop or time.monotonic() - saved >= checkpoint_seconds:
                        self._save(self._step(batches))
                        saved = time.monotonic()
                    if stop:
                        raise Interrupted(f"stopped on request, with progress saved: {self._note()}.")
                self._end_epoch(len(train), self.scores(validation)[self.model.labelling.score])
        self.model.load_state_dict(self.best)

    def scores(self, items: Sequence) -> dict:
        """Those of the present weights on `items`, as JSON."""
        probabilities, targets = answers(self.model, items, by_torch(self.model))
        return self.model.labelling.scores(probabilities, targets, self.labels)

    def _rate(self, done: float) -> float:
        """The learning rate when the share `done` of all epochs is done: half a cosine, down to 0."""
        return self.settings["learning_rate"] * (1 + math.cos(math.pi * done)) / 2

    def _learn(self, items: Sequence, rate: float) -> None:
        """One step of the optimiser."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        inputs, targets = self.model.collate(items)
        inputs = tuple(tensor.to(self.device) for tensor in inputs)
        losses = self.objective(self.model, inputs, targets.to(self.device))
        self.optimizer.zero_grad()
        losses["loss"].backward()
        self.optimizer.step()
        sums = self.position.sums
        for name, loss in losses.items():
            sums[name] = sums.get(name, 0.0) + loss.item() * len(items)
        if not math.isfinite(sums["loss"]):
            raise TrainingError(
                f"the loss is no number in epoch {self.position.epoch + 1}. Lower train.learning_rate (it is "
                f"{self.settings['learning_rate']}) or train.epsilon."
            )
        self.position.batch += 1

    def _rest_of_epoch(self, items: Sequence) -> Iterator[list]:
        """The batches of the present epoch that are still to come; its order is drawn from seed and epoch."""
        order = np.random.default_rng([self.seed, self.position.epoch]).permutation(len(items))
        size = self.settings["batch_size"]
        for first in range(self.position.batch * size, len(items), size):
            yield [items[i] for i in order[first : first + size]]

    def _end_epoch(self, texts: int, score: float) -> None:
        position = self.position
        rate = self._rate(position.epoch / self.settings["epochs"])  # of the epoch's first batch
        position.epoch, position.batch = position.epoch + 1, 0
        row = {name: total / texts for name, total in position.sums.items()}
        row |= {"epoch": position.epoch, "learning_rate": rate}
        position.history.append(row | {f"validation_{self.model.labelling.score}": score})
        position.sums = {}
        if score > position.best_score:
            position.best_epoch, position.best_score = position.epoch, score
            self.best = weights_of(self.model)

    def _finished(self) -> bool:
        position = self.position
        return (
            position.epoch == self.settings["epochs"]
            or position.epoch - position.best_epoch >= self.settings["patience"]
        )

    def _step(self, batches: int) -> int:
        return self.position.epoch * batches + self.position.batch

    def _note(self) -> str:
        score = f", validation {self.position.best_score:.4f}" if self.position.best_epoch else ""
        return f"epoch {self.position.epoch + 1}, batch {self.position.batch}{score}"

    def _save(self, step: int) -> None:
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        tensors |= {f"best.{name}": tensor for name, tensor in self.best.items()}
        for number, moments in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{name}": tensor for name, tensor in moments.items()}
        tensors["random.cpu"] = torch.get_rng_state()
        if self.device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state()
        self.checkpoints.save(step, tensors, asdict(self.position))

    def _resume(self) -> None:
        found = self.checkpoints.load()
        if not found:
            return
        tensors, position = found
        self.position = Position(**position)
        self.model.load_state_dict(_below("model.", tensors))
        self.best = _below("best.", tensors)
        optimizer = self.optimizer.state_dict()
        for name, tensor in _below("optimizer.", tensors).items():
            number, _, moment = name.partition(".")
            optimizer["state"].setdefault(int(number), {})[moment] = tensor
        self.optimizer.load_state_dict(optimizer)
        torch.set_rng_state(tensors["random.cpu"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(tensors["random.cuda"])
        log.info("training goes on from a checkpoint: %s", self._note())


def weights_of(model: Model) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
