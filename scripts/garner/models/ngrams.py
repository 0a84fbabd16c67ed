"""A linear model of the words themselves, beside the encoder: of single tokens and pairs of neighbours.

It knows those that tell most of the labels, is fitted in closed form, so that it needs no epochs, and is made
of operations that any runtime has. An n-gram is found by its number: the slot that the number is hashed to
holds a row, and the row says whose it is.
"""

import math
from collections.abc import Iterable

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor, nn

from garner.ridge import fit_ridge

PRIME = 2**31 - 1
MIX, PAIR = 1640531527, 40503  # without a pattern; below PRIME, so that no product of two reaches 2^63
SLOTS = 4  # at least so many an n-gram: of two that fall into one, only the better is known
COLUMNS = 2**14  # n-grams that are weighed together


class Ngrams(nn.Module):
    """Scores (items, classes), linear in how often each of `size` n-grams occurs in an item.

    The first `beginning` tokens of a text count `weight` times each.
    """

    def __init__(self, size: int, classes: int, padding: int, beginning: int = 0, weight: float = 1.0):
        super().__init__()
        self.size, self.padding, self.beginning, self.weight = size, padding, beginning, weight
        slots = 2 ** math.ceil(math.log2(SLOTS * size))
        self.register_buffer("rows", torch.full((slots,), size, dtype=torch.int32))  # `size` is none
        self.register_buffer("numbers", torch.full((size + 1,), -1, dtype=torch.int32))  # of the rows
        self.register_buffer("rarity", torch.zeros(size))  # inverse document frequency
        self.output = nn.Linear(size, classes).requires_grad_(False)

    def forward(self, input_ids: Tensor, members: Tensor | None = None) -> Tensor:
        """Of texts (texts, tokens); with `members` (items, texts) an item has those texts where it is 1."""
        vectors = torch.log1p(self.counts(input_ids, members)) * self.rarity
        return self.output(nn.functional.normalize(vectors))

    def counts(self, input_ids: Tensor, members: Tensor | None = None) -> Tensor:
        """How often each known n-gram occurs, float32 (items, size)."""
        numbers, weights = self._found(input_ids)
        rows = self.rows[_slots(numbers, len(self.rows))].long()
        rows = torch.where(self.numbers[rows] == numbers, rows, self.size)
        items = input_ids.shape[0] if members is None else members.shape[0]
        places = rows + (_owners(input_ids, members) * (self.size + 1)).unsqueeze(1)
        counts = torch.zeros(items * (self.size + 1), device=input_ids.device)
        counts = counts.scatter_add(0, places.flatten(), weights.flatten())
        return counts.reshape(items, self.size + 1)[:, : self.size]

    def fit(self, batches: Iterable[tuple[tuple[Tensor, ...], Tensor]], penalty: float) -> None:
        """Learn from items, in batches of the arguments of `counts` and targets float32 (items, classes)."""
        counted, wanted = [], []
        for inputs, targets in batches:
            counted.append(self._every_count(*inputs) + np.array([[sum(map(len, wanted))], [0], [0]]))
            wanted.append(targets.numpy())
        targets = np.concatenate(wanted)
        means = targets.mean(axis=0)
        items, numbers, counts = np.concatenate(counted, axis=1)
        names, columns = np.unique(numbers.astype(np.int64), return_inverse=True)
        found = np.bincount(columns)
        rarity = np.log((1 + len(targets)) / (1 + found)) + 1
        values = (np.log1p(counts) * rarity[columns]).astype(np.float32)
        every = csr_matrix((values, (items.astype(np.int64), columns)), shape=(len(targets), len(names)))
        worth = _worth(_normalized(every), targets - means)
        best = self._choose(names, np.where(found > 1, worth, 0))
        self.rarity[: len(best)] = torch.from_numpy(rarity[best]).float()
        weights = fit_ridge(_normalized(every[:, best]), targets - means, penalty)
        self.output.weight.zero_()
        self.output.weight[:, : len(best)] = torch.from_numpy(weights.T.copy())
        self.output.bias.copy_(torch.from_numpy(means))

    def _found(self, input_ids: Tensor) -> tuple[Tensor, Tensor]:
        """The number of each n-gram of each text, int64 below PRIME, and what it counts; padding 0."""
        words = (input_ids != self.padding).float()
        place = torch.arange(input_ids.shape[1], device=input_ids.device)
        weights = words * torch.where(place < self.beginning, self.weight, 1.0)
        pairs = input_ids[:, :-1] * PAIR + input_ids[:, 1:]
        numbers = torch.cat([input_ids, pairs], dim=1) % PRIME
        return numbers, torch.cat([weights, weights[:, :-1] * words[:, 1:]], dim=1)

    def _every_count(self, input_ids: Tensor, members: Tensor | None = None) -> np.ndarray:
        """Item, number and count of all n-grams there are, float64 (3, n-grams)."""
        numbers, weights = self._found(input_ids)
        keys = _owners(input_ids, members).unsqueeze(1) * 2**31 + numbers
        there = weights > 0
        keys, places = np.unique(keys[there].numpy(), return_inverse=True)
        return np.stack([keys >> 31, keys & PRIME, np.bincount(places, weights[there].numpy())])

    def _choose(self, names: np.ndarray, worth: np.ndarray) -> np.ndarray:
        """Give a row to the n-grams that are worth most, one in each slot; which they are, row by row."""
        best = np.argsort(-worth, kind="stable")[: np.count_nonzero(worth)]
        slots = _slots(names[best], len(self.rows))
        _, first = np.unique(slots, return_index=True)
        kept = np.sort(first)[: self.size]
        rows = np.full(len(self.rows), self.size)
        rows[slots[kept]] = np.arange(len(kept))
        self.rows.copy_(torch.from_numpy(rows))
        self.numbers.fill_(-1)
        self.numbers[: len(kept)] = torch.from_numpy(names[best[kept]]).int()
        return best[kept]


def _slots(numbers, slots: int):
    return numbers * MIX % PRIME % slots


def _owners(input_ids: Tensor, members: Tensor | None) -> Tensor:
    """The item of each text."""
    if members is None:
        return torch.arange(input_ids.shape[0], device=input_ids.device)
    return members.argmax(dim=0)


def _normalized(rows: csr_matrix) -> csr_matrix:
    """Each row with length 1; one of zeros stays as it is."""
    lengths = np.sqrt(rows.multiply(rows).sum(axis=1)).A1
    counts = np.diff(rows.indptr)
    values = rows.data / np.repeat(np.where(lengths, lengths, 1), counts).astype(np.float32)
    return csr_matrix((values, rows.indices, rows.indptr), shape=rows.shape)


def _worth(rows: csr_matrix, targets: np.ndarray) -> np.ndarray:
    """How much each column goes with the targets, float32 (columns,): its products with them, as a length."""
    across = rows.T.tocsr()
    parts = [across[first : first + COLUMNS] @ targets for first in range(0, across.shape[0], COLUMNS)]
    return np.linalg.norm(np.concatenate(parts), axis=1)
