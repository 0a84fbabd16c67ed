"""Ridge regression on sparse rows, all targets at once."""

import numpy as np
from scipy.sparse import csr_matrix

STEPS = 200
TOLERANCE = 1e-3  # of the gradient's norm, as a share of what it is at first


def fit_ridge(rows: csr_matrix, targets: np.ndarray, penalty: float) -> np.ndarray:
    """W, float32 (columns, targets), that minimises ‖rows W − targets‖² + penalty ‖W‖².

    By conjugate gradients on the normal equations, each target with its own step (Hestenes and Stiefel 1952).
    """
    across = rows.T.tocsr()
    weights = np.zeros((rows.shape[1], targets.shape[1]), dtype=np.float32)
    residual = across @ targets.astype(np.float32)
    direction = residual.copy()
    size = _squares(residual)
    enough = TOLERANCE**2 * size
    for _ in range(STEPS):
        if (size <= enough).all():
            break
        ahead = across @ (rows @ direction) + penalty * direction
        step = size / np.maximum(_products(direction, ahead), np.finfo(np.float32).tiny)
        weights += step * direction
        residual -= step * ahead
        before, size = size, _squares(residual)
        direction = residual + size / np.maximum(before, np.finfo(np.float32).tiny) * direction
    return weights


def _squares(columns: np.ndarray) -> np.ndarray:
    return _products(columns, columns)


def _products(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The product of each column with its own, (columns,)."""
    # By einsum, whose sums no number of threads changes.
    return np.einsum("ij,ij->j", left, right)
