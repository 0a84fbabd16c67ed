"""Dividing groups over the parts of a split, so that each part gets its share of every label.

A group (a repository, a user, a question with its duplicates) lies wholly in one part. Both ways follow
Sechidis, Tsoumakas and Vlahavas, "On the Stratification of Multi-label Data" (2011), with groups in the place
of documents: groups of the scarcest labels come first, and each goes to the part that lacks it most.

`stratify` is for many groups that are alike, such as questions: each part gets its share of each label, as
nearly as can be, and the rarest labels are mostly in the largest part, where they are learnt.
`split_groups` is for few and lumpy groups, such as repositories: no part goes without a label, even if that
costs the largest part more than its share; several seeded orders are tried and the best division is kept.
"""

import hashlib
import heapq
from collections import Counter, defaultdict
from collections.abc import Mapping

GROUPS_WANTED = 2  # of each label in each part, where there are enough: one group alone is no sample
_WORK = 40_000  # groups placed in all tries together: many tries for few groups, one for very many
_TRIES = 100


def stratify(
    groups: Mapping[str, Mapping[str, int]], parts: Mapping[str, float], seed: int
) -> dict[str, str]:
    """The part of each group, from `groups` (name → label → number of documents) and `parts` (name → share).

    The same for the same groups, shares and seed, whatever the order in which they come. The iterative
    stratification of the paper, its algorithm 1: chance decides only between parts that lack equally much.
    """
    order = sorted(groups, key=lambda group: _hash(seed, group))
    with_label: dict[str, list[str]] = defaultdict(list)
    documents: Counter[str] = Counter()
    for group in order:
        documents.update(groups[group])
        for label in groups[group]:
            with_label[label].append(group)
    lacking = {
        part: Counter({label: share * documents[label] for label in documents})
        for part, share in parts.items()
    }
    room = {part: share * len(groups) for part, share in parts.items()}
    left = {label: len(found) for label, found in with_label.items()}
    scarcest = [(count, label) for label, count in left.items()]
    heapq.heapify(scarcest)
    part_of: dict[str, str] = {}

    def place(group: str, label: str | None) -> None:
        part = max(parts, key=lambda part: (lacking[part][label], room[part], _hash(seed, group, part)))
        part_of[group] = part
        room[part] -= 1
        for each, count in groups[group].items():
            lacking[part][each] -= count
            left[each] -= 1
            heapq.heappush(scarcest, (left[each], each))

    while scarcest:
        count, label = heapq.heappop(scarcest)
        if count == left[label]:  # else the entry was overtaken
            for group in with_label[label]:
                if group not in part_of:
                    place(group, label)
    for group in order:  # those without a label
        if group not in part_of:
            place(group, None)
    return part_of


def split_groups(
    groups: Mapping[str, Mapping[str, int]], parts: Mapping[str, float], seed: int
) -> dict[str, str]:
    """The part of each group, from `groups` (name → label → number of documents) and `parts` (name → share).

    The same for the same groups, shares and seed, whatever the order in which they come. A label in fewer
    groups than there are parts cannot be in all: `uncovered` tells.
    """
    tries = max(1, min(_TRIES, _WORK // max(len(groups), 1)))
    divisions = [_Division(groups, parts, seed, attempt) for attempt in range(tries)]
    return min(divisions, key=lambda division: division.lack()).part_of


def uncovered(
    groups: Mapping[str, Mapping[str, int]], part_of: Mapping[str, str], parts: Mapping[str, float]
) -> set[str]:
    """The labels that are missing in some part."""
    seen = {(label, part_of[group]) for group, labels in groups.items() for label in labels}
    return {label for label, _ in seen if any((label, part) not in seen for part in parts)}


class _Division:
    """One greedy division. What a part lacks of a label is measured in shares of what it should have:
    squared, once for documents and once for groups. What it has beyond that costs only what others lack.
    """

    def __init__(
        self, groups: Mapping[str, Mapping[str, int]], parts: Mapping[str, float], seed: int, attempt: int
    ):
        self.part_of: dict[str, str] = {}
        self._parts = sorted(parts, key=lambda part: (-parts[part], part))
        documents: Counter[str] = Counter()
        spread: Counter[str] = Counter()
        for labels in groups.values():
            documents.update(labels)
            spread.update(labels.keys())
        self._wanted = {
            (label, part): documents[label] * parts[part] for label in documents for part in parts
        }
        self._groups_wanted = {
            label: GROUPS_WANTED if count >= GROUPS_WANTED * len(parts) else 1
            for label, count in spread.items()
        }
        self._have: dict[tuple[str, str], int] = defaultdict(int)
        self._groups_have: dict[tuple[str, str], int] = defaultdict(int)

        def turn(group: str) -> tuple:
            return min((spread[label] for label in groups[group]), default=0), _hash(seed, attempt, group)

        for group in sorted(groups, key=turn):
            self._place(group, groups[group])

    def lack(self) -> float:
        """What all parts lack of all labels; 0 is a perfect division."""
        return sum(self._lack(label, part, 0, 0) for label, part in sorted(self._wanted))

    def _place(self, group: str, labels: Mapping[str, int]) -> None:
        part = min(
            self._parts,
            key=lambda part: sum(self._change(label, part, labels[label]) for label in sorted(labels)),
        )
        self.part_of[group] = part
        for label, count in labels.items():
            self._have[label, part] += count
            self._groups_have[label, part] += 1

    def _change(self, label: str, part: str, count: int) -> float:
        return self._lack(label, part, count, 1) - self._lack(label, part, 0, 0)

    def _lack(self, label: str, part: str, more: int, more_groups: int) -> float:
        documents = max(0.0, 1 - (self._have[label, part] + more) / self._wanted[label, part])
        groups = max(0.0, 1 - (self._groups_have[label, part] + more_groups) / self._groups_wanted[label])
        return documents**2 + groups**2


def _hash(*values: object) -> bytes:
    return hashlib.blake2b(repr(values).encode(), digest_size=16).digest()
