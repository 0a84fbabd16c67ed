"""The bag model against its definition."""

from pathlib import Path

import numpy as np
import pytest
import tiny_study
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from garner.errors import ConfigError, InputError
from garner.models import model_class
from garner.models.bag import Bag, token_shares
from garner.models.saved import load_model, save_model
from garner.models.token_counts import count_tokens, pad_counts
from garner.shards import ShardReader, ShardWriter

TEXTS = [[5, 3, 3, 9], [2, 2, 2, 2, 7, 1], [4]]


@pytest.fixture
def bag():
    torch.manual_seed(0)
    model = Bag(tiny_study.SETTINGS, vocabulary=10, classes=3).eval()
    model.observe(items(TEXTS))
    return model


def items(texts):
    return [(*count_tokens(np.array(ids, dtype=np.uint16)), 0) for ids in texts]


def embedded(model, texts):
    inputs, _ = model.collate(items(texts))
    return model.embed(*inputs)


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 60000), max_size=30), max_size=5))
def test_counts_are_those_of_the_tokens_and_padding_counts_nothing(texts):
    tokens, counts = pad_counts([count_tokens(np.array(ids, dtype=np.uint16)) for ids in texts])
    assert tokens.dtype == np.int64
    assert counts.dtype == np.float32
    for ids, row_tokens, row_counts in zip(texts, tokens, counts, strict=True):
        found = {int(token): int(count) for token, count in zip(row_tokens, row_counts, strict=True) if count}
        assert found == {token: ids.count(token) for token in ids}


def test_a_text_is_the_mean_of_its_normalised_tokens_weighted_by_the_root_of_their_counts(bag):
    weight = bag.embedding.weight.detach().double()
    every = torch.tensor([token for ids in TEXTS for token in ids])
    normalised = (weight - weight[every].mean(0)) / weight[every].std(0, correction=0)
    for ids, values in zip(TEXTS, embedded(bag, TEXTS).values, strict=True):
        tokens, counts = np.unique(ids, return_counts=True)
        shares = torch.from_numpy(np.sqrt(counts) / np.sqrt(counts).sum())
        torch.testing.assert_close(values.double(), shares @ normalised[tokens], rtol=1e-4, atol=1e-4)


def test_the_order_of_tokens_and_the_texts_beside_do_not_matter(bag):
    alone = embedded(bag, [TEXTS[0]]).values
    shuffled = embedded(bag, [TEXTS[0][::-1], list(range(10))]).values[:1]
    torch.testing.assert_close(alone, shuffled)


def test_tokens_are_dropped_in_training_alone(bag):
    assert torch.equal(embedded(bag, TEXTS).values, embedded(bag, TEXTS).values)
    bag.train()
    bag.token_dropout = 0.5
    assert not torch.equal(embedded(bag, TEXTS).values, embedded(bag, TEXTS).values)


def test_a_text_without_tokens_gives_numbers(bag):
    assert bag.classify(embedded(bag, [[], [3]]).values).isfinite().all()


def test_the_deployed_model_answers_as_the_trained_one(bag):
    inputs, _ = bag.collate(items(TEXTS))
    expected = bag.classify(bag.embed(*inputs).values).softmax(dim=1)
    torch.testing.assert_close(bag.deployed()(*inputs), expected)


def test_shares_add_up_to_one_whatever_the_padding():
    shares = token_shares(torch.tensor([[4.0, 1.0, 0.0], [9.0, 0.0, 0.0]]))
    torch.testing.assert_close(shares, torch.tensor([[2 / 3, 1 / 3, 0.0], [1.0, 0.0, 0.0]]))


def test_training_reaches_every_weight(bag):
    bag.train()
    bag.classify(embedded(bag, TEXTS).values).square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in bag.parameters())


def test_a_shard_is_read_as_counts_and_classes(tmp_path):
    assert _read(tmp_path, [[2], [0]]) == [([1, 5], [1, 2], 2), ([], [], 0)]


@pytest.mark.parametrize("labels", [[], [0, 1]])
def test_a_sample_without_exactly_one_label_is_refused_by_its_row(tmp_path, labels):
    with pytest.raises(InputError, match="sample 1 "):
        _read(tmp_path, [[0], labels])


def _read(folder: Path, labels):
    with ShardWriter(folder / "shards", np.uint16) as writer:
        for ids, classes in zip([[5, 1, 5], []], labels, strict=True):
            writer.append(np.array(ids, dtype=np.uint16), classes)
    with ShardReader(folder / "shards") as reader:
        found = Bag(tiny_study.SETTINGS, vocabulary=10, classes=3).read(reader)
    return [(tokens.tolist(), counts.tolist(), label) for tokens, counts, label in found]


def test_an_unknown_kind_of_model_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"no kind .bog.*bag"):
        model_class("bog")


def test_a_saved_model_comes_back_as_it_was(bag, tmp_path):
    save_model(tmp_path / "model", bag.state_dict(), _config())
    loaded, config = load_model(tmp_path / "model")
    assert config["labels"] == ["a", "b", "c"]
    assert not loaded.training
    torch.testing.assert_close(embedded(loaded, TEXTS), embedded(bag, TEXTS), rtol=0, atol=0)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
@pytest.mark.parametrize("content", [None, b"", b"{}"])
def test_a_model_folder_that_is_not_whole_is_refused_by_name(bag, tmp_path, name, content):
    save_model(tmp_path / "model", bag.state_dict(), _config())
    (tmp_path / "model" / name).unlink()
    if content is not None:
        (tmp_path / "model" / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        load_model(tmp_path / "model")


def _config():
    return {"kind": "bag", "settings": tiny_study.SETTINGS, "vocabulary": 10, "labels": ["a", "b", "c"]}
