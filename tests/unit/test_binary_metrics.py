"""Scores of a yes or no against scikit-learn's, and where a class is missing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, f1_score, roc_auc_score, roc_curve

from garner.binary_metrics import CURVE_POINTS, calibration, summary

LABELS = ["under 21", "21 or over"]
ANSWERS = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.8, 1.0]), st.booleans()), max_size=50)


def scores(answers) -> dict:
    probabilities = np.array([probability for probability, _ in answers], np.float32)
    targets = np.array([target for _, target in answers], bool)
    return summary(probabilities, probabilities >= 0.5, targets, LABELS)


@settings(deadline=None)
@given(ANSWERS.filter(lambda answers: {target for _, target in answers} == {True, False}))
def test_scores_are_those_of_scikit_learn(answers):
    probabilities, targets = map(np.array, zip(*answers, strict=True))
    found = scores(answers)
    assert found["f1"] == pytest.approx(f1_score(targets, probabilities >= 0.5))
    assert found["roc_auc"] == pytest.approx(roc_auc_score(targets, probabilities))
    assert found["calibration"]["brier"] == pytest.approx(brier_score_loss(targets, probabilities), abs=1e-6)
    false, true, _ = roc_curve(targets, probabilities, drop_intermediate=False)
    assert found["roc"]["false_positive_rate"] == pytest.approx(false)
    assert found["roc"]["true_positive_rate"] == pytest.approx(true)


@given(ANSWERS.filter(lambda answers: len({target for _, target in answers}) < 2))
def test_without_both_classes_there_is_no_roc_curve(answers):
    found = scores(answers)
    assert (found["roc_auc"], found["roc"]) == (None, None)
    assert found["samples"] == len(answers)


@given(ANSWERS)
def test_every_event_is_in_one_bin(answers):
    found = scores(answers)["calibration"]["bins"]
    assert sum(row["count"] for row in found) == len(answers)
    assert sum(row["positives"] for row in found) == sum(target for _, target in answers)


def test_probabilities_that_come_true_are_calibrated():
    found = calibration(np.array([0.25] * 4 + [0.75] * 4), np.array([1, 0, 0, 0, 1, 1, 1, 0], bool))
    assert found["ece"] == 0
    assert found["bins"][2] == {"count": 4, "positives": 1, "probability": 0.25}
    assert found["bins"][0] == {"count": 0, "positives": 0, "probability": None}


def test_calibration_error_is_the_mean_distance_from_the_share_that_came_true():
    found = calibration(np.array([[0.9, 0.9], [0.9, 0.1]]), np.array([[True, True], [False, False]]))
    assert found["ece"] == pytest.approx((3 * (0.9 - 2 / 3) + 0.1) / 4)


def test_a_long_roc_curve_is_thinned_between_its_ends():
    generator = np.random.default_rng(1)
    targets = generator.random(5000) < 0.4
    probabilities = generator.random(5000) * 0.5 + 0.5 * targets * generator.random(5000)
    roc = summary(probabilities, probabilities > 0.5, targets, LABELS)["roc"]
    assert len(roc["true_positive_rate"]) == len(roc["false_positive_rate"]) == CURVE_POINTS
    assert (roc["true_positive_rate"][0], roc["false_positive_rate"][0]) == (0, 0)
    assert (roc["true_positive_rate"][-1], roc["false_positive_rate"][-1]) == (1, 1)
