"""Ridge regression against its closed form."""

import numpy as np
import pytest
from scipy.sparse import random_array

from garner.ridge import fit_ridge


@pytest.mark.parametrize("shape", [(40, 12), (12, 40), (30, 30)])
@pytest.mark.parametrize("penalty", [0.2, 2.0])
def test_it_is_the_minimum(shape, penalty):
    chance = np.random.default_rng(0)
    rows = random_array(shape, density=0.4, rng=chance, dtype=np.float32, format="csr")
    targets = chance.random((shape[0], 3), dtype=np.float32)
    dense = rows.toarray().astype(np.float64)
    expected = np.linalg.solve(dense.T @ dense + penalty * np.eye(shape[1]), dense.T @ targets)
    np.testing.assert_allclose(fit_ridge(rows, targets, penalty), expected, atol=0.01)


def test_a_target_that_is_all_zeros_and_a_column_that_is_never_there_get_no_weight():
    rows = random_array((10, 4), density=0.5, rng=np.random.default_rng(0), dtype=np.float32, format="lil")
    rows[:, 2] = 0
    targets = np.stack([np.zeros(10), np.arange(10)], axis=1).astype(np.float32)
    weights = fit_ridge(rows.tocsr(), targets, 0.1)
    assert (weights[:, 0] == 0).all()
    assert (weights[2] == 0).all()
    assert weights[:, 1].any()
