"""What the kinds with a pretrained encoder share: a head on it, a linear model beside it, their blend."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from garner import calibration
from garner.batching import by_length
from garner.encoders.fine_tuning import FineTuning
from garner.evaluation import answers, outputs_of
from garner.logs import track
from garner.models.encoder import Encoder
from garner.models.ngrams import Ngrams

COUNTED = 256  # items whose n-grams are counted together
COUNTS = 2**24  # of known n-grams in the items of a batch


class EncoderModel(nn.Module, ABC):
    """`config` is that of a saved model: settings, labels, encoder, special."""

    recipe = FineTuning
    beginning = (0, 1.0)  # how many tokens of a text have n-grams of their own, and count how much

    def __init__(self, config: dict[str, Any], classes: int, pooling: str):
        super().__init__()
        self.settings, self.labels, self.special = config["settings"], config["labels"], config["special"]
        limit = self.settings["encoder_tokens"] or config["tokens"]
        dropouts = self.settings["encoder_dropout"], self.settings["attention_dropout"]
        self.encoder = Encoder(config["encoder"], pooling, limit, *dropouts)
        size = self.settings["ngrams"]["size"]
        self.ngrams = Ngrams(size, classes, self.special["pad"], *self.beginning) if size else None
        # What the head's score counts, then that of the n-grams, and a bias: chosen once training is over.
        self.register_buffer("blend", torch.tensor([1.0, 0.0, 0.0] if size else [1.0, 0.0]))

    @classmethod
    def build(cls, config: dict[str, Any]) -> "EncoderModel":
        return cls(config)

    def begin_with(self, encoder: Path, tokenizer: Path) -> None:
        """Take the weights of a pretrained encoder, a folder; `tokenizer` is its file."""
        self.encoder.load(encoder)

    @abstractmethod
    def begin_head(self, vectors: Tensor) -> None:
        """Take what the head starts from: vectors of training texts, (texts, size), on the CPU."""

    @staticmethod
    @abstractmethod
    def texts(item: Any) -> list[np.ndarray]:
        """The texts of an item, as pad_texts takes them."""

    @abstractmethod
    def head(self, vectors: Tensor, *inputs: Tensor) -> Tensor:
        """Logits (items, classes) from the encoder's vectors (texts, size) and the network's inputs."""

    @abstractmethod
    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """What training lowers, (items,)."""

    @abstractmethod
    def decision(self, probabilities: np.ndarray, targets: np.ndarray) -> dict:
        """What an item's answer is, chosen by these (garner.decisions)."""

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.joined(self.scores(*inputs))

    def joined(self, scores: Tensor) -> Tensor:
        """Logits (items, classes) from `scores`."""
        return scores @ self.blend[:-1] + self.blend[-1]

    def learn_to_join(self, scores: Tensor, targets: Tensor) -> None:
        """Fit what `joined` does on held-out items, targets (items, classes)."""
        self.blend.copy_(calibration.fit(scores, targets, self.blend.cpu()))

    def scores(self, *inputs: Tensor) -> Tensor:
        """What is blended: (items, classes, scores)."""
        found = [self.learned(*inputs)]
        if self.ngrams is not None:
            found.append(self.ngrams(*_without_mask(inputs)))
        return torch.stack(found, dim=2)

    def learned(self, *inputs: Tensor) -> Tensor:
        """The logits that training is about, (items, classes)."""
        return self.head(self.encoder(*inputs[:2]), *inputs)

    def sizes(self, items: Sequence) -> tuple[np.ndarray, np.ndarray]:
        """Tokens that the encoder reads of each item's longest text, and how many texts it has (batching)."""
        texts = [self.texts(item) for item in items]
        lengths = [min(max(len(text) for text in some) + 1, self.encoder.limit) for some in texts]
        return np.array(lengths, dtype=np.int64), np.array([len(some) for some in texts], dtype=np.int64)

    def batches(self, items: Sequence) -> list[np.ndarray]:
        """To be answered together: few enough for the n-grams, each of which has a count in each item."""
        most = max(1, COUNTS // max(1, self.settings["ngrams"]["size"]))
        groups = by_length(*self.sizes(items))
        return [group[first : first + most] for group in groups for first in range(0, len(group), most)]

    def conclude(self, train: Sequence, validation: Sequence) -> dict:
        """Fit the n-grams on `train`; on `validation` the blend, and what an item's answer is."""
        if self.ngrams is not None:
            self.ngrams.fit(self._fit_batches(train), self.settings["ngrams"]["penalty"])
        scores, targets = answers(self, validation, outputs_of(self, self.scores))
        scores = torch.from_numpy(scores)
        self.learn_to_join(scores, torch.from_numpy(targets))
        logits = self.joined(scores.to(self.blend.device)).cpu()
        return {"decision": self.decision(self.labelling.probabilities(logits).numpy(), targets)}

    def _fit_batches(self, items: Sequence) -> Iterator[tuple[tuple[Tensor, ...], Tensor]]:
        for first in track(range(0, len(items), COUNTED), "count the n-grams", "batches"):
            inputs, targets = self.collate(items[first : first + COUNTED])
            yield _without_mask(inputs), targets


class Deployed(nn.Module):
    """Inputs to probabilities."""

    def __init__(self, model: EncoderModel):
        super().__init__()
        self.model = model

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.model.labelling.probabilities(self.model(*inputs))


def _without_mask(inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return inputs[0], *inputs[2:]
