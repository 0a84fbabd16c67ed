"""The model of questions with tags."""

import pytest
import tiny_questions
import torch
from tiny_fine_tuning import LOSS, build, items_of, make, meta_of
from torch.nn.functional import normalize


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return make(tmp_path_factory.mktemp("study"), "multilabel")


@pytest.fixture(scope="module")
def meta(study):
    return meta_of(study)


def test_samples_are_read_with_all_their_labels(study, meta):
    model = build(study, "multilabel")
    items = items_of(study, model)
    documents = tiny_questions.documents("train", len(items))
    (ids, mask), targets = model.collate(items)
    assert ids.dtype == mask.dtype == torch.int64
    for row, document in zip(targets, documents, strict=True):
        found = {label for label, there in zip(meta["labels"], row, strict=True) if there}
        assert found == set(document.labels)
    assert (ids[:, 0] == meta["special"]["cls"]).all()
    assert [row[there > 0][-1] for row, there in zip(ids, mask, strict=True)] == [
        meta["special"]["sep"]
    ] * len(items)


def test_without_training_a_tag_has_its_share_where_its_name_is_as_near_as_ever(study):
    model = build(study, "multilabel")
    items = items_of(study, model)
    model.observe(items)
    shares = model.collate(items)[1].mean(dim=0)
    torch.testing.assert_close(torch.sigmoid(model.output.bias), shares, atol=0.01, rtol=0)


def test_a_tags_row_is_the_vector_of_its_name_and_its_scores_deviate_as_set(study):
    model = build(study, "multilabel", name_scale=0.7)
    items = items_of(study, model)
    with torch.no_grad():
        vectors = model.encoder(*model.collate(items)[0])
        model.begin_head(vectors)
        scores = model.head(vectors) - model.output.bias
    torch.testing.assert_close(scores.std(dim=0), torch.full((5,), 0.7))
    torch.testing.assert_close(scores.mean(dim=0), torch.zeros(5), atol=1e-4, rtol=0)
    torch.testing.assert_close(normalize(model.output.weight), model.names)


def test_without_names_the_rows_stay_random(study):
    model = build(study, "multilabel", name_scale=0.0)
    before = model.output.weight.clone()
    model.begin_head(torch.randn(20, model.encoder.size))
    assert torch.equal(model.output.weight, before)


@pytest.mark.parametrize("kind", ["binary_cross_entropy", "focal", "asymmetric"])
def test_the_loss_is_the_one_that_is_set_and_a_number_a_text(study, kind):
    model = build(study, "multilabel", loss=LOSS | {"kind": kind})
    logits, targets = torch.randn(3, 5), torch.tensor([[1.0, 0, 0, 0, 1]] * 3)
    losses = {
        name: build(study, "multilabel", loss=LOSS | {"kind": name}).loss(logits, targets)
        for name in ("binary_cross_entropy", "focal", "asymmetric")
    }
    assert model.loss(logits, targets).shape == (3,)
    assert [name for name in losses if torch.equal(losses[name], model.loss(logits, targets))] == [kind]


def test_what_is_blended_in_the_end_is_the_head_and_the_words_beside_the_highest_of_a_text(study):
    model = build(study, "multilabel")
    items = items_of(study, model)
    config = model.conclude(items, items)
    inputs, targets = model.collate(items)
    loss_of = torch.nn.functional.binary_cross_entropy_with_logits
    with torch.no_grad():
        blended = model.learned(*inputs) * model.blend[0] + model.ngrams(inputs[0]) * model.blend[1]
        blended += model.blend[2]
        highest = blended.max(dim=1, keepdim=True).values
        logits = blended * model.beside[0] + highest * model.beside[1] + model.beside[2]
        torch.testing.assert_close(model(*inputs), logits)
        torch.testing.assert_close(model.deployed()(*inputs), torch.sigmoid(model(*inputs)))
        assert loss_of(logits, targets) < loss_of(blended, targets)
    assert model.blend[1] > 0
    assert len(config["decision"]["thresholds"]) == 5


def test_without_ngrams_there_is_no_linear_model(study):
    model = build(study, "multilabel", ngrams={"size": 0, "penalty": 0.2})
    assert model.ngrams is None
    inputs, _ = model.collate(items_of(study, model)[:2])
    with torch.no_grad():
        torch.testing.assert_close(model(*inputs), model.learned(*inputs))


def test_the_texts_beside_do_not_matter(study):
    model = build(study, "multilabel")
    items = items_of(study, model)
    items.sort(key=lambda item: len(item[0]))
    together, _ = model.collate([items[0], items[-1]])
    alone, _ = model.collate(items[:1])
    with torch.no_grad():
        torch.testing.assert_close(model.deployed()(*together)[:1], model.deployed()(*alone))


def test_training_reaches_every_weight_of_encoder_and_head(study):
    model = build(study, "multilabel")
    inputs, targets = model.collate(items_of(study, model)[:8])
    model.loss(model.learned(*inputs), targets).sum().backward()
    still = {name for name, value in model.named_parameters() if value.grad is None or not value.grad.any()}
    assert not still


def test_lengths_are_those_that_the_encoder_reads(study):
    model = build(study, "multilabel", encoder_tokens=20)
    items = items_of(study, model)
    expected = [min(len(ids) + 1, 20) for ids, _ in items]
    lengths, texts = model.sizes(items)
    assert lengths.tolist() == expected
    assert texts.tolist() == [1] * len(items)


def test_label_attention_begins_as_the_mean_and_then_tells_tokens_apart(study):
    model, plain = build(study, "multilabel", pooling="label_attention"), build(study, "multilabel")
    items = items_of(study, model)[:6]
    inputs, _ = model.collate(items)
    with torch.no_grad():
        for each in (model, plain):
            each.begin_head(each.encoder(*inputs))
            each.observe(items)
        torch.testing.assert_close(model.learned(*inputs), plain.learned(*inputs), rtol=1e-4, atol=1e-4)
        model.attention.normal_()
        assert not torch.allclose(model.learned(*inputs), plain.learned(*inputs), atol=0.01)
        alone = torch.cat([model.learned(*model.collate([item])[0]) for item in items])
        torch.testing.assert_close(model.learned(*inputs), alone, rtol=1e-4, atol=1e-4)
