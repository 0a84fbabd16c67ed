"""Learning rates over a stage."""

import pytest

from garner.schedule import share_of_rate


@pytest.mark.parametrize("decay", ["linear", "cosine"])
@pytest.mark.parametrize("warm_up", [0.0, 0.1, 0.5])
def test_it_rises_to_the_highest_and_falls_to_nothing(decay, warm_up):
    shares = [share_of_rate(step / 100, warm_up, decay) for step in range(101)]
    top = shares.index(max(shares))
    assert shares[top] == pytest.approx(1)
    assert top == round(100 * warm_up)
    assert shares[: top + 1] == sorted(shares[: top + 1])
    assert shares[top:] == sorted(shares[top:], reverse=True)
    assert shares[-1] == pytest.approx(0)


def test_halfway_down_both_have_half():
    assert share_of_rate(0.6, 0.2, "linear") == pytest.approx(0.5)
    assert share_of_rate(0.6, 0.2, "cosine") == pytest.approx(0.5)
