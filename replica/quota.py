"""Primary rate limits, as GitHub counts them: for each token and resource, renewed as a whole after a window.

https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

import math
import threading
import time
from collections.abc import Iterable
from typing import NamedTuple

ANONYMOUS = 60  # requests an hour without a token
WINDOW = 3600.0  # seconds


class Standing(NamedTuple):
    """What is left of one resource. `reset` is in whole seconds of the epoch."""

    resource: str
    limit: int
    used: int
    reset: int

    @property
    def remaining(self) -> int:
        return self.limit - self.used

    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset),
            "X-RateLimit-Used": str(self.used),
            "X-RateLimit-Resource": self.resource,
        }


class Quota:
    """Counts what each caller has used. A caller is a token, or None for whoever shows none."""

    def __init__(self, limits: dict[str | None, int], window: float = WINDOW, clock=time.time):
        self._limits = limits
        self._window = window
        self._clock = clock
        self._used: dict[tuple[str | None, str], tuple[int, int]] = {}  # (used, reset)
        self._lock = threading.Lock()

    def standing(self, caller: str | None, resource: str) -> Standing:
        with self._lock:
            return self._standing(caller, resource)

    def charge(self, caller: str | None, resource: str, cost: int) -> tuple[bool, Standing]:
        """Take `cost` and say whether there was that much. Where there was not, nothing is left over."""
        with self._lock:
            before = self._standing(caller, resource)
            granted = cost <= before.remaining
            used = before.used + cost if granted else before.limit
            self._used[caller, resource] = (used, before.reset)
            return granted, before._replace(used=used)

    def exhaust(self, resources: Iterable[str], seconds: float) -> None:
        """Nobody has anything left of `resources` for `seconds`."""
        with self._lock:
            reset = math.ceil(self._clock() + seconds)
            for caller, limit in self._limits.items():
                self._used |= {(caller, resource): (limit, reset) for resource in resources}

    def _standing(self, caller: str | None, resource: str) -> Standing:
        now = self._clock()
        used, reset = self._used.get((caller, resource), (0, 0))
        if now >= reset:
            # Rounded up, so that who waits until `reset` never comes too early.
            used, reset = 0, math.ceil(now + self._window)
        return Standing(resource, self._limits[caller], used, reset)
