"""Texts side by side as an encoder reads them: in training and in the shipped classifier alike.

Standard library and numpy alone, since the classifier imports it.
"""

from collections.abc import Sequence

import numpy as np


def pad_texts(texts: Sequence[np.ndarray], special: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """Input ids and attention mask, both int64 (texts, tokens of the longest).

    A text is given as it is stored: the id that begins one, then those of its tokens. `special["sep"]` is put
    behind each, and shorter ones are filled up with `special["pad"]`, where the mask is 0.
    """
    longest = max((len(text) for text in texts), default=0) + 1
    ids = np.full((len(texts), longest), special["pad"], dtype=np.int64)
    mask = np.zeros((len(texts), longest), dtype=np.int64)
    for row, text in enumerate(texts):
        ids[row, : len(text)] = text
        ids[row, len(text)] = special["sep"]
        mask[row, : len(text) + 1] = 1
    return ids, mask


def membership(posts: Sequence[int]) -> np.ndarray:
    """Which posts are whose, float32 (users, posts): the first `posts[0]` are the first user's, and so on."""
    users = np.repeat(np.arange(len(posts)), posts)
    return (users == np.arange(len(posts))[:, None]).astype(np.float32)
