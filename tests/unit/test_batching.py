"""Groups of items of like length."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from garner.batching import by_length, of_least_cost

ITEM = st.tuples(st.integers(1, 60), st.integers(1, 4))
ITEMS = st.lists(ITEM, max_size=40)
WAYS = {"by length": by_length, "of least cost": lambda *sizes: of_least_cost(*sizes, overhead=10)}


def sizes(items):
    return tuple(np.array([item[part] for item in items], dtype=np.int64) for part in (0, 1))


def cost(groups, lengths, texts, overhead):
    return sum(lengths[group].max() * texts[group].sum() + overhead for group in groups)


@pytest.mark.parametrize("way", WAYS)
@settings(deadline=None)
@given(items=ITEMS, maximum=st.integers(1, 300))
def test_every_item_is_in_one_group_and_no_group_of_several_is_too_large(way, items, maximum):
    lengths, texts = sizes(items)
    groups = WAYS[way](lengths, texts, maximum)
    assert sorted(np.concatenate([[], *groups])) == list(range(len(items)))
    for group in groups:
        assert len(group) == 1 or lengths[group].max() * texts[group].sum() <= maximum


@pytest.mark.parametrize("way", WAYS)
@settings(deadline=None)
@given(items=ITEMS)
def test_the_longest_come_first_and_equal_ones_in_their_order(way, items):
    order = np.concatenate([[], *WAYS[way](*sizes(items), 100)]).tolist()
    assert order == sorted(range(len(items)), key=lambda i: (-items[i][0], i))


@settings(deadline=None)
@given(ITEMS)
def test_greedy_groups_are_as_full_as_can_be(items):
    lengths, texts = sizes(items)
    groups = by_length(lengths, texts, 100)
    for group, following in pairwise(groups):
        assert lengths[group[0]] * (texts[group].sum() + texts[following[0]]) > 100


@settings(deadline=None)
@given(items=st.lists(ITEM, min_size=1, max_size=7), overhead=st.integers(0, 100))
def test_no_other_division_costs_less(items, overhead):
    lengths, texts = sizes(items)
    order = np.argsort(-lengths, kind="stable")
    divisions = [
        np.split(order, cuts)
        for count in range(len(items))
        for cuts in combinations(range(1, len(items)), count)
    ]
    allowed = [
        groups
        for groups in divisions
        if all(len(group) == 1 or cost([group], lengths, texts, 0) <= 150 for group in groups)
    ]
    found = of_least_cost(lengths, texts, 150, overhead)
    assert cost(found, lengths, texts, overhead) == min(
        cost(groups, lengths, texts, overhead) for groups in allowed
    )
