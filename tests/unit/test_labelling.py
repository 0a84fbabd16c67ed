"""What logits mean, against torch's own distributions."""

import numpy as np
import torch
from torch.nn import functional

from garner.labelling import OneClass


def test_entropy_and_divergence_are_those_of_torch():
    torch.manual_seed(0)
    p, q = torch.randn(6, 4), torch.randn(6, 4)
    torch.testing.assert_close(OneClass.entropy(p), torch.distributions.Categorical(logits=p).entropy())
    expected = functional.kl_div(q.log_softmax(1), p.log_softmax(1), reduction="none", log_target=True).sum(1)
    torch.testing.assert_close(OneClass.divergence(p, q), expected)


def test_the_loss_is_minus_the_logarithm_of_the_targets_probability():
    logits, targets = torch.randn(5, 3), torch.tensor([0, 2, 1, 1, 0])
    expected = -OneClass.probabilities(logits)[torch.arange(5), targets].log()
    torch.testing.assert_close(OneClass.negative_log_likelihood(logits, targets), expected)


def test_scores_are_of_the_most_probable_class():
    probabilities = np.array([[0.6, 0.4], [0.3, 0.7], [0.2, 0.8]], dtype=np.float32)
    scores = OneClass.scores(probabilities, np.array([0, 0, 1]), ["a", "b"])
    assert scores[OneClass.score] == 0.75
    assert scores["confusion"]["counts"] == [[1, 1], [0, 1]]


def test_gradients_are_right():
    torch.manual_seed(0)
    p, q = (torch.randn(3, 4, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(OneClass.entropy, p)
    assert torch.autograd.gradcheck(OneClass.divergence, (p, q))
