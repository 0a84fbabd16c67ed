import random
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from garner.near_duplicates import WORD, MinHash, families, originals, rows_in_band

THRESHOLD = 0.85


@pytest.fixture(scope="module")
def minhash():
    return MinHash(permutations=64, shingle=5)


def text_of(words: int, randomly: random.Random) -> str:
    return " ".join(f"w{randomly.randrange(10_000)}" for _ in range(words))


def edited(text: str, edits: int, randomly: random.Random) -> str:
    words = text.split()
    for place in randomly.sample(range(len(words)), edits):
        words[place] = "edited"
    return " ".join(words)


def resemblance(one: str, other: str) -> float:
    """The exact Jaccard resemblance of shingles of five words."""

    def shingles(text):
        words = re.findall(r"\w+", text)
        return {tuple(words[start : start + 5]) for start in range(len(words) - 4)}

    return len(shingles(one) & shingles(other)) / len(shingles(one) | shingles(other))


def agreement(one: np.ndarray, other: np.ndarray) -> float:
    return float((one == other).mean())


def test_agreement_of_signatures_estimates_the_exact_resemblance(minhash):
    randomly = random.Random(1)
    errors = []
    for edits in (0, 1, 3, 5, 10, 20, 40, 80) * 10:
        one = text_of(300, randomly)
        other = edited(one, edits, randomly)
        errors.append(agreement(minhash.signature(one), minhash.signature(other)) - resemblance(one, other))
    assert abs(np.mean(errors)) < 0.02  # no bias
    assert np.std(errors) < 0.07  # 0.0625 at worst for 64 permutations
    assert max(map(abs, errors)) < 0.25


def test_texts_that_differ_in_white_space_and_punctuation_have_one_signature(minhash):
    one = minhash.signature("if (cat.is_happy()) {\n    cat.purr();\n}")
    assert np.array_equal(one, minhash.signature("if cat . is_happy\tcat.purr"))
    assert not np.array_equal(one, minhash.signature("if (dog.is_happy()) {\n    dog.bark();\n}"))


def test_texts_shorter_than_a_shingle_are_compared_whole(minhash):
    assert agreement(minhash.signature("one two"), minhash.signature("one two")) == 1
    assert agreement(minhash.signature("one two"), minhash.signature("two one")) < 0.2
    assert minhash.signature("").shape == (64,)


def test_long_text_has_the_signature_of_the_minima_over_its_pieces(minhash):
    text = text_of(5_000, random.Random(2))
    words = text.split()
    pieces = [" ".join(words[start : start + 904]) for start in range(0, 4_996, 900)]
    expected = np.minimum.reduce([minhash.signature(piece) for piece in pieces])
    assert np.array_equal(minhash.signature(text), expected)


def test_signature_is_the_same_on_every_machine():
    signature = MinHash(4, 3).signature("the cat sat on the mat, naïvely")
    assert signature.tolist() == [144634142, 766197500, 519526059, 362730913]


def test_of_near_duplicates_the_first_is_kept(minhash):
    randomly = random.Random(3)
    texts = [text_of(200, randomly) for _ in range(50)]  # an edit changes 5 of 196 shingles
    copies = [edited(text, 1, randomly) for text in texts for _ in range(3)]
    signatures = np.stack([minhash.signature(text) for text in texts + copies])
    expected = [*range(50), *(number // 3 for number in range(150))]
    assert originals(signatures, THRESHOLD).tolist() == expected


def test_texts_that_share_a_licence_only_are_kept(minhash):
    randomly = random.Random(4)
    licence = text_of(150, randomly)
    texts = [licence + " " + text_of(100, randomly) for _ in range(100)]
    signatures = np.stack([minhash.signature(text) for text in texts])
    assert originals(signatures, THRESHOLD).tolist() == list(range(100))


@given(arrays(np.uint32, st.tuples(st.integers(0, 30), st.just(16)), elements=st.integers(0, 1)))
def test_every_dropped_text_resembles_a_kept_one_before_it(signatures):
    result = originals(signatures, 0.75)
    for text, original in enumerate(result):
        assert original <= text
        assert result[original] == original
        assert original == text or agreement(signatures[text], signatures[original]) >= 0.75


def test_no_two_kept_texts_resemble_one_another(minhash):
    randomly = random.Random(5)
    texts = [text_of(100, randomly)]
    for _ in range(300):  # a family in which each resembles some others
        texts.append(edited(randomly.choice(texts), randomly.randrange(1, 6), randomly))
    signatures = np.stack([minhash.signature(text) for text in texts])
    kept = np.flatnonzero(originals(signatures, THRESHOLD) == np.arange(len(texts)))
    assert 10 < len(kept) < 290
    closest = max(agreement(signatures[a], signatures[b]) for a in kept for b in kept if a < b)
    assert closest < THRESHOLD


def test_a_family_is_what_a_chain_of_near_duplicates_connects(minhash):
    randomly = random.Random(6)
    texts = []
    for _ in range(20):
        texts.append(text_of(200, randomly))
        texts += [edited(texts[-1], 1, randomly)]
        texts += [edited(texts[-1], 1, randomly)]
    order = randomly.sample(range(60), 60)
    signatures = np.stack([minhash.signature(texts[place]) for place in order])
    first = [min(at for at, other in enumerate(order) if other // 3 == place // 3) for place in order]
    assert families(signatures, THRESHOLD).tolist() == first


@given(arrays(np.uint32, st.tuples(st.integers(0, 30), st.just(16)), elements=st.integers(0, 1)))
def test_families_are_the_connected_pieces_of_the_pairs_that_resemble(signatures):
    threshold = 0.75  # at which bands of one row find every pair
    first = list(range(len(signatures)))
    for one in range(len(signatures)):
        for other in range(one):
            if agreement(signatures[one], signatures[other]) >= threshold:
                old, new = max(first[one], first[other]), min(first[one], first[other])
                first = [new if each == old else each for each in first]
    assert families(signatures, threshold).tolist() == first


def test_a_thousand_copies_are_one_family(minhash):
    signatures = np.tile(minhash.signature("the same"), (1000, 1))
    assert set(families(signatures, THRESHOLD)) == {0}


def test_words_of_another_script_count_where_they_are_asked_for():
    words = MinHash(64, 5, WORD)
    one, other = "один два три четыре пять шесть", "шесть пять четыре три два один"
    assert agreement(words.signature(one), words.signature(other)) < 0.3
    assert agreement(words.signature(one), words.signature("(один) два, три - четыре пять шесть!")) == 1


@pytest.mark.parametrize(
    ("permutations", "threshold"), [(64, 0.85), (64, 0.5), (128, 0.9), (16, 0.99), (8, 1.0)]
)
def test_bands_miss_hardly_any_pair_at_the_threshold(permutations, threshold):
    rows = rows_in_band(permutations, threshold)
    missed = (1 - threshold**rows) ** (permutations // rows)
    assert rows == 1 or missed <= 0.001
    assert 1 <= rows <= permutations
