import pytest
from loopback import Clock

from garner.errors import BlockedError, QuotaError, TransientError
from garner.http.asking import Ask
from garner.http.credentials import Token
from garner.http.dialect import Limited
from garner.http.pacing import Clocks, Window
from garner.http.pool import Pool
from garner.http.proxies import Proxies, Proxy
from garner.http.turns import REFUSALS, Turns
from garner.http.waiting import Waiting

A, B = Token("a", "tokens, line 1"), Token("b", "tokens, line 2")
ASK = Ask("GET", "https://api.example.org/things", "core", dict, lambda body: None, None, {})


@pytest.fixture
def clock() -> Clock:
    return Clock()


def turns(clock: Clock, *tokens: Token, proxies=(), on_quota: str = "wait", windows=()) -> Turns:
    pool = Pool(list(tokens), True, Clocks(None, windows, clock))
    return Turns(pool, Proxies(list(proxies), clock), Waiting(on_quota, clock=clock), "run.ratelimit.some")


def test_used_up_quota_of_one_token_stops_no_other_and_is_no_offence(clock):
    given = turns(clock, A, B)
    for _ in range(2 * REFUSALS):
        turn = given.wait_for(ASK)
        given.refused(turn, ASK, Limited("used up", 600, whole_pool=False))
    assert clock.slept == pytest.approx(600 * (REFUSALS - 1))


def test_token_that_is_refused_whatever_the_pause_is_left_out(clock):
    given = turns(clock, A, B)
    for _ in range(REFUSALS):
        given.refused(given.wait_for(ASK, A), ASK, Limited("slow down", whole_pool=False))
    assert {given.wait_for(ASK).token for _ in range(3)} == {B}


def test_last_token_that_is_refused_whatever_the_pause_is_a_block(clock):
    given = turns(clock, A)
    with pytest.raises(BlockedError, match=r"8 times in a row.*slow down.*run\.ratelimit\.some"):
        for _ in range(REFUSALS):
            given.refused(given.wait_for(ASK), ASK, Limited("slow down"))


def test_good_answer_begins_the_count_anew(clock):
    given = turns(clock, A)
    for _ in range(3 * REFUSALS):
        turn = given.wait_for(ASK)
        given.refused(turn, ASK, Limited("slow down"))
        given.answered(turn)
    assert clock.slept == pytest.approx(60 * (3 * REFUSALS - 1))


def test_long_pause_ends_the_run_with_on_quota_stop_and_a_short_one_does_not(clock):
    given = turns(clock, A, on_quota="stop")
    given.refused(given.wait_for(ASK), ASK, Limited("slow down", 300))
    given.refused(given.wait_for(ASK), ASK, Limited("slow down", 301))
    with pytest.raises(QuotaError, match=r"api\.example\.org asks for a pause \(slow down\) until"):
        given.wait_for(ASK)


def test_proxy_rests_that_gives_no_answer(clock):
    one, other = Proxy("http://one", "proxies, line 1"), Proxy("http://other", "proxies, line 2")
    given = turns(clock, A, proxies=[one, other])
    first = given.wait_for(ASK)
    given.unreachable(first, TransientError("reset"))
    assert (first.proxy, given.wait_for(ASK).proxy, clock.slept) == (one, other, 0)


def test_no_other_token_or_proxy_goes_round_a_block(clock):
    given = turns(clock, A, B, proxies=[Proxy("http://one", "line 1"), Proxy("http://other", "line 2")])
    given.refused(given.wait_for(ASK), ASK, BlockedError("log in"))
    given.wait_for(ASK)
    assert clock.slept == pytest.approx(60)
    with pytest.raises(BlockedError):
        for _ in range(REFUSALS):
            given.refused(given.wait_for(ASK), ASK, BlockedError("log in"))


def test_window_is_waited_for_without_a_word_unless_it_takes_long(clock, monkeypatch):
    said = []
    monkeypatch.setattr(
        Waiting, "pause", lambda self, seconds, why, _: said.append(why) or self.sleep(seconds)
    )
    given = turns(clock, A, windows=[Window(1, 30), Window(3, 600)])
    for _ in range(4):
        given.wait_for(ASK)
    assert clock.slept == pytest.approx(600)
    assert said == ["the setting run.ratelimit.some lets no further request go out"]
