"""From probabilities to answers: thresholds, chosen on the validation part, applied wherever a model answers.

A *decision* is JSON: {"kind": how it was chosen, "thresholds": a number a label}. A label is an answer where
its probability is at least its threshold.
"""

from typing import Any

import numpy as np

KINDS = ("global", "per_label")  # of choose_many
STEPS = 20  # of a threshold's log-odds, from one whole number to the next: so few do not fit noise
THRESHOLDS = np.round(1 / (1 + np.exp(-np.arange(-7 * STEPS, 7 * STEPS + 1) / STEPS)), 6)
SLOPES = np.arange(21) / 20  # of a threshold's log-odds over the logarithm of its label's share of the texts


# For the calibrated probability of the second of two classes. The threshold that is right most often on the
# validation part fits its noise: chosen on 488 users, it was right for 0.4% fewer of 489 others (400 splits).
EVEN: dict[str, Any] = {"kind": "even", "thresholds": [0.5]}


def choose_many(probabilities: np.ndarray, targets: np.ndarray, kind: str) -> dict[str, Any]:
    """The decision with the best micro-F1 on the validation part, from float and bool (texts, labels).

    `kind` "global": the same threshold for all labels. "per_label": the rarer a label, the lower its own, on
    a line in log-odds whose height and slope are chosen (a free threshold a label would fit the noise of
    its few positives). Of equally good heights the middle one, of slopes the smallest; 0.5 if no label has
    a positive. Raises ValueError for another kind.
    """
    if kind not in KINDS:
        raise ValueError(f"a decision is one of {', '.join(KINDS)}, not {kind!r}")
    decided, hits = _counts(probabilities, targets)
    support = targets.sum(axis=0)
    share = np.log((support + 1) / (len(targets) + 2))
    best, chosen = -1.0, None
    for slope in SLOPES if kind == "per_label" else SLOPES[:1]:
        offsets = np.rint(STEPS * slope * (share - share.mean())).astype(int)
        thresholds = np.clip(np.arange(len(THRESHOLDS)) + offsets[:, None], 0, len(THRESHOLDS) - 1)
        found, right = (
            np.take_along_axis(counts, thresholds, axis=1).sum(axis=0) for counts in (decided, hits)
        )
        f1 = 2 * right / np.maximum(found + support.sum(), 1)
        if f1.max() > best:
            best, chosen = f1.max(), thresholds[:, _middle_of_best(f1)]
    return {"kind": kind, "thresholds": THRESHOLDS[chosen].tolist()}


def choose_one(probabilities: np.ndarray, targets: np.ndarray) -> dict[str, Any]:
    """The decision that is right most often, from float and bool (samples,); of probabilities not calibrated.

    Of equally good thresholds the middle one.
    """
    decided, hits = _counts(probabilities.reshape(-1, 1), targets.reshape(-1, 1))
    right = 2 * hits[0] - decided[0]  # and as many more as there are negatives, at any threshold
    return {"kind": "accuracy", "thresholds": [float(THRESHOLDS[_middle_of_best(right)])]}


def decide(probabilities: np.ndarray, decision: dict[str, Any]) -> np.ndarray:
    """Bool in the shape of `probabilities`: (texts, labels), or (samples,) where there is one threshold."""
    return probabilities >= np.array(decision["thresholds"])


def _counts(probabilities: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many texts each threshold gives each label, and how many of them rightly: (labels, THRESHOLDS)."""
    steps = np.searchsorted(THRESHOLDS, probabilities, side="right")  # thresholds that are reached

    def at_each_threshold(reached: np.ndarray) -> np.ndarray:
        counts = np.bincount(reached, minlength=len(THRESHOLDS) + 1)
        return counts[::-1].cumsum()[-2::-1]

    columns = range(probabilities.shape[1])
    decided = [at_each_threshold(steps[:, i]) for i in columns]
    hits = [at_each_threshold(steps[targets[:, i], i]) for i in columns]
    return np.array(decided), np.array(hits)


def _middle_of_best(scores: np.ndarray) -> int:
    best = np.flatnonzero(scores == scores.max())
    return int(best[len(best) // 2])
