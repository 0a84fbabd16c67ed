"""The mixed objective against the formulas of its papers."""

import numpy as np
import pytest
import tiny_study
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from garner.labelling import OneClass
from garner.models.bag import Bag, pool, token_shares
from garner.models.token_counts import count_tokens
from garner.objective import (
    LOSSES,
    Embedded,
    MixedObjective,
    adversarial_direction,
    perturb,
    unit,
    virtual_adversarial_direction,
)

divergence = OneClass.divergence

TEXTS = [([5, 3, 3, 9], 0), ([2, 2, 2, 2, 7, 1], 2), ([4, 4, 8], 1)]
EVERY = dict.fromkeys(LOSSES, 1.0)
EPSILON = {"adversarial": 0.3, "virtual_adversarial": 0.3}


@pytest.fixture
def bag():
    torch.manual_seed(0)
    no_dropout = {"dropout": 0.0, "token_dropout": 0.0}
    return Bag(tiny_study.SETTINGS | no_dropout, vocabulary=10, classes=3).double()


@pytest.fixture
def batch(bag):
    items = [(*count_tokens(np.array(ids)), label) for ids, label in TEXTS]
    (tokens, counts), targets = bag.collate(items)
    return (tokens, counts.double()), targets


def losses(bag, batch, weights=EVERY, epsilon=EPSILON, seed=0):
    torch.manual_seed(seed)
    return MixedObjective(weights, epsilon)(bag, *batch)


def embedded_tokens(bag, tokens):
    """The normalised embedded tokens v̄, (texts, tokens, width), which the perturbation is defined on."""
    mean, deviation = bag._moments()
    return (bag.embedding(tokens).detach() - mean) / deviation


class TestAdversarial:
    def test_moving_the_pooled_vector_equals_moving_every_token(self, bag, batch):
        """r = −ε g/‖g‖₂ on the sequence of embedded tokens, Miyato et al. 2017, equation 2, in full."""
        (tokens, counts), targets = batch
        shares = token_shares(counts)
        sequence = embedded_tokens(bag, tokens).requires_grad_()
        log_likelihood = -functional.cross_entropy(
            bag.classify(pool(sequence, shares)), targets, reduction="sum"
        )
        (gradient,) = torch.autograd.grad(log_likelihood, sequence)
        perturbation = -0.3 * gradient / gradient.flatten(1).norm(dim=1)[:, None, None]
        torch.testing.assert_close(perturbation.flatten(1).norm(dim=1), torch.full((3,), 0.3).double())
        assert (perturbation[counts == 0] == 0).all(), "padding is perturbed"
        expected = functional.cross_entropy(bag.classify(pool(sequence + perturbation, shares)), targets)
        torch.testing.assert_close(losses(bag, batch)["adversarial"], expected)

    def test_no_perturbation_of_the_tokens_within_epsilon_moves_the_pooled_vector_further(self, bag, batch):
        (tokens, counts), _ = batch
        shares, reach = token_shares(counts), bag.embed(*batch[0]).reach
        for seed in range(20):
            torch.manual_seed(seed)
            noise = unit(torch.randn(*tokens.shape, 4, dtype=torch.float64))
            assert (pool(noise, shares).norm(dim=1) <= reach + 1e-12).all()
        along = unit(shares.unsqueeze(2).expand(-1, -1, 4) * torch.ones(4))
        torch.testing.assert_close(pool(along, shares).norm(dim=1), reach)

    def test_the_direction_is_against_the_gradient_of_the_likelihood(self):
        """For a linear classifier, ∇ log p(y | v) = W⊤(e_y − p)."""
        torch.manual_seed(0)
        weight, values = torch.randn(3, 5), torch.randn(4, 5, requires_grad=True)
        logits, targets = values @ weight.T, torch.tensor([0, 1, 2, 0])
        gradient = (functional.one_hot(targets, 3) - logits.softmax(dim=1)) @ weight
        direction = adversarial_direction(Bag, Embedded(values, torch.ones(4)), logits, targets)
        torch.testing.assert_close(direction, -gradient / gradient.norm(dim=1, keepdim=True))

    @settings(deadline=None, max_examples=25)
    @given(st.integers(0, 1000), st.floats(1e-6, 1e-2))
    def test_a_small_perturbation_never_lowers_the_loss(self, seed, epsilon):
        torch.manual_seed(seed)
        bag = Bag(tiny_study.SETTINGS | {"dropout": 0.0, "token_dropout": 0.0}, 10, 3).double()
        inputs = torch.randint(0, 10, (6, 8)), torch.randint(1, 5, (6, 8)).double()
        found = losses(bag, (inputs, torch.randint(0, 3, (6,))), epsilon={**EPSILON, "adversarial": epsilon})
        assert found["adversarial"] >= found["maximum_likelihood"]

    def test_the_perturbation_is_a_constant_under_the_gradient_of_the_loss(self, bag, batch):
        """The loss is that of equation 1: r is found at the present weights, then held."""
        only = dict.fromkeys(LOSSES, 0.0) | {"adversarial": 1.0}
        embedded = bag.embed(*batch[0])
        direction = adversarial_direction(bag, embedded, bag.classify(embedded.values), batch[1])
        held = functional.cross_entropy(bag.classify(perturb(embedded, direction, 0.3)), batch[1])
        expected = torch.autograd.grad(held, bag.parameters())
        found = torch.autograd.grad(losses(bag, batch, only)["loss"], bag.parameters())
        torch.testing.assert_close(found, expected)


