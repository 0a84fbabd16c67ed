"""Texts side by side."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from garner.models.text_rows import membership, pad_texts

SPECIAL = {"cls": 2, "sep": 3, "pad": 0}


@given(st.lists(st.lists(st.integers(5, 60000), max_size=20), max_size=6))
def test_each_text_stands_in_its_row_with_its_end_and_the_mask_says_how_far(texts):
    stored = [np.array([2, *text], dtype=np.uint16) for text in texts]
    ids, mask = pad_texts(stored, SPECIAL)
    assert ids.dtype == mask.dtype == np.int64
    assert ids.shape == mask.shape == (len(texts), max(map(len, stored), default=0) + 1)
    for text, row, there in zip(texts, ids.tolist(), mask.tolist(), strict=True):
        assert row == [2, *text, 3] + [0] * (len(row) - len(text) - 2)
        assert there == [1] * (len(text) + 2) + [0] * (len(row) - len(text) - 2)


def test_posts_belong_to_their_users_in_their_order():
    expected = [[1, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 1]]
    found = membership([2, 1, 2])
    assert found.dtype == np.float32
    assert found.tolist() == expected
