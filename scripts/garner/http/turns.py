"""When a request may go out, and what rests after a refusal: a token, a proxy, or the whole crawl."""

from collections import Counter
from typing import NamedTuple

from garner.errors import ApiError, BlockedError
from garner.http.answers import LONGEST_PAUSE
from garner.http.asking import Ask
from garner.http.credentials import Token
from garner.http.dialect import Limited
from garner.http.pacing import Slot
from garner.http.pool import Pool
from garner.http.proxies import Proxies, Proxy
from garner.http.waiting import Waiting
from garner.logs import duration, log

UNTOLD_WAIT = 60.0  # seconds to wait at a limit that names no time; doubled each time in a row,
LONGEST_UNTOLD_WAIT = 3600.0  # up to this
REFUSALS = 8  # in a row, all waited for, after which the API is taken to mean it
PATIENCE = 300.0  # seconds of a pause that are waited for even with `on_quota: stop`
NOTICED = 60.0  # seconds of a wait for a rate window that are worth a line in the log


class Turn(NamedTuple):
    """By what a request may go out now; its `slot` counts it."""

    slot: Slot
    token: Token
    proxy: Proxy | None


class Turns:
    """Gives turns by the tokens of `pool`; `setting` is the name of the rate windows, for messages."""

    def __init__(self, pool: Pool, proxies: Proxies, waiting: Waiting, setting: str):
        self._pool = pool
        self._proxies = proxies
        self._waiting = waiting
        self._setting = setting
        self._last_refusal = ""
        self._refusals: Counter[Token | None] = Counter()  # in a row, by token; None: those that are for all

    def wait_for(self, ask: Ask, token: Token | None = None) -> Turn:
        """Wait until a request may go out, by this very token if one is given, and count it.

        Raises QuotaError instead of a wait that `on_quota: stop` does not allow, DateReached and Interrupted.
        """
        while True:
            slot, taken = self._pool.take_slot(ask.resource, prefer=ask.asked_by, only=token)
            if slot.wait <= 0:
                return Turn(slot, taken, self._proxies.best())
            if slot.why == "ratelimit" and slot.wait < NOTICED:
                self._waiting.sleep(slot.wait)
                continue
            why, may_stop = {
                "ratelimit": (f"the setting {self._setting} lets no further request go out", False),
                "quota": (f"the quota of {ask.host} ({ask.resource}) is used up", True),
                "pause": (f"{ask.host} asks for a pause{self._last_refusal}", slot.wait > PATIENCE),
            }[slot.why]
            self._waiting.pause(slot.wait, why, may_stop)

    def answered(self, turn: Turn) -> None:
        """A request got a good answer."""
        self._refusals.clear()
        if turn.proxy is not None:
            self._proxies.worked(turn.proxy)

    def unreachable(self, turn: Turn, error: ApiError) -> None:
        """No answer came to a request: its proxy rests, if there is one."""
        if turn.proxy is not None:
            self._rest_proxy(turn.proxy, error)

    def refused(self, turn: Turn, ask: Ask, refusal: Limited | BlockedError) -> None:
        """Let rest what the refusal is about. Raises BlockedError where that has been in vain too often."""
        if isinstance(refusal, BlockedError):  # all wait: no other account or address goes round it
            refusal = Limited(str(refusal))
        if refusal.seconds is not None and not refusal.whole_pool:  # its quota, which says when it is renewed
            self._pool.rest(turn.token, ask.resource, min(refusal.seconds, LONGEST_PAUSE))
            return
        of = None if refusal.whole_pool else turn.token
        self._refusals[of] += 1
        if self._refusals[of] >= REFUSALS:
            self._give_up(of, ask, refusal)
            return
        untold = min(UNTOLD_WAIT * 2 ** (self._refusals[of] - 1), LONGEST_UNTOLD_WAIT)
        seconds = untold if refusal.seconds is None else min(refusal.seconds, LONGEST_PAUSE)
        if refusal.whole_pool:
            self._last_refusal = f" ({refusal})"
            self._pool.pause(seconds)
        else:
            log.warning("the token of %s rests for %s: %s", turn.token.place, duration(seconds), refusal)
            self._pool.rest(turn.token, ask.resource, seconds)

    def _give_up(self, token: Token | None, ask: Ask, refusal: Limited) -> None:
        said = f"{ask}: refused {REFUSALS} times in a row, whatever the pause: {refusal}."
        if token is None or not self._pool.drop(token):
            raise BlockedError(
                f"{said} Nothing is lost: run the same command again later, perhaps with less in "
                f"{self._setting}."
            )
        log.warning("%s Going on without the token of %s.", said, token.place)

    def _rest_proxy(self, proxy: Proxy, why: ApiError) -> None:
        log.warning("the proxy of %s rests for %s: %s", proxy.place, duration(self._proxies.rest(proxy)), why)
