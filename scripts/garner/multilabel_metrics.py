"""How good probabilities of several labels a text, and the labels chosen by them, are."""

from collections.abc import Sequence

import numpy as np

from garner.binary_metrics import calibration

FREQUENT = 5  # positives from which a label counts in macro_f1_frequent
AT = (1, 3, 5)


def summary(
    probabilities: np.ndarray, decided: np.ndarray, targets: np.ndarray, labels: Sequence[str]
) -> dict:
    """Scores as JSON, from probabilities float (n, L) and what is `decided` and true, bool (n, L).

    `micro_f1` is over all pairs of text and label, `macro_f1` the mean of the F1 of those labels that occur
    in `targets`, `macro_f1_frequent` of those that occur FREQUENT times or more (both null if none does),
    `sample_f1` the mean over texts. `labels` holds precision, recall, F1 and support of each: null where a
    label never occurs (recall), is never decided (precision), or neither (F1).
    """
    hits, decisions, support = (mask.sum(axis=0) for mask in (decided & targets, decided, targets))
    f1 = _f1(hits, decisions, support)
    return {
        "micro_f1": micro_f1(decided, targets),
        "macro_f1": _mean(f1[support > 0]),
        "macro_f1_frequent": _mean(f1[support >= FREQUENT]),
        "sample_f1": sample_f1(decided, targets),
        "precision_at": {str(k): precision_at(probabilities, targets, k) for k in AT},
        "calibration": calibration(probabilities, targets),
        "samples": len(targets),
        "labels": {
            label: {
                "precision": _ratio(hits[i], decisions[i]),
                "recall": _ratio(hits[i], support[i]),
                "f1": _ratio(2 * hits[i], support[i] + decisions[i]),
                "support": int(support[i]),
            }
            for i, label in enumerate(labels)
        },
    }


def micro_f1(decided: np.ndarray, targets: np.ndarray) -> float:
    """2 TP / (2 TP + FP + FN) over all pairs of text and label; 0 where nothing is true or decided."""
    return float(_f1((decided & targets).sum(), decided.sum(), targets.sum()))


def sample_f1(decided: np.ndarray, targets: np.ndarray) -> float | None:
    """Mean F1 of the texts; a text without labels for which none is decided has 1. None without texts."""
    hits, decisions, support = (mask.sum(axis=1) for mask in (decided & targets, decided, targets))
    return _mean(np.where(decisions + support, _f1(hits, decisions, support), 1.0))


def precision_at(probabilities: np.ndarray, targets: np.ndarray, k: int) -> float | None:
    """Mean share of true ones among a text's k most probable labels; of equals the earlier label first.

    All labels are taken where there are fewer than k. None without texts.
    """
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return _mean(np.take_along_axis(targets, best, axis=1).ravel())


def _f1(hits: np.ndarray, decisions: np.ndarray, support: np.ndarray) -> np.ndarray:
    return 2 * hits / np.maximum(decisions + support, 1)


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None


def _ratio(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None
