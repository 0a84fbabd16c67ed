"""The linear model of n-grams against its definition."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch

from garner.models.ngrams import Ngrams

PAD = 0
TEXTS = [[2, 7, 8, 7, 3], [2, 9, 3], [2, 7, 8, 7, 8, 9, 3]]


def padded(texts):
    longest = max(map(len, texts))
    return torch.tensor([text + [PAD] * (longest - len(text)) for text in texts])


def taught(size=4096, texts=TEXTS, **settings) -> Ngrams:
    """One that has seen each text twice with a label, and as many others without."""
    ngrams = Ngrams(size, 2, PAD, **settings)
    others = [[900 + number] for number in range(2 * len(texts))]
    targets = torch.tensor([[1.0, 0.0]] * 2 * len(texts) + [[0.0, 0.0]] * len(others))
    ngrams.fit([((padded(texts * 2 + others),), targets)], 0.2)
    return ngrams


@pytest.fixture
def ngrams():
    return taught()


def test_every_token_and_every_pair_is_counted_and_padding_never(ngrams):
    for text, row in zip(TEXTS, ngrams.counts(padded(TEXTS)), strict=True):
        expected = Counter(text) + Counter(pairwise(text))
        assert sorted(row[row > 0].tolist()) == sorted(expected.values())


def test_the_texts_beside_and_their_padding_do_not_matter(ngrams):
    alone = ngrams.counts(padded(TEXTS[:1]))
    assert torch.equal(alone[0], ngrams.counts(padded(TEXTS))[0])


def test_the_beginning_counts_as_much_as_is_said():
    text = [2, 7, 8, 9, 3]
    counts = taught(texts=[text], beginning=2, weight=3.0).counts(padded([text]))
    of_their_own = [1, 1, 1, 1]
    assert sorted(counts[counts > 0].tolist()) == [*of_their_own, 1, 1, 1, 1, 1, 3, 3, 3, 3]


def test_counts_of_all_texts_of_an_item_come_together(ngrams):
    members = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    texts = ngrams.counts(padded(TEXTS))
    assert torch.equal(ngrams.counts(padded(TEXTS), members), torch.stack([texts[0] + texts[2], texts[1]]))


def test_ids_of_the_largest_vocabularies_do_not_overflow():
    text = [2**18 - 1, 2**18 - 2, 5]
    assert taught(texts=[text]).counts(padded([text])).sum() == 5


def test_what_it_does_not_know_is_not_counted_even_in_a_slot_that_is_taken(ngrams):
    counts = ngrams.counts(torch.arange(100, 10_100).reshape(1, -1))
    assert counts.sum() == 0


def test_it_knows_the_ngrams_that_go_with_the_labels_most():
    texts = [[2, 20 + number % 7, *word] for number in range(40) for word in ([10], [14])]
    ngrams = Ngrams(2, 2, PAD)
    ngrams.fit([((padded(texts),), torch.eye(2).repeat(40, 1))], 0.2)
    assert ngrams.counts(torch.tensor([[10, 2, 14, 2, 20]])).tolist() == [[1.0, 1.0]]
    assert ngrams.counts(torch.tensor([[2, 20, 21]])).tolist() == [[0.0, 0.0]]


def test_what_one_text_alone_has_is_not_learned():
    ngrams = Ngrams(64, 2, PAD)
    ngrams.fit([((padded(TEXTS),), torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]))], 0.2)
    assert ngrams.counts(torch.tensor([[9]])).sum() == 1
    assert ngrams.counts(torch.tensor([[2, 9]])).tolist()[0].count(1.0) == 2


def test_it_learns_which_words_go_with_which_class():
    ngrams = Ngrams(1024, 2, PAD)
    chance = np.random.default_rng(0)
    targets = chance.random((200, 2)) < 0.3
    texts = [
        [2, *chance.integers(30, 60, 10).tolist(), *([10] if a else []), *([11, 12] if b else [13]), 3]
        for a, b in targets
    ]
    wanted = torch.from_numpy(targets.astype(np.float32))
    parts = (slice(0, 150), slice(150, 200))
    ngrams.fit([((padded(texts[part]),), wanted[part]) for part in parts], 0.2)
    scores = ngrams(padded(texts))
    assert ((scores > 0.5).numpy() == targets).mean() > 0.99
    assert scores.mean(dim=0).tolist() == pytest.approx(targets.mean(axis=0).tolist(), abs=0.02)


@pytest.mark.parametrize("classes", [1, 5, 256, 300])
@pytest.mark.parametrize("beginning", [0, 3])
def test_scores_are_linear_in_the_normalised_counts_of_all_that_is_known(classes, beginning):
    chance = np.random.default_rng(classes)
    ngrams = Ngrams(512, classes, PAD, beginning, 3.0)
    texts = [[2, *chance.integers(5, 30, chance.integers(0, 12)).tolist(), 3] for _ in range(80)]
    ngrams.fit([((padded(texts),), torch.from_numpy(chance.random((80, classes)) < 0.3).float())], 0.2)
    assert ngrams.labels.max() == classes - 1
    members = torch.eye(40).repeat_interleave(2, dim=1)
    weights = torch.zeros(512, classes).scatter_(1, ngrams.labels.long(), ngrams.weights)
    for items in ((), (members,)):
        rows = torch.log1p(ngrams.counts(padded(texts), *items)) * ngrams.rarity.T
        expected = torch.nn.functional.normalize(rows) @ weights + ngrams.bias
        torch.testing.assert_close(ngrams(padded(texts), *items), expected)


def test_that_a_word_speaks_against_a_label_is_kept():
    texts = [[2, 10, 11, 3], [2, 11, 3]] * 20
    ngrams = Ngrams(64, 9, PAD)
    targets = torch.zeros(40, 9)
    targets[1::2, 4] = 1
    ngrams.fit([((padded(texts),), targets)], 0.2)
    scores = ngrams(padded(texts[:2]))[:, 4]
    assert scores[0] < 0.1
    assert scores[1] > 0.9


def test_a_word_that_training_never_saw_says_nothing(ngrams):
    unseen = torch.tensor([[50, 51]])
    torch.testing.assert_close(ngrams(unseen)[0], ngrams.bias)


def test_of_many_labels_an_ngram_tells_about_those_it_goes_with_most():
    texts = [[2, 10 + label, 3] for label in range(40) for _ in range(4)]
    ngrams = Ngrams(1024, 40, PAD)
    ngrams.fit([((padded(texts),), torch.eye(40).repeat_interleave(4, dim=0))], 0.2)
    assert ngrams(padded(texts)).argmax(dim=1).tolist() == [label for label in range(40) for _ in range(4)]
    assert ngrams.weights.shape == (1024, 8)


def test_a_full_table_keeps_what_is_worth_most():
    words = range(100, 160)
    texts = [[2, word, 3] for word in words for _ in range(3)] + [[2, 50, 3]] * 60
    targets = torch.tensor([[0.0]] * 180 + [[1.0]] * 60)
    ngrams = Ngrams(16, 1, PAD)
    ngrams.fit([((padded(texts),), targets)], 0.2)
    assert (ngrams.numbers >= 0).sum() == 16
    assert ngrams.counts(padded([[50]])).sum() == 1
    assert ngrams(padded([[2, 50, 3]])) > 0.9
