"""Primary rate limits, with a clock of the test's own."""

from replica.quota import Quota


def test_quota_is_renewed_as_a_whole_when_its_window_ends():
    now = 1000.25
    quota = Quota({None: 2}, window=60, clock=lambda: now)
    assert [quota.charge(None, "core", 1)[0] for _ in range(3)] == [True, True, False]
    reset = quota.standing(None, "core").reset
    assert reset == 1061  # never earlier than the window's true end
    now = reset - 0.01
    assert not quota.charge(None, "core", 1)[0]
    now = reset
    granted, standing = quota.charge(None, "core", 1)
    assert (granted, standing.used, standing.remaining) == (True, 1, 1)


def test_tokens_and_resources_have_a_quota_each():
    quota = Quota({"one": 1, "two": 1})
    assert quota.charge("one", "core", 1)[0]
    assert not quota.charge("one", "core", 1)[0]
    assert quota.charge("two", "core", 1)[0]
    assert quota.charge("one", "graphql", 1)[0]


def test_cost_above_what_remains_leaves_nothing():
    quota = Quota({None: 5})
    granted, standing = quota.charge(None, "graphql", 6)
    assert (granted, standing.remaining, standing.used) == (False, 0, 5)


def test_quota_of_zero_refuses_everything():
    quota = Quota({None: 0})
    assert not quota.charge(None, "core", 1)[0]
    assert quota.standing(None, "core").headers()["X-RateLimit-Remaining"] == "0"
