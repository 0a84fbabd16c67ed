"""A linear model of the words themselves, beside the encoder: of single tokens and pairs of neighbours.

It knows those that tell most of the labels, and of each the labels that it tells most about. It is fitted in
closed form, so that it needs no epochs, and is made of operations that any runtime has. An n-gram is a number
and has its weights in one of two rows that the number is hashed to; the row says whose it is.
"""

from collections.abc import Iterable
from typing import TypeVar

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor, nn

from garner.ridge import fit_ridge

PRIME = 2**31 - 1
# Without a pattern; no product of two numbers below PRIME reaches 2^63. Pairs, and n-grams of a title, are
# moved away from the ids of single tokens.
PAIR, PAIRS, OWN, MIXES = 1103515245, 715827883, 982451653, (1640531527, 1181783497)
Numbers = TypeVar("Numbers", np.ndarray, Tensor)
NOBODY = -1  # in the place of the number of a row's n-gram
KEPT = 8  # labels of an n-gram: all 177 of a site were hardly better
COLUMNS = 2**14  # n-grams that are weighed together
CANDIDATES = 16  # n-grams for a row; the later ones find both of theirs taken


class Ngrams(nn.Module):
    """Scores (items, classes), linear in how often each of at most `size` n-grams occurs in an item.

    The first `beginning` tokens of a text count `weight` times each, which is 1 or more, and once more as
    n-grams of their own: a word says more in a title.
    """

    def __init__(self, size: int, classes: int, padding: int, beginning: int = 0, weight: float = 1.0):
        super().__init__()
        self.padding, self.beginning, self.weight = padding, beginning, weight
        kept = min(KEPT, classes)
        self.register_buffer("numbers", torch.full((size,), NOBODY, dtype=torch.int32))  # one a row
        self.register_buffer("rarity", torch.zeros(size, 1))  # inverse document frequency
        self.register_buffer("labels", torch.zeros(size, kept, dtype=_smallest(classes)))
        self.register_buffer("weights", torch.zeros(size, kept))  # of those labels
        self.register_buffer("bias", torch.zeros(classes))

    def forward(self, input_ids: Tensor, members: Tensor | None = None) -> Tensor:
        """Of texts (texts, tokens); with `members` (items, texts) an item has those texts where it is 1."""
        rows, amounts, places, counts = self._counted(input_ids, members)
        items, classes = counts.shape[0], len(self.bias)
        counts = counts.flatten()[places]  # of each occurrence's n-gram in its item
        shares = amounts / counts.clamp_min(1)  # all occurrences of an n-gram together are 1
        values = torch.log1p(counts) * self.rarity.index_select(0, rows)
        owners = places // len(self.numbers)
        squares = _sums(owners, shares * values**2, items)
        labels = owners * classes + self.labels.index_select(0, rows).long()
        found = _sums(labels, shares * values * self.weights.index_select(0, rows), items * classes)
        lengths = squares.clamp_min(1e-12).sqrt().unsqueeze(1)
        return found.reshape(items, classes) / lengths + self.bias

    def counts(self, input_ids: Tensor, members: Tensor | None = None) -> Tensor:
        """How often each row's n-gram occurs, float32 (items, size)."""
        return self._counted(input_ids, members)[-1]

    def _counted(self, input_ids: Tensor, members: Tensor | None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Row, amount (0 without a row) and place in the last of each occurrence of an n-gram; `counts`.

        (occurrences,), twice (occurrences, 1), and (items, size).
        """
        numbers, amounts = self._found(input_ids)
        size = len(self.numbers)
        first, second = (_hashed(numbers, mix, size) for mix in MIXES)
        rows = torch.where(self.numbers[first] == numbers, first, second)
        amounts = amounts * (self.numbers[rows] == numbers)
        places = rows + (_owners(input_ids, members) * size).unsqueeze(1)
        items = input_ids.shape[0] if members is None else members.shape[0]
        counts = _sums(places, amounts, items * size).reshape(items, size)
        # Flat, since onnxruntime (1.31) misreads rows of an int8 table of one column that it is to reshape.
        return rows.flatten(), amounts.reshape(-1, 1), places.reshape(-1, 1), counts

    def fit(self, batches: Iterable[tuple[tuple[Tensor, ...], Tensor]], penalty: float) -> None:
        """Learn from items, in batches of the arguments of `counts` and targets float32 (items, classes)."""
        counted, wanted = [], []
        for inputs, targets in batches:
            items, *rest = self._every_count(*inputs)
            counted.append((items + sum(map(len, wanted)), *rest))
            wanted.append(targets.numpy())
        targets = np.concatenate(wanted)
        means = targets.mean(axis=0)
        items, numbers, counts = (np.concatenate(parts) for parts in zip(*counted, strict=True))
        names, columns = np.unique(numbers, return_inverse=True)
        found = np.bincount(columns)
        rarity = np.log((1 + len(targets)) / (1 + found)) + 1
        values = (np.log1p(counts) * rarity[columns]).astype(np.float32)
        every = csr_matrix((values, (items, columns)), shape=(len(targets), len(names)))
        worth = np.where(found > 1, _worth(_normalized(every), targets - means), 0)
        chosen, rows = _choose(names, worth, len(self.numbers))
        weights = fit_ridge(_normalized(every[:, chosen]), targets - means, penalty)
        self._keep(rows, names[chosen], rarity[chosen], weights)
        self.bias.copy_(torch.from_numpy(means))

    def _keep(self, rows: np.ndarray, numbers: np.ndarray, rarity: np.ndarray, weights: np.ndarray) -> None:
        """Put n-grams into their `rows`, each with the largest of its weights (n-grams, classes)."""
        largest = np.argsort(-np.abs(weights), axis=1, kind="stable")[:, : self.labels.shape[1]]
        values = {
            "numbers": numbers,
            "rarity": rarity[:, None],
            "labels": largest,
            "weights": np.take_along_axis(weights, largest, axis=1),
        }
        for name, value in values.items():
            table = getattr(self, name)
            table.fill_(NOBODY if name == "numbers" else 0)
            table[torch.from_numpy(rows)] = torch.from_numpy(value).to(table)

    def _found(self, input_ids: Tensor) -> tuple[Tensor, Tensor]:
        """The number of each n-gram of each text, int64 below PRIME, and what it counts; padding 0."""
        words = (input_ids != self.padding).float()
        begins = torch.arange(input_ids.shape[1], device=input_ids.device) < self.beginning
        numbers = torch.cat([input_ids, input_ids[:, :-1] * PAIR + input_ids[:, 1:] + PAIRS], dim=1)
        amounts = _with_pairs(words * torch.where(begins, self.weight, 1.0), words)
        if self.beginning:
            numbers = torch.cat([numbers, numbers + OWN], dim=1)
            amounts = torch.cat([amounts, _with_pairs(words * begins, words)], dim=1)
        return numbers % PRIME, amounts

    def _every_count(self, input_ids: Tensor, members: Tensor | None = None) -> tuple[np.ndarray, ...]:
        """Item (int32), number (int64) and count (float32) of all n-grams there are, (n-grams,) each."""
        numbers, weights = self._found(input_ids)
        keys = _owners(input_ids, members).unsqueeze(1) * 2**31 + numbers
        there = weights > 0
        keys, places = np.unique(keys[there].numpy(), return_inverse=True)
        counts = np.bincount(places, weights[there].numpy())
        return (keys >> 31).astype(np.int32), keys & PRIME, counts.astype(np.float32)


def _with_pairs(amounts: Tensor, words: Tensor) -> Tensor:
    """What each token counts, and behind it each pair, which counts as its first token does; padding 0."""
    return torch.cat([amounts, amounts[:, :-1] * words[:, 1:]], dim=1)


def _choose(names: np.ndarray, worth: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Give rows to the n-grams that are worth most, each one of its two: which they are, and their rows."""
    best = np.argsort(-worth, kind="stable")[: min(np.count_nonzero(worth), CANDIDATES * size)]
    choices = np.stack([_hashed(names[best], mix, size) for mix in MIXES], axis=1)
    owners = np.full(size, NOBODY)
    for name, rows in zip(best, choices.tolist(), strict=True):
        for row in rows:
            if owners[row] == NOBODY:
                owners[row] = name
                break
    (rows,) = np.nonzero(owners != NOBODY)
    return owners[rows], rows


def _hashed(numbers: Numbers, mix: int, size: int) -> Numbers:
    """One of the two rows of each n-gram, by its number."""
    return numbers * mix % PRIME % size


def _smallest(classes: int) -> torch.dtype:
    """The type in which the number of any class takes the fewest bytes."""
    return next(
        kind for kind in (torch.uint8, torch.int16, torch.int32) if classes - 1 <= torch.iinfo(kind).max
    )


def _owners(input_ids: Tensor, members: Tensor | None) -> Tensor:
    """The item of each text."""
    if members is None:
        return torch.arange(input_ids.shape[0], device=input_ids.device)
    return members.argmax(dim=0)


def _sums(places: Tensor, values: Tensor, size: int) -> Tensor:
    """The sum of the `values` of each place below `size`."""
    return torch.zeros(size, device=values.device).scatter_add(0, places.flatten(), values.flatten())


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
