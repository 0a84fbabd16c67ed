"""A linear model of the words themselves: hashed tokens and pairs of neighbouring ones, beside the encoder.

It is fitted in closed form, so that it needs no epochs, and made of operations that any runtime has.
Hashing: Weinberger et al., "Feature hashing for large scale multitask learning", ICML 2009.
"""

from collections.abc import Iterable

import numpy as np
import torch
from scipy.sparse import csr_matrix, vstack
from torch import Tensor, nn

from garner.ridge import fit_ridge

PRIME = 2**31 - 1
MIX, PAIR = 1640531527, 40503  # without a pattern; below PRIME, so that no product of two reaches 2^63


class Ngrams(nn.Module):
    """Scores (items, classes), linear in how often each bucket of tokens and pairs occurs in an item.

    The first `beginning` tokens of a text count `weight` times each.
    """

    def __init__(self, buckets: int, classes: int, padding: int, beginning: int = 0, weight: float = 1.0):
        super().__init__()
        self.buckets, self.padding, self.beginning, self.weight = buckets, padding, beginning, weight
        self.register_buffer("rarity", torch.zeros(buckets))  # inverse document frequency
        self.output = nn.Linear(buckets, classes).requires_grad_(False)

    def forward(self, input_ids: Tensor, members: Tensor | None = None) -> Tensor:
        """Of texts (texts, tokens); with `members` (items, texts) an item has those texts where it is 1."""
        vectors = torch.log1p(self.counts(input_ids, members)) * self.rarity
        return self.output(nn.functional.normalize(vectors))

    def counts(self, input_ids: Tensor, members: Tensor | None = None) -> Tensor:
        """How often each bucket occurs, float32 (items, buckets)."""
        words = (input_ids != self.padding).float()
        place = torch.arange(input_ids.shape[1], device=input_ids.device)
        weights = words * torch.where(place < self.beginning, self.weight, 1.0)
        pairs = input_ids[:, :-1] * PAIR + input_ids[:, 1:]
        numbers = torch.cat([input_ids, pairs], dim=1) % PRIME * MIX % PRIME % self.buckets
        weights = torch.cat([weights, weights[:, :-1] * words[:, 1:]], dim=1)
        if members is None:
            items, owners = input_ids.shape[0], torch.arange(input_ids.shape[0], device=input_ids.device)
        else:
            items, owners = members.shape[0], members.argmax(dim=0)
        numbers = numbers + (owners * self.buckets).unsqueeze(1)
        counts = torch.zeros(items * self.buckets, device=input_ids.device)
        return counts.scatter_add(0, numbers.flatten(), weights.flatten()).reshape(items, self.buckets)

    def fit(self, batches: Iterable[tuple[tuple[Tensor, ...], Tensor]], penalty: float) -> None:
        """Learn from items, in batches of the arguments of `counts` and targets float32 (items, classes)."""
        counted, wanted = [], []
        for inputs, targets in batches:
            counted.append(csr_matrix(self.counts(*inputs).numpy()))
            wanted.append(targets.numpy())
        rows, targets = vstack(counted, format="csr"), np.concatenate(wanted)
        found = np.bincount(rows.indices, minlength=self.buckets)
        rarity = np.where(found, np.log((1 + rows.shape[0]) / (1 + found)) + 1, 0).astype(np.float32)
        rows.data = np.log1p(rows.data) * rarity[rows.indices]
        lengths = np.sqrt(np.add.reduceat(rows.data**2, rows.indptr[:-1]))
        rows.data /= np.repeat(lengths, np.diff(rows.indptr))
        means = targets.mean(axis=0)
        self.rarity.copy_(torch.from_numpy(rarity))
        self.output.weight.copy_(torch.from_numpy(fit_ridge(rows, targets - means, penalty).T.copy()))
        self.output.bias.copy_(torch.from_numpy(means))
