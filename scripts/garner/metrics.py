"""How good predictions are, from the confusion matrix alone."""

from collections.abc import Sequence

import numpy as np


def confusion_matrix(targets: Sequence[int], predictions: Sequence[int], classes: int) -> np.ndarray:
    """Counts, int64 (classes, classes): a row a true class, a column a predicted one."""
    matrix = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(matrix, (np.asarray(targets, dtype=np.int64), np.asarray(predictions, dtype=np.int64)), 1)
    return matrix


def balanced_accuracy(matrix: np.ndarray) -> float:
    """Mean recall of the classes that occur; 0 if none does. `matrix` may be wider than high."""
    support = matrix.sum(axis=1)
    recall = np.diagonal(matrix)[support > 0] / support[support > 0]
    return float(recall.mean()) if len(recall) else 0.0


def summary(matrix: np.ndarray, labels: Sequence[str], columns: Sequence[str] = ()) -> dict:
    """Balanced accuracy, accuracy, and for each class precision, recall, F1 and support, as JSON.

    `columns` are what can be predicted, if more than `labels` (the matrix is then wider than high). A class
    that never occurs has recall null; one that is never predicted has precision null.
    """
    support, predicted = matrix.sum(axis=1), matrix.sum(axis=0)
    hits = np.diagonal(matrix)
    classes = {
        label: {
            "precision": _ratio(hits[i], predicted[i]),
            "recall": _ratio(hits[i], support[i]),
            "f1": _ratio(2 * hits[i], support[i] + predicted[i]),
            "support": int(support[i]),
        }
        for i, label in enumerate(labels)
    }
    return {
        "balanced_accuracy": balanced_accuracy(matrix),
        "accuracy": _ratio(hits.sum(), support.sum()),
        "samples": int(support.sum()),
        "classes": classes,
        "confusion": {"labels": list(labels), "columns": list(columns or labels), "counts": matrix.tolist()},
    }


def _ratio(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None
