"""Users of two classes, by their posts: encoder → a vector a post → pooled over a user's posts → a logit."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from garner import losses
from garner.decisions import EVEN
from garner.errors import InputError
from garner.models.dropout import ByteDropout
from garner.models.encoder_model import Deployed, EncoderModel
from garner.models.text_rows import membership, pad_texts
from garner.shards import ShardReader
from garner.yes_or_no import YesOrNo

HIDDEN = 384
Item = tuple[list[np.ndarray], int]  # the posts' token ids as they are stored, class


class Users(EncoderModel):
    """All posts of a batch's users go through the encoder in one pass; `membership` says whose they are."""

    input_names = ("input_ids", "attention_mask", "membership")
    labelling = YesOrNo

    def __init__(self, config: dict[str, Any]):
        super().__init__(config, classes=1, pooling=config["settings"]["pooling"])
        self.register_buffer("center", torch.zeros(self.encoder.size))  # of the training part's posts
        self.register_buffer("spread", torch.ones(self.encoder.size))
        self.pool = Attention(self.encoder.size) if self.settings["posts"] == "attention" else mean
        self.dropout = ByteDropout(self.settings["dropout"])
        self.hidden = nn.Linear(self.encoder.size, HIDDEN)
        self.output = nn.Linear(HIDDEN, 1)
        self.register_buffer("weights", torch.ones(2))  # of the classes in the loss

    def begin_head(self, vectors: Tensor) -> None:
        self.center.copy_(vectors.mean(dim=0))
        self.spread.copy_(vectors.std(dim=0).clamp_min(1e-6))

    def read(self, reader: ShardReader) -> list[Item]:
        """InputError where a user has no post, or not exactly one class."""
        cls = reader.meta["special"]["cls"]
        items = []
        for tokens, labels, row in reader:
            begins = np.flatnonzero(tokens == cls)
            if len(labels) != 1 or not len(begins):
                raise InputError(f"sample {row} has not exactly one label and a post, as 'users' needs.")
            items.append((np.split(tokens, begins[1:]), int(labels[0])))
        return items

    def observe(self, items: Sequence[Item]) -> None:
        """Set the bias to the log-odds of the second class, or, if they are to be balanced, the weights."""
        counts = np.bincount([label for _, label in items], minlength=2)
        if not counts.all():
            missing = self.labels[int(np.flatnonzero(counts == 0)[0])]
            raise InputError(
                f"no user of the training part is '{missing}'. Change sort.age_cutoff or add users."
            )
        if self.settings["class_balance"]:
            self.weights.copy_(torch.from_numpy(counts.sum() / (2 * counts)))
        else:
            with torch.no_grad():
                self.output.bias.fill_(float(np.log(counts[1] / counts[0])))

    @staticmethod
    def texts(item: Item) -> list[np.ndarray]:
        return item[0]

    def collate(self, items: Sequence[Item]) -> tuple[tuple[Tensor, Tensor, Tensor], Tensor]:
        """Ids and mask, int64 (posts, tokens), membership, float32 (users, posts); targets (users, 1)."""
        arrays = pad_texts([post for posts, _ in items for post in posts], self.special)
        arrays += (membership([len(posts) for posts, _ in items]),)
        targets = torch.tensor([[float(label)] for _, label in items])
        return tuple(torch.from_numpy(array) for array in arrays), targets

    def head(self, vectors: Tensor, input_ids: Tensor, attention_mask: Tensor, members: Tensor) -> Tensor:
        pooled = self.dropout(self.pool((vectors - self.center) / self.spread, members))
        return self.output(self.dropout(functional.gelu(self.hidden(pooled))))

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        weights = torch.where(targets > 0, self.weights[1], self.weights[0])
        return (weights * losses.binary_cross_entropy(logits, targets)).squeeze(1)

    def decision(self, probabilities: np.ndarray, targets: np.ndarray) -> dict:
        return EVEN

    def deployed(self) -> Deployed:
        return Deployed(self)


class Attention(nn.Module):
    """A user's posts, each weighing as much as a learned score says: the softmax of it over the posts."""

    def __init__(self, size: int):
        super().__init__()
        self.score = nn.Linear(size, 1)
        nn.init.zeros_(self.score.weight)  # so that it begins as the mean

    def forward(self, vectors: Tensor, members: Tensor) -> Tensor:
        """(posts, size) and membership (users, posts) to (users, size)."""
        scores = self.score(vectors).transpose(0, 1).masked_fill(members == 0, float("-inf"))
        return scores.softmax(dim=1) @ vectors


def mean(vectors: Tensor, members: Tensor) -> Tensor:
    """As Attention, with all of a user's posts alike."""
    return members @ vectors / members.sum(dim=1, keepdim=True)
