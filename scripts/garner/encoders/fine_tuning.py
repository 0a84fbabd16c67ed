"""The recipe of the kinds with a pretrained encoder: a head on the frozen encoder first, then both.

Layers near the text learn more slowly than those near the head (Howard and Ruder, "Universal language model
fine-tuning for text classification", ACL 2018, section 3.2), by AdamW (Loshchilov and Hutter, "Decoupled
weight decay regularization", ICLR 2019).
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from garner.batching import by_length, of_least_cost
from garner.checkpoint import Checkpoints
from garner.encoders.features import KeptVectors, encode, keep_only, key, vectors
from garner.errors import ConfigError, TrainingError
from garner.evaluation import answers, outputs_of
from garner.logs import log
from garner.recipe import Stage
from garner.schedule import share_of_rate

if TYPE_CHECKING:
    from garner.models.encoder_model import EncoderModel

SAMPLE = 1000  # texts that show what the encoder's vectors are like, where no epoch is of the head alone
OVERHEAD = {"cpu": 128, "cuda": 4096}  # what a micro-batch costs besides its tokens, in tokens
ANSWERED = 1024  # items whose kept vectors are answered together


class FineTuning:
    """`settings`: the study's `train`.

    As long as the encoder is frozen, its vectors are computed once, and a step is one of the head alone.
    """

    losses = ()

    def __init__(
        self,
        model: "EncoderModel",
        settings: dict[str, Any],
        train: Sequence,
        validation: Sequence,
        checkpoints: Checkpoints,
    ):
        self.model, self.settings, self.checkpoints = model, settings, checkpoints
        self.train, self.validation = train, validation
        self.device = next(model.parameters()).device
        self.sizes = model.sizes(train)
        self.halvings = 0
        self.head_alone = Stage("train the head", settings["head_epochs"])
        stages = (self.head_alone, Stage("train", settings["epochs"]))
        self.stages = tuple(stage for stage in stages if stage.epochs)
        if not self.stages:
            raise ConfigError("train: head_epochs and epochs are both 0, so that nothing would be learned.")
        self.remedy = (
            f"train.learning_rate (it is {settings['learning_rate']}) or train.head_learning_rate "
            f"({settings['head_learning_rate']})"
        )
        self.optimizer = torch.optim.AdamW(self._groups(), fused=True)
        self.kept: dict[str, KeptVectors] | None = None  # while the encoder is frozen

    def start(self) -> None:
        if self.stages[0] is self.head_alone:
            self.kept = self._keep()
            found = self.kept["train"].vectors
        else:
            lengths, counts = self.sizes
            some = np.arange(0, len(self.train), math.ceil(counts.sum() / SAMPLE))
            found = torch.cat(
                [
                    self._encode([text for i in some[group] for text in self.model.texts(self.train[i])])
                    for group in by_length(lengths[some], counts[some])
                ]
            )
        self.model.begin_head(found)

    def begin(self, stage: Stage) -> None:
        frozen = stage is self.head_alone
        fixed = self.settings["frozen_layers"]
        for depth, parameters in enumerate(self.model.encoder.by_depth()):
            for _, parameter in parameters:
                parameter.requires_grad_(not frozen and (fixed is None or depth > fixed))
        self.kept = (self.kept or self._keep()) if frozen else None

    def set_rates(self, stage: Stage, done: float) -> float:
        """The main rate is that of the head alone, then that of the encoder's last layer."""
        share = share_of_rate(done, self.settings["warm_up"], self.settings["decay"])
        for group in self.optimizer.param_groups:
            group["lr"] = share * group["alone" if stage is self.head_alone else "joint"]
        return share * self.settings["head_learning_rate" if stage is self.head_alone else "learning_rate"]

    def learn(self, numbers: np.ndarray) -> dict[str, float]:
        generator = torch.cuda if self.device.type == "cuda" else torch
        random = generator.get_rng_state()
        self.model.train()
        while True:
            self.optimizer.zero_grad()
            micro_batches = self._micro_batches(numbers)
            try:
                loss = sum(self._accumulate(part, len(numbers)) for part in micro_batches)
                break
            except torch.OutOfMemoryError:
                self._halve(micro_batches)
                generator.set_rng_state(random)
        trained = [value for value in self.model.parameters() if value.grad is not None]
        torch.nn.utils.clip_grad_norm_(trained, self.settings["clip"])
        self.optimizer.step()
        if self.kept is None:
            self._average(trained)
        return {"loss": loss}

    @contextmanager
    def judged(self) -> Iterator[None]:
        """Averages over the last steps, which are better than the last step's (Izmailov et al., UAI 2018)."""
        state = self.optimizer.state
        last = {value: value.detach().clone() for value in state if "average" in state[value]}
        with torch.no_grad():
            for value in last:
                value.copy_(state[value]["average"])
            yield
            for value, kept in last.items():
                value.copy_(kept)

    def validate(self) -> tuple[np.ndarray, np.ndarray]:
        if self.kept is None:
            return answers(self.model, self.validation, outputs_of(self.model, self._probabilities))
        self.model.eval()
        found, targets = [], []
        for first in range(0, len(self.validation), ANSWERED):
            numbers = np.arange(first, min(first + ANSWERED, len(self.validation)))
            inputs, expected = self._collate(self.validation, numbers)
            with torch.no_grad():
                logits = self.model.head(self.kept["validation"].of(numbers, self.device), *inputs)
            found.append(self.model.labelling.probabilities(logits).cpu().numpy())
            targets.append(expected.cpu().numpy())
        return np.concatenate(found), np.concatenate(targets)

    def _average(self, trained: Sequence[Tensor]) -> None:
        """Let the average of each weight follow it; it is kept beside the optimizer's own."""
        steps = self.settings["averaged_steps"]
        for value in trained if steps > 1 else ():
            average = self.optimizer.state[value].setdefault("average", value.detach().clone())
            average.lerp_(value.detach(), 1 / steps)

    def _groups(self) -> list[dict[str, Any]]:
        """Parameters by their highest rate; biases and normalisations do not decay."""
        settings = self.settings
        by_depth = self.model.encoder.by_depth()
        rates = [
            settings["learning_rate"] * settings["layer_decay"] ** (len(by_depth) - 1 - depth)
            for depth in range(len(by_depth))
        ]
        of_encoder = {id(value) for group in by_depth for _, value in group}
        every = [value for value in self.model.parameters() if value.requires_grad]
        head = [value for value in every if id(value) not in of_encoder]
        groups = []
        for depth, rate in enumerate(rates):
            parameters = [value for _, value in by_depth[depth]]
            groups.append({"params": parameters, "alone": 0.0, "joint": rate})
        alone, joint = settings["head_learning_rate"], settings["joint_head_learning_rate"]
        groups.append({"params": head, "alone": alone, "joint": joint})
        return [part for group in groups for part in _by_decay(group, settings["weight_decay"])]

    def _micro_batches(self, numbers: np.ndarray) -> list[np.ndarray]:
        if self.kept is not None:
            return [numbers]
        tokens = self.settings["micro_batch_tokens"] >> self.halvings
        lengths, texts = (size[numbers] for size in self.sizes)
        groups = of_least_cost(lengths, texts, tokens, OVERHEAD[self.device.type])
        return [numbers[group] for group in groups]

    def _accumulate(self, numbers: np.ndarray, batch: int) -> float:
        """Add the gradient of some of a batch's items; their loss, summed."""
        inputs, targets = self._collate(self.train, numbers)
        if self.kept is not None:
            logits = self.model.head(self.kept["train"].of(numbers, self.device), *inputs)
        else:
            with torch.autocast("cuda", torch.bfloat16) if self.device.type == "cuda" else nullcontext():
                logits = self.model.learned(*inputs)
        loss = self.model.loss(logits.float(), targets).sum()
        (loss / batch).backward()
        return loss.item()

    def _collate(self, items: Sequence, numbers: np.ndarray) -> tuple[tuple[Tensor, ...], Tensor]:
        inputs, targets = self.model.collate([items[i] for i in numbers])
        return tuple(tensor.to(self.device) for tensor in inputs), targets.to(self.device)

    def _halve(self, micro_batches: list[np.ndarray]) -> None:
        if self.kept is not None:
            raise TrainingError(
                "the GPU has no memory left, even for the head alone. End what else uses it, lower "
                "train.batch_size, or set run.device to 'cpu'."
            ) from None
        largest = max(len(part) for part in micro_batches)
        if largest == 1:
            raise TrainingError(
                "the GPU has not enough memory for one text. Lower serialize.tokens, raise "
                "train.frozen_layers, or set run.device to 'cpu'."
            ) from None
        while max(len(part) for part in self._micro_batches(np.concatenate(micro_batches))) >= largest:
            self.halvings += 1
        log.warning(
            "the GPU's memory is too small for %s texts at once: they are learned in more parts, and a step "
            "still learns from train.batch_size of them.",
            largest,
        )

    def _probabilities(self, *inputs: Tensor) -> Tensor:
        return self.model.labelling.probabilities(self.model.learned(*inputs))

    def _keep(self) -> "dict[str, KeptVectors]":
        """The vectors of both parts, from the disk where they were computed before."""
        encoder = self.model.encoder
        identity = {name: self.checkpoints.identity[name] for name in ("torch", "encoder")}
        identity |= {"pooling": encoder.pooling, "limit": encoder.limit, "threads": self.settings["threads"]}
        counts, read = {}, {}
        for name, items in (("train", self.train), ("validation", self.validation)):
            texts = [self.model.texts(item) for item in items]
            counts[name] = [len(some) for some in texts]
            read[name] = [text[: encoder.limit] for some in texts for text in some]
        every = read["train"] + read["validation"]
        folder = self.checkpoints.folder / "vectors" / key(every, self.model.special, identity)
        keep_only(folder)
        return {
            name: KeptVectors(vectors(folder / name, read[name], self._encode), counts[name]) for name in read
        }

    def _encode(self, texts: list[np.ndarray]) -> Tensor:
        return encode(self.model.encoder, texts, self.model.special)


def _by_decay(group: dict[str, Any], decay: float) -> Iterator[dict[str, Any]]:
    """`group` as two, of which only the first shrinks: that of matrices."""
    for matrices in (True, False):
        params = [value for value in group["params"] if (value.dim() > 1) == matrices]
        if params:
            yield group | {"params": params, "weight_decay": decay if matrices else 0.0}
