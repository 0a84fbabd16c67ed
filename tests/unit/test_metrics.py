"""Metrics against scikit-learn's, and where a class is missing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, precision_recall_fscore_support

from garner.metrics import balanced_accuracy, confusion_matrix, summary

ANSWERS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60)


@settings(deadline=None)
@given(ANSWERS)
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@pytest.mark.filterwarnings("ignore:A single label was found")
def test_scores_are_those_of_scikit_learn(answers):
    targets, predictions = zip(*answers, strict=True)
    found = summary(confusion_matrix(targets, predictions, 4), "abcd")
    expected = precision_recall_fscore_support(
        targets, predictions, labels=range(4), average=None, zero_division=np.nan
    )
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(targets, predictions))
    assert found["accuracy"] == pytest.approx(np.mean(np.equal(targets, predictions)))
    for name, column in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        ours = [np.nan if scores[name] is None else scores[name] for scores in found["classes"].values()]
        assert ours == pytest.approx(list(column), nan_ok=True), name


def test_confusion_matrix_has_a_row_a_true_class():
    matrix = confusion_matrix([0, 0, 1], [0, 1, 1], 3)
    assert matrix.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]


def test_a_class_that_never_occurs_does_not_lower_balanced_accuracy():
    assert balanced_accuracy(np.array([[4, 0, 0], [1, 1, 0], [0, 0, 0]])) == 0.75


def test_no_answers_score_nothing():
    found = summary(confusion_matrix([], [], 2), "ab")
    assert found["balanced_accuracy"] == 0
    assert found["accuracy"] is None


def test_an_answer_beyond_the_labels_counts_as_wrong():
    found = summary(np.array([[3, 0, 1], [0, 2, 0]]), ["a", "b"], ["a", "b", "unknown"])
    assert found["accuracy"] == pytest.approx(5 / 6)
    assert found["classes"]["a"] == {
        "precision": 1.0,
        "recall": 0.75,
        "f1": pytest.approx(6 / 7),
        "support": 4,
    }
    assert found["confusion"] == {
        "labels": ["a", "b"],
        "columns": ["a", "b", "unknown"],
        "counts": [[3, 0, 1], [0, 2, 0]],
    }
