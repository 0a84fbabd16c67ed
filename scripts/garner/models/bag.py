"""A bag of tokens: token counts × embedding → feed-forward encoder layers → classes."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from garner.errors import InputError
from garner.labelling import OneClass
from garner.mixed_training import MixedTraining
from garner.models.token_counts import count_tokens, pad_counts
from garner.objective import Embedded
from garner.shards import ShardReader
from garner.vocabulary import PADDING

BATCH = 256  # texts that are answered together
FREQUENT = 4096  # tokens, the first of the vocabulary: nearly all that occur, and quick to go through
Item = tuple[np.ndarray, np.ndarray, int]  # distinct tokens, their counts, class


class Bag(nn.Module):
    """Mean of the embedded tokens, one that occurs n times weighing √n, then `layers` feed-forward layers.

    Embeddings are normalised to mean 0 and variance 1 over the training part's tokens, so that they cannot
    grow to make perturbations look small (Miyato et al. 2017, section 3, equation 1).
    """

    input_names = ("tokens", "counts")
    labelling = OneClass
    recipe = MixedTraining

    def __init__(self, settings: dict[str, Any], vocabulary: int, classes: int):
        super().__init__()
        width, hidden = settings["width"], settings["hidden"]
        self.token_dropout = settings["token_dropout"]
        self.embedding = nn.Embedding(vocabulary, width, padding_idx=PADDING)
        # Small, so that a rare token, which training hardly moves, says little beside the frequent ones.
        nn.init.normal_(self.embedding.weight, std=0.1)
        frequent = min(vocabulary, FREQUENT)
        self.register_buffer("frequency", torch.full((frequent,), 1 / frequent))
        sizes = [width, *[hidden] * settings["layers"]]
        self.encoder = nn.Sequential(*(FeedForward(*pair, settings["dropout"]) for pair in pairwise(sizes)))
        self.output = nn.Linear(sizes[-1], classes)

    @classmethod
    def build(cls, config: dict[str, Any]) -> "Bag":
        return cls(config["settings"], config["vocabulary"], len(config["labels"]))

    def read(self, reader: ShardReader) -> list[Item]:
        """InputError where a sample has no label, or several: the classes exclude one another."""
        samples = reader.load()
        if (np.diff(samples.label_offsets) != 1).any():
            row = int(np.flatnonzero(np.diff(samples.label_offsets) != 1)[0])
            raise InputError(f"sample {row} has not exactly one label, as a model of kind 'bag' needs.")
        texts = np.split(samples.tokens, samples.offsets[1:-1])
        return [(*count_tokens(ids), int(label)) for ids, label in zip(texts, samples.labels, strict=True)]

    def observe(self, items: Sequence[Item]) -> None:
        """Set the share that each frequent token has in `items`."""
        occurrences = np.zeros(self.embedding.num_embeddings)
        for tokens, counts, _ in items:
            occurrences[tokens] += counts
        frequent = occurrences[: len(self.frequency)]
        self.frequency.copy_(torch.from_numpy(frequent / max(frequent.sum(), 1)))

    def batches(self, items: Sequence[Item]) -> list[np.ndarray]:
        return np.split(np.arange(len(items)), range(BATCH, len(items), BATCH))

    def collate(self, items: Sequence[Item]) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """Tokens int64 and counts float32, both (texts, most distinct tokens), and classes int64 (texts,)."""
        tokens, counts = pad_counts([item[:2] for item in items])
        targets = torch.tensor([item[2] for item in items])
        return (torch.from_numpy(tokens), torch.from_numpy(counts)), targets

    def embed(self, tokens: Tensor, counts: Tensor) -> Embedded:
        """The weighted mean v = Σ aₜ vₜ of the normalised embedded tokens, (texts, width), and ‖a‖₂.

        The gradient at vₜ is aₜ G with G = ∂L/∂v: all are parallel. So the perturbation r = ε g/‖g‖ of the
        embedded tokens, g = (a₁G, a₂G, …), moves v by Σ aₜ rₜ = ε ‖a‖ G/‖G‖, and no other one of norm ε moves
        it further: perturbing v within ε ‖a‖ is the same as perturbing the tokens within ε.
        """
        if self.training and self.token_dropout:
            counts = counts * (torch.rand_like(counts) >= self.token_dropout)
        shares = token_shares(counts)
        mean, deviation = self._moments()
        return Embedded((pool(self.embedding(tokens), shares) - mean) / deviation, shares.norm(dim=1))

    def classify(self, values: Tensor) -> Tensor:
        return self.output(self.encoder(values))

    def forward(self, tokens: Tensor, counts: Tensor) -> Tensor:
        return self.classify(self.embed(tokens, counts).values)

    def conclude(self, train: Sequence[Item], validation: Sequence[Item]) -> dict:
        """Nothing: the most probable class is the answer."""
        return {}

    def deployed(self) -> "DeployedBag":
        return DeployedBag(self)

    def _moments(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the embedding over the training part's tokens, both (width,).

        Constant under the gradient: through them, Adam would move every rare token at full speed.
        """
        with torch.no_grad():
            weight = self.embedding.weight[:FREQUENT]
            mean = self.frequency @ weight
            return mean, (self.frequency @ (weight - mean).square() + 1e-6).sqrt()


class FeedForward(nn.Module):
    """Linear → layer normalisation → GELU → dropout, with a residual connection where the sizes allow."""

    def __init__(self, inputs: int, outputs: int, dropout: float):
        super().__init__()
        self.transform = nn.Sequential(
            nn.Linear(inputs, outputs), nn.LayerNorm(outputs), nn.GELU(), nn.Dropout(dropout)
        )
        self.residual = inputs == outputs

    def forward(self, values: Tensor) -> Tensor:
        return values + self.transform(values) if self.residual else self.transform(values)


class DeployedBag(nn.Module):
    """The trained bag with the normalisation folded into its embedding: inputs to probabilities."""

    def __init__(self, bag: Bag):
        super().__init__()
        mean, deviation = bag._moments()
        self.embedding = nn.Embedding.from_pretrained((bag.embedding.weight.detach() - mean) / deviation)
        self.encoder, self.output = bag.encoder, bag.output

    def forward(self, tokens: Tensor, counts: Tensor) -> Tensor:
        values = pool(self.embedding(tokens), token_shares(counts))
        return self.output(self.encoder(values)).softmax(dim=1)


def token_shares(counts: Tensor) -> Tensor:
    """The weight of each distinct token, √count, over their sum; 0 for padding. Shape as `counts`."""
    weights = counts.sqrt()
    return weights / weights.sum(dim=1, keepdim=True).clamp_min(1e-12)


def pool(embedded: Tensor, shares: Tensor) -> Tensor:
    """Σ aₜ vₜ: (texts, tokens, width) and (texts, tokens) to (texts, width)."""
    return (shares.unsqueeze(1) @ embedded).squeeze(1)
