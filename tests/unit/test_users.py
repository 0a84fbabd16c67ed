"""The model of users by their posts."""

import numpy as np
import pytest
import tiny_users
import torch
from tiny_fine_tuning import build, items_of, make, meta_of

from garner.errors import InputError
from garner.models.users import Attention, mean
from garner.shards import ShardReader, ShardWriter


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return make(tmp_path_factory.mktemp("study"), "users")


@pytest.fixture(scope="module")
def meta(study):
    return meta_of(study)


def test_a_user_is_read_with_all_posts_in_their_order(study, meta):
    items = items_of(study, build(study, "users"))
    documents = tiny_users.documents("train", len(items))
    posts = {}
    for document in documents:
        posts.setdefault(document.group, []).append(document)
    assert len(items) == len(posts)
    for (texts, label), given in zip(items, posts.values(), strict=True):
        assert len(texts) == min(len(given), tiny_users.SETTINGS["posts"])
        assert all(text[0] == meta["special"]["cls"] for text in texts)
        assert meta["labels"][label] == given[0].labels[0]


@pytest.mark.parametrize(("tokens", "labels"), [([], [0]), ([2, 9], []), ([2, 9], [0, 1])])
def test_a_sample_without_a_post_or_one_class_is_refused_by_its_row(study, meta, tmp_path, tokens, labels):
    meta = meta | {"special": {"cls": 2, "sep": 3, "pad": 0}}
    with ShardWriter(tmp_path / "shards", np.uint16, meta=meta) as writer:
        writer.append(np.array([2, 8], dtype=np.uint16), [1])
        writer.append(np.array(tokens, dtype=np.uint16), labels)
    with ShardReader(tmp_path / "shards") as reader, pytest.raises(InputError, match="sample 1 "):
        build(study, "users").read(reader)


@pytest.mark.parametrize("posts", ["mean", "attention"])
def test_users_side_by_side_are_answered_as_alone(study, posts):
    model = build(study, "users", posts=posts)
    items = items_of(study, model)[:6]
    model.conclude(items, items)
    with torch.no_grad():
        together = model.deployed()(*model.collate(items)[0])
        alone = torch.cat([model.deployed()(*model.collate([item])[0]) for item in items])
    assert together.shape == (6, 1)
    torch.testing.assert_close(together, alone)


def test_the_mean_weighs_all_posts_alike_and_attention_begins_as_it():
    vectors = torch.randn(5, 3)
    members = torch.tensor([[1.0, 1, 0, 0, 0], [0, 0, 1, 1, 1]])
    expected = torch.stack([vectors[:2].mean(dim=0), vectors[2:].mean(dim=0)])
    torch.testing.assert_close(mean(vectors, members), expected)
    torch.testing.assert_close(Attention(3)(vectors, members), expected)


def test_attention_follows_its_scores():
    pool = Attention(1)
    torch.nn.init.constant_(pool.score.weight, 50.0)
    found = pool(torch.tensor([[0.0], [1.0], [0.5]]), torch.tensor([[1.0, 1, 0], [0, 0, 1]]))
    torch.testing.assert_close(found, torch.tensor([[1.0], [0.5]]))


def test_vectors_are_standardised_by_the_training_part(study):
    model = build(study, "users")
    vectors = 3 + 2 * torch.randn(500, model.encoder.size)
    model.begin_head(vectors)
    standard = (vectors - model.center) / model.spread
    torch.testing.assert_close(standard.mean(dim=0), torch.zeros(model.encoder.size), atol=1e-4, rtol=0)
    torch.testing.assert_close(standard.std(dim=0), torch.ones(model.encoder.size))


def test_balanced_classes_weigh_the_same_together(study):
    model = build(study, "users", class_balance=True)
    items = items_of(study, model)
    model.observe(items)
    targets = model.collate(items)[1]
    losses = model.loss(torch.zeros(len(items), 1), targets)
    torch.testing.assert_close(losses[targets[:, 0] > 0].sum(), losses[targets[:, 0] == 0].sum())


def test_without_balance_the_answer_begins_as_the_classes_share(study):
    model = build(study, "users")
    items = items_of(study, model)
    model.observe(items)
    share = model.collate(items)[1].mean()
    torch.testing.assert_close(torch.sigmoid(model.output.bias)[0], share)


def test_a_training_part_of_one_class_is_refused_with_the_class(study):
    model = build(study, "users")
    young = [item for item in items_of(study, model) if item[1] == 0]
    with pytest.raises(InputError, match=r"21 or over.*age_cutoff"):
        model.observe(young)
