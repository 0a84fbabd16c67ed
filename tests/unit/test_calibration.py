"""Calibration: the weights that made the answers come back."""

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from garner.calibration import fit


@pytest.mark.parametrize("truth", [(2.0, -1.0), (0.3, 0.5), (1.0, 0.0)])
def test_scale_and_bias_of_the_logits_come_back(truth):
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(20_000, 5, generator=generator)
    targets = torch.bernoulli(torch.sigmoid(truth[0] * logits + truth[1]), generator=generator)
    found = fit(logits.unsqueeze(-1), targets, torch.tensor([1.0, 0.0]))
    torch.testing.assert_close(found, torch.tensor(truth), atol=0.05, rtol=0)


def test_of_two_scores_the_one_that_tells_nothing_gets_no_weight():
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(20_000, 1, 2, generator=generator)
    targets = torch.bernoulli(torch.sigmoid(1.5 * scores[..., 0]), generator=generator)
    found = fit(scores, targets, torch.tensor([1.0, 0.0, 0.0]))
    torch.testing.assert_close(found, torch.tensor([1.5, 0.0, 0.0]), atol=0.08, rtol=0)


def test_of_few_items_too_the_better_score_counts_most_however_small_its_unit():
    generator = torch.Generator().manual_seed(0)
    targets = (torch.arange(60) % 2).float()
    better, worse = (targets + noise * torch.randn(60, generator=generator) for noise in (0.3, 1.5))
    scores = torch.stack([worse, 0.01 * better], dim=1)
    weights = fit(scores, targets, torch.tensor([1.0, 0.0, 0.0]))
    assert 0.01 * weights[1] > 3 * weights[0]


@pytest.mark.parametrize("size", [1e-3, 1.0, 100.0, 1e4])
def test_answers_that_are_all_right_or_all_the_same_give_finite_weights(size):
    logits = size * torch.tensor([-2.0, -1.0, 1.0, 2.0])
    for targets in (torch.tensor([0.0, 0.0, 1.0, 1.0]), torch.zeros(4)):
        scale, bias = fit(logits.unsqueeze(-1), targets, torch.tensor([1.0, 0.0]))
        assert torch.isfinite(scale)
        assert torch.isfinite(bias)
        loss = binary_cross_entropy_with_logits(scale * logits + bias, targets)
        assert loss <= binary_cross_entropy_with_logits(logits, targets) + 1e-6