class TestVirtualAdversarial:
    def test_one_power_iteration_on_the_tokens_equals_one_on_the_pooled_vector(self, bag, batch):
        """Miyato et al. 2017, equations 5 and 6, on the sequence of embedded tokens, in full."""
        (tokens, counts), _ = batch
        shares = token_shares(counts)
        sequence = embedded_tokens(bag, tokens)
        clean = bag.classify(pool(sequence, shares)).detach()
        torch.manual_seed(1)
        small = (0.01 * unit(torch.randn_like(sequence))).requires_grad_()
        change = divergence(clean, bag.classify(pool(sequence + small, shares))).sum()
        gradient = unit(torch.autograd.grad(change, small)[0])
        assert (gradient[counts == 0] == 0).all(), "padding is perturbed"
        start = pool(small.detach(), shares).requires_grad_()
        change = divergence(clean, bag.classify(pool(sequence, shares) + start)).sum()
        direction = unit(torch.autograd.grad(change, start)[0])
        embedded = Embedded(pool(sequence, shares), shares.norm(dim=1))
        torch.testing.assert_close(
            pool(sequence + 0.3 * gradient, shares), perturb(embedded, direction, 0.3), rtol=1e-9, atol=1e-9
        )

    def test_the_direction_is_the_hessian_times_a_random_one(self, bag, batch):
        embedded = Embedded(*(part.detach() for part in bag.embed(*batch[0])))
        logits = bag.classify(embedded.values)
        torch.manual_seed(3)
        found = virtual_adversarial_direction(bag, embedded, logits)
        torch.manual_seed(3)
        start = unit(torch.randn_like(embedded.values))
        for row, hessian in enumerate(_hessians(bag, embedded.values)):
            assert found[row] @ unit((hessian @ start[row])[None])[0] > 0.999

    def test_with_two_classes_the_direction_is_the_top_eigenvector(self):
        """There the Hessian of the divergence has rank 1, so that one iteration reaches it from anywhere."""
        torch.manual_seed(0)
        bag = Bag(tiny_study.SETTINGS | {"dropout": 0.0, "token_dropout": 0.0}, 10, 2).double().eval()
        embedded = Embedded(torch.randn(5, 4).double(), torch.ones(5).double())
        found = virtual_adversarial_direction(bag, embedded, bag.classify(embedded.values))
        for row, hessian in enumerate(_hessians(bag, embedded.values)):
            values, vectors = torch.linalg.eigh(hessian)
            assert values[-1] > 1e3 * values[-2].abs()
            assert (found[row] @ vectors[:, -1]).abs() > 0.999

    def test_it_changes_the_prediction_more_than_a_random_direction(self, bag, batch):
        embedded = Embedded(*(part.detach() for part in bag.embed(*batch[0])))
        logits = bag.classify(embedded.values)

        def change(direction):
            return divergence(logits, bag.classify(perturb(embedded, direction, 0.1))).mean().item()

        directions = [virtual_adversarial_direction(bag, embedded, logits) for _ in range(50)]
        found = [change(direction) for direction in directions]
        by_chance = [change(unit(torch.randn_like(embedded.values))) for _ in range(50)]
        assert np.mean(found) > 1.3 * np.mean(by_chance)

    def test_it_is_zero_without_a_perturbation_and_grows_with_its_square(self, bag, batch):
        def loss(epsilon):
            epsilons = {**EPSILON, "virtual_adversarial": epsilon}
            return losses(bag, batch, epsilon=epsilons)["virtual_adversarial"].item()

        assert loss(0.0) == pytest.approx(0, abs=1e-15)
        assert loss(2e-3) / loss(1e-3) == pytest.approx(4, rel=0.01)

    def test_the_clean_prediction_is_a_constant_under_the_gradient(self, bag, batch):
        """θ̂ in equation 4: at ε = 0 the divergence is at its minimum, so nothing is learned from it."""
        only = dict.fromkeys(LOSSES, 0.0) | {"virtual_adversarial": 1.0}
        losses(bag, batch, only, {**EPSILON, "virtual_adversarial": 0.0})["loss"].backward()
        assert all(parameter.grad.abs().max() < 1e-12 for parameter in bag.parameters())

    def test_labels_have_no_part_in_it(self, bag, batch):
        inputs, targets = batch
        found = [
            losses(bag, (inputs, answers))["virtual_adversarial"] for answers in (targets, (targets + 1) % 3)
        ]
        assert found[0] == found[1]


