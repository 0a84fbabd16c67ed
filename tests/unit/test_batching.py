"""Groups of texts of like length."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from garner.batching import by_length


@given(st.lists(st.integers(0, 60), max_size=80), st.integers(1, 200))
def test_every_text_is_in_one_group_and_no_group_of_several_is_too_large(lengths, maximum):
    groups = by_length(lengths, maximum)
    assert sorted(np.concatenate([[], *groups])) == list(range(len(lengths)))
    for group in groups:
        assert len(group) == 1 or len(group) * max(lengths[i] for i in group) <= maximum


@given(st.lists(st.integers(1, 60), min_size=1, max_size=80))
def test_the_longest_come_first_and_equal_ones_in_their_order(lengths):
    order = np.concatenate(by_length(lengths, 100)).tolist()
    assert order == sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
