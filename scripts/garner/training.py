"""The one training loop: Adam on the mixed objective, early stopping, exact resume after any end."""

import csv
import io
import math
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from garner.checkpoint import Checkpoints
from garner.errors import ConfigError, InputError, Interrupted, TrainingError
from garner.files import read_json, sha256, write_json, write_text
from garner.jobs import stop_requested
from garner.logs import Progress, log
from garner.metrics import balanced_accuracy, confusion_matrix, summary
from garner.models import Model
from garner.models.saved import build_model, save_model
from garner.objective import LOSSES, MixedObjective
from garner.shards import ShardReader

EVALUATION_BATCH = 512  # texts
HISTORY = ("epoch", "learning_rate", "loss", *LOSSES, "validation_balanced_accuracy")


def train_model(
    train: Path,
    validation: Path,
    labels: Path,
    vocabulary: Path,
    outputs: dict[str, Path],
    state: Path,
    kind: str,
    settings: dict[str, Any],
    seed: int,
    code: str,
    device: str,
    checkpoint_seconds: float,
) -> None:
    """Train on the shards `train` until `validation` gains no more; seals "model", "history" and "metrics".

    Goes on from `state` if the training there had the same data, settings, seed, `code` (any text that
    changes with the code) and kind of device; otherwise it starts anew. Raises Interrupted when a stop is
    requested, InputError for data that cannot be used, TrainingError where the loss is no number.
    """
    place = choose_device(device)
    torch.set_num_threads(settings["threads"])
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # slow, and nothing here reads such memory
    torch.manual_seed(seed)
    with (
        open_shards(train, labels, vocabulary) as train_reader,
        open_shards(validation, labels, vocabulary) as validation_reader,
    ):
        meta = train_reader.meta
        config = {
            "kind": kind,
            "settings": settings,
            "labels": meta["labels"],
            "tokens": meta["tokens"],
            "vocabulary": meta["vocabulary_size"],
        }
        model = build_model(config)
        train_items, validation_items = model.read(train_reader), model.read(validation_reader)
    model.observe(train_items)
    identity = {
        "kind": kind,
        "settings": settings,
        "seed": seed,
        "code": code,
        "torch": [torch.__version__, place.type],
        "data": [sha256(path) for path in (train / "index.json", validation / "index.json")],
    }
    checkpoints = Checkpoints(state, identity)
    training = Training(model.to(place), settings, seed, checkpoints)
    training.run(train_items, validation_items, checkpoint_seconds)
    save_model(outputs["model"], training.best, config)
    write_history(outputs["history"], training.position.history)
    metrics = {
        "best_epoch": training.position.best_epoch,
        "epochs": training.position.epoch,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "train_samples": len(train_items),
        "validation": summary(training.confusion(validation_items), meta["labels"]),
    }
    write_json(outputs["metrics"], metrics)
    checkpoints.clear()


def open_shards(folder: Path, labels: Path, vocabulary: Path) -> ShardReader:
    """A reader; InputError if the folder is empty, or of other labels or another vocabulary than these."""
    reader = ShardReader(folder)
    if not len(reader):
        raise InputError(f"{folder} holds no sample. Lower sort.minimum_files, or scrape and clone more.")
    expected = {"labels": read_json(labels)["labels"], "vocabulary_sha256": sha256(vocabulary)}
    if any(reader.meta[name] != value for name, value in expected.items()):
        raise InputError(f"{folder} was not made with {labels} and {vocabulary}. Run `snakemake serialize`.")
    return reader


def choose_device(device: str) -> torch.device:
    """`auto` is the GPU where there is one; ConfigError for `cuda` where there is none."""
    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise ConfigError("run.device: 'cuda' is asked for, but torch sees no GPU. Use 'auto' or 'cpu'.")
    if device == "cpu" or not available:
        return torch.device("cpu")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what cuBLAS needs to be deterministic
    return torch.device("cuda")


@dataclass
class Position:
    """Where a training stands, as JSON: `epoch` epochs are done, and `batch` batches of the next one."""

    epoch: int = 0
    batch: int = 0
    sums: dict[str, float] = field(default_factory=dict)  # of each loss over the epoch's texts so far
    history: list[dict[str, float]] = field(default_factory=list)  # a row an epoch, with the keys of HISTORY
    best_epoch: int = 0  # from 1; 0 before the first has ended
    best_score: float = -1.0


class Training:
    """A model in training: its optimiser, where it stands, and the best weights so far.

    `settings`: learning_rate, batch_size, epochs, patience, and the objective's weights and epsilon.
    """

    def __init__(self, model: Model, settings: dict[str, Any], seed: int, checkpoints: Checkpoints):
        self.model, self.settings, self.seed, self.checkpoints = model, settings, seed, checkpoints
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
                self._end_epoch(len(train), balanced_accuracy(self.confusion(validation)))
        self.model.load_state_dict(self.best)

    def confusion(self, items: Sequence) -> np.ndarray:
        """The confusion matrix, int64 (classes, classes), of the present weights on `items`."""
        self.model.eval()
        matrix = 0
        with torch.no_grad():
            for first in range(0, len(items), EVALUATION_BATCH):
                inputs, targets = self._collate(items[first : first + EVALUATION_BATCH])
                logits = self.model.classify(self.model.embed(*inputs).values)
                predictions = logits.argmax(dim=1).cpu().numpy()
                matrix += confusion_matrix(targets.cpu().numpy(), predictions, logits.shape[1])
        self.model.train()
        return matrix

    def _rate(self, done: float) -> float:
        """The learning rate when the share `done` of all epochs is done: half a cosine, down to 0."""
        return self.settings["learning_rate"] * (1 + math.cos(math.pi * done)) / 2

    def _learn(self, items: Sequence, rate: float) -> None:
        """One step of the optimiser."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        inputs, targets = self._collate(items)
        losses = self.objective(self.model, inputs, targets)
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

    def _collate(self, items: Sequence) -> tuple[tuple[Tensor, ...], Tensor]:
        inputs, targets = self.model.collate(items)
        return tuple(tensor.to(self.device) for tensor in inputs), targets.to(self.device)

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
        position.history.append(
            row | {"epoch": position.epoch, "learning_rate": rate, "validation_balanced_accuracy": score}
        )
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


def write_history(path: Path, history: list[dict[str, float]]) -> None:
    """One row an epoch; a loss that is switched off has an empty cell."""
    text = io.StringIO()
    writer = csv.DictWriter(text, HISTORY, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_text(path, text.getvalue())


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
