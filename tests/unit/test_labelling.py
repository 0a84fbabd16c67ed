"""What logits mean, against torch's own distributions."""

import numpy as np
import torch
from torch.nn import functional

from garner.labelling import OneClass


def test_entropy_and_divergence_are_those_of_torch():
    torch.manual_seed(0)
    p, q = torch.randn(6, 4), torch.randn(6, 4)
    torch.testing.assert_close(entropy(p), torch.distributions.Categorical(logits=p).entropy().mean())
    expected = functional.kl_div(q.log_softmax(1), p.log_softmax(1), reduction="none", log_target=True).sum(1)
    torch.testing.assert_close(divergence(p, q), expected)


def test_gradients_are_right():
    torch.manual_seed(0)
    p, q = (torch.randn(3, 4, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(entropy, p)
    assert torch.autograd.gradcheck(divergence, (p, q))
