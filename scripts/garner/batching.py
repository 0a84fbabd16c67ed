"""Texts in groups of like length, so that little is spent on padding."""

from collections.abc import Sequence

import numpy as np


def by_length(lengths: Sequence[int] | np.ndarray, maximum: int) -> list[np.ndarray]:
    """The numbers of the texts, longest first, in groups of at most `maximum` tokens, padding included.

    A text that is longer than `maximum` is a group of its own. Texts of equal length keep their order.
    """
    lengths = np.asarray(lengths)
    order = np.argsort(-lengths, kind="stable")
    groups, first = [], 0
    while first < len(order):
        count = max(1, maximum // max(int(lengths[order[first]]), 1))
        groups.append(order[first : first + count])
        first += count
    return groups
