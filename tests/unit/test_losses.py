"""Losses of many labels against the formulas of their papers."""

import torch

from garner.losses import asymmetric, binary_cross_entropy, focal

LOGITS = torch.linspace(-6, 6, 25, dtype=torch.float64).reshape(5, 5)
TARGETS = (torch.arange(25) % 2).double().reshape(5, 5)
P = torch.sigmoid(LOGITS)


def test_cross_entropy_is_minus_the_logarithm_of_what_is_so():
    expected = -torch.where(TARGETS > 0, P, 1 - P).log()
    torch.testing.assert_close(binary_cross_entropy(LOGITS, TARGETS), expected)


def test_focal_is_that_of_its_paper():
    right = torch.where(TARGETS > 0, P, 1 - P)
    torch.testing.assert_close(focal(LOGITS, TARGETS, gamma=2.0), -((1 - right) ** 2) * right.log())


def test_asymmetric_is_that_of_its_paper():
    lowered = (P - 0.05).clamp_min(0)
    expected = torch.where(TARGETS > 0, -(1 - P) * P.log(), -(lowered**4) * (1 - lowered).log())
    torch.testing.assert_close(asymmetric(LOGITS, TARGETS, 1.0, 4.0, 0.05), expected)


def test_without_gamma_and_clip_all_are_cross_entropy():
    plain = binary_cross_entropy(LOGITS, TARGETS)
    torch.testing.assert_close(focal(LOGITS, TARGETS, 0.0), plain)
    torch.testing.assert_close(asymmetric(LOGITS, TARGETS, 0.0, 0.0, 0.0), plain)


def test_very_sure_logits_give_finite_losses_and_gradients():
    logits = torch.tensor([[-200.0, 200.0], [-200.0, 200.0]], requires_grad=True)
    targets = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    for loss in (focal(logits, targets, 2.0), asymmetric(logits, targets, 1.0, 4.0, 0.05)):
        (gradient,) = torch.autograd.grad(loss.sum(), logits)
        assert loss.isfinite().all()
        assert gradient.isfinite().all()
