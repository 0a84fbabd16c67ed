"""Texts as token counts: what the bag model is fed, in training and in the shipped classifier alike.

Standard library and numpy alone, since the classifier imports it.
"""

from collections.abc import Sequence

import numpy as np


def count_tokens(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct ids of a text, ascending, in their own dtype, and how often each occurs (uint16)."""
    tokens, counts = np.unique(ids, return_counts=True)
    return tokens, np.minimum(counts, np.iinfo(np.uint16).max).astype(np.uint16)


def pad_counts(items: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Token counts of several texts side by side: tokens int64 and counts float32, both (texts, most tokens).

    A shorter text is filled up with token 0, counted 0 times.
    """
    longest = max((len(tokens) for tokens, _ in items), default=0)
    all_tokens = np.zeros((len(items), longest), dtype=np.int64)
    all_counts = np.zeros((len(items), longest), dtype=np.float32)
    for row, (tokens, counts) in enumerate(items):
        all_tokens[row, : len(tokens)] = tokens
        all_counts[row, : len(counts)] = counts
    return all_tokens, all_counts
