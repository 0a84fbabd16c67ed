"""How good probabilities of a yes and the answers made from them are."""

from collections.abc import Sequence

import numpy as np

from garner import metrics

BINS = 10  # of equal width, as in Guo et al. 2017, https://arxiv.org/abs/1706.04599
CURVE_POINTS = 201  # most of a ROC curve that are kept


def summary(
    probabilities: np.ndarray, decided: np.ndarray, targets: np.ndarray, labels: Sequence[str]
) -> dict:
    """As JSON, what `metrics.summary` gives, and F1, the ROC curve and the calibration of the second label.

    `probabilities` float (n,) are those of the second of the two `labels`; `decided` and `targets` are bool
    (n,), true for it. `f1`, `roc_auc` and `roc` are null where they have no meaning.
    """
    matrix = metrics.confusion_matrix(targets, decided, 2)
    found = metrics.summary(matrix, labels)
    return found | {
        "f1": found["classes"][labels[1]]["f1"],
        "roc_auc": roc_auc(probabilities, targets),
        "roc": roc_curve(probabilities, targets),
        "calibration": calibration(probabilities, targets),
    }


def roc_auc(probabilities: np.ndarray, targets: np.ndarray) -> float | None:
    """How often a yes is more probable than a no, equals counting half; None unless there are both."""
    if not _has_both(targets):
        return None
    hits, alarms = _roc_counts(probabilities, targets)
    return float(np.trapezoid(hits, alarms) / (hits[-1] * alarms[-1]))


def roc_curve(probabilities: np.ndarray, targets: np.ndarray) -> dict[str, list[float]] | None:
    """Both rates at falling thresholds, from (0, 0) to (1, 1), thinned to CURVE_POINTS; None without both."""
    if not _has_both(targets):
        return None
    hits, alarms = _roc_counts(probabilities, targets)
    kept = np.unique(np.linspace(0, len(hits) - 1, CURVE_POINTS).round().astype(int))
    return {
        "true_positive_rate": (hits[kept] / hits[-1]).tolist(),
        "false_positive_rate": (alarms[kept] / alarms[-1]).tolist(),
    }


def calibration(probabilities: np.ndarray, targets: np.ndarray) -> dict:
    """Whether of all that is 30% probable 30% are true, as JSON.

    Of any shape, each element an event: `brier`, the mean squared error; `bins` of equal width with `count`,
    `positives` and the mean `probability` (null in an empty one); `ece`, the mean distance of a bin's mean
    probability from its share of positives, weighted by count. Null without an event.
    """
    probability, happened = np.ravel(probabilities).astype(np.float64), np.ravel(targets)
    bins = np.minimum((probability * BINS).astype(int), BINS - 1)
    count = np.bincount(bins, minlength=BINS)
    positives = np.bincount(bins[happened], minlength=BINS)
    sums = np.bincount(bins, weights=probability, minlength=BINS)
    events = count.sum()
    rows = zip(count.tolist(), positives.tolist(), sums.tolist(), strict=True)
    return {
        "ece": float(np.abs(sums - positives).sum() / events) if events else None,
        "brier": float(np.mean((probability - happened) ** 2)) if events else None,
        "bins": [
            {"count": n, "positives": k, "probability": total / n if n else None} for n, k, total in rows
        ],
    }


def _roc_counts(probabilities: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """True and false positives at each distinct probability, from the highest down, after (0, 0)."""
    order = np.argsort(-probabilities, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(probabilities[order])), len(order) - 1)
    counts = (np.cumsum(mask[order])[ends] for mask in (targets, ~targets))
    hits, alarms = (np.concatenate([[0], count]) for count in counts)
    return hits, alarms


def _has_both(targets: np.ndarray) -> bool:
    return bool(targets.any() and not targets.all())
