"""Dropout by random bytes against torch's own."""

import pytest
import torch
from torch import nn

from garner.models.dropout import ByteDropout, quicken


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_it_drops_its_share_and_keeps_the_mean(share):
    torch.manual_seed(0)
    found = ByteDropout(share)(torch.ones(1000, 101))
    assert (found == 0).double().mean() == pytest.approx(share, abs=0.01)
    assert found.mean() == pytest.approx(1, abs=0.01)
    assert len(found.unique()) == 2


def test_the_same_random_state_drops_the_same():
    layer, values = ByteDropout(0.3), torch.ones(7, 11)
    state = torch.get_rng_state()
    first = layer(values)
    assert not torch.equal(layer(values), first)
    torch.set_rng_state(state)
    assert torch.equal(layer(values), first)


def test_nothing_is_dropped_in_evaluation_or_without_a_share():
    values = torch.ones(50, 50)
    assert torch.equal(ByteDropout(0.0)(values), values)
    assert torch.equal(ByteDropout(0.5).eval()(values), values)


def test_every_dropout_inside_a_module_is_replaced():
    module = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Dropout(0.1), nn.Dropout(0.2)))
    quicken(module)
    assert [part.p for part in module.modules() if isinstance(part, ByteDropout)] == [0.1, 0.2]
    assert not any(type(part) is nn.Dropout for part in module.modules())
