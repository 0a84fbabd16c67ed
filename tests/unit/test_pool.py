import pytest
from loopback import Clock

from garner.http.credentials import Token
from garner.http.dialect import Standing
from garner.http.pacing import Clocks, Window
from garner.http.pool import Pool

A, B = Token("a", "tokens, line 1"), Token("b", "tokens, line 2")


def pool(*tokens: Token, per_token: bool = True, windows=()) -> Pool:
    return Pool(list(tokens), per_token, Clocks(None, windows, Clock()))


def learn(pool: Pool, token: Token, remaining: float, limit: float = 60) -> None:
    slot, _ = pool.take_slot("core", token.id)
    pool.settle(slot, "core", Standing(remaining, limit, 100))


def test_token_with_most_quota_is_taken_and_an_unknown_one_first():
    of = pool(A, B)
    learn(of, A, 10)
    assert of.take_slot("core")[1] is B
    learn(of, B, 5)
    assert of.take_slot("core")[1] is A
    assert of.left("core") == 15
    assert of.left("graphql") is None


def test_next_request_may_cost_what_a_token_has_left_or_will_have():
    of = pool(A, B)
    assert of.affordable("core") is None
    learn(of, A, 3)
    learn(of, B, 0)
    assert of.affordable("core") == 3, "whatever the other one may have later"
    learn(of, A, 0)
    assert of.affordable("core") == 60


def test_resting_token_makes_place_for_another():
    of = pool(A, B)
    of.rest(A, "core", 100)
    assert of.take_slot("core")[1] is B
    of.pause(10)
    assert of.take_slot("core")[0].wait == pytest.approx(10)


def test_refused_token_is_dropped_unless_it_is_the_last():
    of = pool(A, B)
    assert of.drop(A)
    assert of.take_slot("core")[1] is B
    assert not of.drop(B)


def test_api_that_counts_all_tokens_together_has_one_clock_for_them():
    of = pool(A, B, per_token=False, windows=[Window(2, 30)])
    learn(of, A, 10)
    learn(of, B, 9)
    assert of.left("core") == 9
    assert of.take_slot("core")[0].wait == pytest.approx(30)
    assert of.drop(A)
    assert of.take_slot("core")[1] is B


def test_anonymous_requests_are_counted_apart_from_those_with_a_token():
    clocks = Clocks(None, [Window(1, 30)], Clock())
    assert Pool([], False, clocks).take_slot("core")[0].wait <= 0
    assert Pool([A], False, clocks).take_slot("core")[0].wait <= 0
    assert Pool([B], False, clocks).take_slot("core")[0].wait == pytest.approx(30)


def test_each_token_has_windows_of_its_own_where_the_api_counts_so():
    of = pool(A, B, windows=[Window(1, 30)])
    taken = [of.take_slot("core") for _ in range(3)]
    assert {token for _, token in taken[:2]} == {A, B}
    assert taken[2][0].wait == pytest.approx(30)
    assert of.take_slot("core", only=A)[0].wait == pytest.approx(30)
