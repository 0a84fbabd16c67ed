"""Scores of several labels a text against scikit-learn's, and where a label never occurs."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import f1_score, precision_recall_fscore_support

from garner.multilabel_metrics import precision_at, summary

LABELS = list("abcd")
SHAPES = st.tuples(st.integers(1, 30), st.just(len(LABELS)))


@st.composite
def answers(draw):
    shape = draw(SHAPES)
    probabilities = draw(arrays(np.float32, shape, elements=st.sampled_from(np.float32([0, 0.2, 0.5, 0.9]))))
    return probabilities, probabilities >= 0.5, draw(arrays(bool, shape))


@settings(deadline=None)
@given(answers())
def test_scores_are_those_of_scikit_learn(answers):
    _, decided, targets = answers
    found = summary(*answers, LABELS)
    assert found["micro_f1"] == pytest.approx(f1_score(targets, decided, average="micro", zero_division=0))
    assert found["sample_f1"] == pytest.approx(f1_score(targets, decided, average="samples", zero_division=1))
    for key, fewest in (("macro_f1", 1), ("macro_f1_frequent", 5)):
        chosen = np.flatnonzero(targets.sum(axis=0) >= fewest)
        mean = (
            f1_score(targets, decided, labels=chosen, average="macro", zero_division=0)
            if len(chosen)
            else None
        )
        assert found[key] == (None if mean is None else pytest.approx(mean))
    expected = precision_recall_fscore_support(targets, decided, average=None, zero_division=np.nan)
    for name, column in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        ours = [np.nan if scores[name] is None else scores[name] for scores in found["labels"].values()]
        assert ours == pytest.approx(list(column), nan_ok=True), name


@settings(deadline=None)
@given(answers())
def test_scores_are_json_between_0_and_1(answers):
    found = json.loads(json.dumps(summary(*answers, LABELS), allow_nan=False))
    assert found["samples"] == len(answers[0])
    assert all(0 <= value <= 1 for value in found["precision_at"].values())
    pairs = sum(row["count"] for row in found["calibration"]["bins"])
    assert pairs == answers[0].size


def test_precision_at_k_counts_the_most_probable_labels():
    probabilities = np.float32([[0.1, 0.9, 0.3, 0.2], [0.4, 0.1, 0.2, 0.3]])
    targets = np.array([[0, 1, 0, 1], [0, 1, 0, 0]], bool)
    assert precision_at(probabilities, targets, 1) == 0.5
    assert precision_at(probabilities, targets, 3) == pytest.approx((2 + 0) / 6)


def test_of_equally_probable_labels_the_earlier_one_is_taken():
    targets = np.array([[1, 0, 0, 0]], bool)
    assert precision_at(np.zeros((1, 4), np.float32), targets, 1) == 1


def test_fewer_labels_than_k_are_all_taken():
    assert precision_at(np.float32([[0.1, 0.2]]), np.array([[True, True]]), 5) == 1


def test_rare_labels_are_left_out_of_the_macro_f1_of_frequent_ones():
    targets = np.zeros((6, 2), bool)
    targets[:5, 0] = targets[5, 1] = True
    decided = np.zeros((6, 2), bool)
    decided[:, 0] = True
    found = summary(decided.astype(np.float32), decided, targets, ["frequent", "rare"])
    assert found["macro_f1_frequent"] == pytest.approx(10 / 11)
    assert found["macro_f1"] == pytest.approx(5 / 11)


def test_no_texts_have_no_scores():
    nothing = np.zeros((0, 2), bool)
    found = summary(nothing.astype(np.float32), nothing, nothing, ["a", "b"])
    assert (found["micro_f1"], found["macro_f1"], found["sample_f1"], found["samples"]) == (0, None, None, 0)
