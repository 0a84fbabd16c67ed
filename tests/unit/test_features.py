"""Vectors of texts, computed once and kept."""

import numpy as np
import pytest
import torch

from garner import batching
from garner.encoders import features
from garner.encoders.features import keep_only, key, vectors
from garner.errors import Interrupted

TEXTS = [np.arange(length) for length in (3, 9, 1, 7, 7, 2, 30, 5)]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(batching.by_length, "__defaults__", (20,))
    monkeypatch.setattr(features, "PART_SECONDS", 0)


class Encode:
    """A text's vector is its length and its sum; counts the texts that it is given."""

    def __init__(self):
        self.texts = 0

    def __call__(self, texts):
        self.texts += len(texts)
        return torch.tensor([[float(len(text)), float(text.sum())] for text in texts])


EXPECTED = torch.tensor([[float(len(text)), float(text.sum())] for text in TEXTS])


def test_vectors_come_in_the_order_of_their_texts(tmp_path):
    assert torch.equal(vectors(tmp_path / "a", TEXTS, Encode()), EXPECTED)


def test_what_is_kept_is_not_computed_again(tmp_path):
    vectors(tmp_path / "a", TEXTS, Encode())
    again = Encode()
    assert torch.equal(vectors(tmp_path / "a", TEXTS, again), EXPECTED)
    assert again.texts == 0


@pytest.mark.parametrize("calls", [1, 2, 3, 4])
def test_an_interrupted_computation_goes_on_where_it_stopped(tmp_path, monkeypatch, calls):
    first, rest = Encode(), Encode()
    with monkeypatch.context() as patch:
        patch.setattr(features, "stop_requested", iter([False] * (calls - 1) + [True]).__next__)
        with pytest.raises(Interrupted):
            vectors(tmp_path / "a", TEXTS, first)
    assert torch.equal(vectors(tmp_path / "a", TEXTS, rest), EXPECTED)
    assert first.texts + rest.texts == len(TEXTS)


@pytest.mark.parametrize("damage", [b"", b"half of it"])
def test_a_damaged_part_is_computed_again_with_those_after_it(tmp_path, damage):
    vectors(tmp_path / "a", TEXTS, Encode())
    parts = sorted((tmp_path / "a").iterdir())
    parts[1].write_bytes(damage)
    again = Encode()
    assert torch.equal(vectors(tmp_path / "a", TEXTS, again), EXPECTED)
    assert 0 < again.texts < len(TEXTS)


def test_a_part_that_was_being_written_is_no_part(tmp_path):
    vectors(tmp_path / "a", TEXTS, Encode())
    newest = max((tmp_path / "a").iterdir())
    newest.rename(newest.with_name(newest.name + ".part"))
    assert torch.equal(vectors(tmp_path / "a", TEXTS, Encode()), EXPECTED)
    assert not list((tmp_path / "a").glob("*.part"))


def test_vectors_of_another_encoder_are_removed(tmp_path):
    for name in "abc":
        vectors(tmp_path / name, TEXTS, Encode())
    keep_only(tmp_path / "b")
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_a_key_tells_apart_whatever_makes_the_vectors():
    special, identity = {"sep": 1, "pad": 0}, {"encoder": "abc"}
    texts = [np.array([2, 3]), np.array([4])]
    others = [
        key(texts[::-1], special, identity),
        key([np.array([2]), np.array([3, 4])], special, identity),
        key(texts, special | {"sep": 5}, identity),
        key(texts, special, identity | {"encoder": "abd"}),
    ]
    assert len({key(texts, special, identity), *others}) == 1 + len(others)
    assert key([text.astype(np.uint16) for text in texts], special, identity) == key(texts, special, identity)
