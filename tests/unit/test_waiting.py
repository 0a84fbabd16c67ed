import pytest
from loopback import Clock

import garner.jobs
from garner.errors import Interrupted, QuotaError
from garner.http.waiting import DateReached, Waiting


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_pause_with_on_quota_stop_says_until_when(clock):
    with pytest.raises(QuotaError, match=r"used up until 2023-11-14 .*run\.on_quota to wait"):
        Waiting("stop", clock=clock).pause(60, "it is used up", may_stop=True)
    Waiting("stop", clock=clock).pause(60, "it is used up", may_stop=False)
    assert clock.slept == pytest.approx(60)


def test_request_to_stop_ends_a_long_wait_at_once(clock, monkeypatch):
    monkeypatch.setattr(garner.jobs._stop, "is_set", lambda: clock.slept >= 2)
    with pytest.raises(Interrupted, match="Nothing is lost"):
        Waiting("wait", clock=clock).sleep(3000)
    assert clock.slept <= 3


def test_wait_ends_on_time_whatever_somebody_does_to_the_wall_clock(clock):
    clock.on_sleep = lambda: setattr(clock, "jumped", clock.jumped - 3600)
    Waiting("wait", clock=clock).sleep(100)
    assert clock.slept == pytest.approx(100)


def test_wait_beyond_the_last_day_is_not_begun(clock):
    waiting = Waiting("wait", until=clock.now + 500, clock=clock)
    waiting.sleep(400)
    with pytest.raises(DateReached):
        waiting.sleep(100)
    waiting.refuse_from_the_day()
    clock.now += 100
    with pytest.raises(DateReached):
        waiting.refuse_from_the_day()
