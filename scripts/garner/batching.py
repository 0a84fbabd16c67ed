"""Items in groups of like length, so that little is spent on padding.

An item is of one text or of several, each of which is padded to the longest in the group. `lengths` are those
of each item's longest text in tokens, `texts` says how many it has; both int64 (items,).
"""

import numpy as np

TOGETHER = 8192  # tokens, padding included, that are a good load for a computation without gradients


def by_length(lengths: np.ndarray, texts: np.ndarray, maximum: int = TOGETHER) -> list[np.ndarray]:
    """The numbers of the items, longest first, in groups of at most `maximum` tokens, padding included.

    An item that is larger is a group of its own. Items of equal length keep their order. Quick for any number
    of items; of thousands next to nothing is padding.
    """
    order = np.argsort(-lengths, kind="stable")
    groups, first, size = [], 0, 0
    for place, number in enumerate(order):
        size += int(texts[number])
        if place > first and size * lengths[order[first]] > maximum:
            groups.append(order[first:place])
            first, size = place, int(texts[number])
    return [*groups, order[first:]] if len(order) else []


def of_least_cost(lengths: np.ndarray, texts: np.ndarray, maximum: int, overhead: int) -> list[np.ndarray]:
    """As `by_length`, in the groups that cost the least: tokens, padding included, and `overhead` a group.

    By dynamic programming in O(n²), for the few items of a step, of which greedy groups pad a third.
    """
    order = np.argsort(-lengths, kind="stable")
    longest, ends = lengths[order], np.concatenate([[0], np.cumsum(texts[order])])
    cost, cut = [0.0], [0]
    for end in range(1, len(order) + 1):
        best = np.inf
        for begin in range(end - 1, -1, -1):
            size = int(longest[begin] * (ends[end] - ends[begin]))
            if size > maximum and end - begin > 1:
                break
            if cost[begin] + size + overhead < best:
                best, first = cost[begin] + size + overhead, begin
        cost.append(best)
        cut.append(first)
    groups, end = [], len(order)
    while end:
        groups.append(order[cut[end] : end])
        end = cut[end]
    return groups[::-1]