def test_the_loss_is_the_weighted_sum_of_the_four(bag, batch):
    weights = dict(zip(LOSSES, (1.0, 0.5, 0.25, 2.0), strict=True))
    found = losses(bag, batch, weights)
    assert set(found) == {*LOSSES, "loss"}
    torch.testing.assert_close(found["loss"], sum(weights[name] * found[name] for name in LOSSES))


@pytest.mark.parametrize(("name", "passes"), list(zip(LOSSES, (1, 2, 1, 3), strict=True)))
def test_a_loss_of_weight_zero_is_not_computed(bag, batch, monkeypatch, name, passes):
    calls = []
    classify = bag.classify
    monkeypatch.setattr(bag, "classify", lambda values: calls.append(1) or classify(values))
    found = losses(bag, batch, dict.fromkeys(LOSSES, 0.0) | {name: 1.0})
    assert set(found) == {name, "loss"}
    assert len(calls) == passes


def test_padding_changes_no_loss(bag, batch):
    (tokens, counts), targets = batch
    wide = functional.pad(tokens, (0, 5)), functional.pad(counts, (0, 5))
    torch.testing.assert_close(losses(bag, (wide, targets)), losses(bag, batch))


def test_a_zero_gradient_gives_no_perturbation_and_no_nan():
    vectors = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
    torch.testing.assert_close(unit(vectors), torch.tensor([[0.0, 0.0], [0.6, 0.8]]))


def test_a_perturbation_of_a_sequence_has_norm_epsilon_over_all_its_tokens():
    """For a kind whose `values` are (texts, tokens, width) and whose reach is 1."""
    torch.manual_seed(0)
    embedded = Embedded(torch.zeros(2, 7, 4), torch.ones(2))
    moved = perturb(embedded, unit(torch.randn(2, 7, 4)), 5.0)
    torch.testing.assert_close(moved.flatten(1).norm(dim=1), torch.tensor([5.0, 5.0]))


def _hessians(bag, values):
    """Of d ↦ KL(p(v) ‖ p(v + d)) at 0, one a text."""
    for value in values:
        logits = bag.classify(value[None]).detach()

        def change(d, value=value, logits=logits):
            return divergence(logits, bag.classify((value + d)[None])).sum()

        yield torch.autograd.functional.hessian(change, torch.zeros_like(value))
