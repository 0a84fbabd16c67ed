"""Thresholds are the best that the validation part allows, and rare labels don't fit its noise."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import accuracy_score, f1_score

from garner.decisions import KINDS, THRESHOLDS, choose_many, choose_one, decide


@st.composite
def answers(draw, labels=3):
    shape = (draw(st.integers(1, 25)), labels)
    return draw(arrays(np.float32, shape, elements=st.floats(0, 1, width=32))), draw(arrays(bool, shape))


def crowd(seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Four labels, of half the texts to a hundredth; the rarer, the lower the probabilities of its texts."""
    generator = np.random.default_rng(seed)
    shares = np.array([0.5, 0.2, 0.05, 0.01])
    targets = generator.random((2000, 4)) < shares
    surely = np.where(targets, 1.0, 0.25) * np.sqrt(shares)
    return (surely * (0.6 + 0.6 * generator.random((2000, 4)))).astype(np.float32), targets


@settings(deadline=None)
@given(answers())
def test_no_other_threshold_has_a_better_micro_f1(answers):
    probabilities, targets = answers
    found = f1_score(
        targets, decide(probabilities, choose_many(*answers, "global")), average="micro", zero_division=0
    )
    others = (
        f1_score(targets, probabilities >= t, average="micro", zero_division=0) for t in THRESHOLDS[::20]
    )
    assert found >= max(others) - 1e-12


@settings(deadline=None)
@given(answers(labels=1))
def test_no_other_threshold_is_right_more_often(answers):
    probabilities, targets = answers[0][:, 0], answers[1][:, 0]
    found = accuracy_score(targets, decide(probabilities, choose_one(probabilities, targets)))
    assert found >= max(accuracy_score(targets, probabilities >= t) for t in THRESHOLDS[::20])


@settings(deadline=None)
@given(answers(), st.sampled_from(KINDS))
def test_a_decision_is_the_same_after_json(answers, kind):
    decision = choose_many(*answers, kind)
    again = json.loads(json.dumps(decision, allow_nan=False))
    assert len(decision["thresholds"]) == 3
    assert (decide(answers[0], again) == decide(answers[0], decision)).all()


@settings(deadline=None)
@given(answers())
def test_a_threshold_a_label_is_never_worse_than_one_for_all(answers):
    probabilities, targets = answers
    shared, own = (decide(probabilities, choose_many(*answers, kind)) for kind in KINDS)
    scores = [f1_score(targets, decided, average="micro", zero_division=0) for decided in (shared, own)]
    assert scores[1] >= scores[0]


def test_rarer_labels_have_lower_thresholds():
    thresholds = choose_many(*crowd(), "per_label")["thresholds"]
    assert thresholds == sorted(thresholds, reverse=True)
    assert thresholds[0] > 3 * thresholds[-1]


def test_thresholds_by_rarity_find_more_on_texts_that_they_were_not_chosen_on():
    probabilities, targets = crowd(seed=2)
    shared, own = (decide(probabilities, choose_many(*crowd(seed=1), kind)) for kind in KINDS)
    scores = [f1_score(targets, decided, average="macro") for decided in (shared, own)]
    assert scores[1] > scores[0] + 0.1


def test_chance_texts_of_a_rare_label_do_not_move_its_threshold_alone():
    probabilities, targets = crowd()
    before = choose_many(probabilities, targets, "per_label")["thresholds"]
    probabilities[targets[:, 3], 3] = 0.9
    after = choose_many(probabilities, targets, "per_label")["thresholds"]
    assert after[3] < 2 * before[3]  # its own best would be far higher


@pytest.mark.parametrize("kind", KINDS)
def test_without_any_positive_the_threshold_is_one_half(kind):
    thresholds = choose_many(np.zeros((5, 2), np.float32), np.zeros((5, 2), bool), kind)["thresholds"]
    assert thresholds == [0.5, 0.5]


def test_of_equally_good_thresholds_the_middle_one_is_taken():
    probabilities = np.float32([0.1, 0.2, 0.8, 0.9])
    decision = choose_one(probabilities, np.array([False, False, True, True]))
    assert decision["thresholds"][0] == pytest.approx(0.5, abs=0.02)


def test_a_probability_equal_to_the_threshold_is_an_answer():
    assert decide(np.float32([[0.5, 0.49]]), {"thresholds": [0.5, 0.5]}).tolist() == [[True, False]]


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="global, per_label"):
        choose_many(np.zeros((1, 1)), np.zeros((1, 1), bool), "best")
