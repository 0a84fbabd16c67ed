"""How the Stack Exchange API refuses, and what it counts: all that comes from one address together.

https://api.stackexchange.com/docs/throttle and https://api.stackexchange.com/docs/error-handling
"""

import math
import threading
import time
from collections import deque

DAY = 86_400  # seconds until a quota is renewed
BAN = 30  # seconds for which too fast a client is refused


class Refusal(Exception):
    """An error of the API: it comes with status 400, whatever its number."""

    def __init__(self, number: int, name: str, message: str):
        super().__init__(message)
        self._number, self._name = number, name

    @classmethod
    def throttled(cls, seconds: float | None) -> "Refusal":
        message = "Violation of backoff parameter"
        if seconds is not None:
            message = (
                f"too many requests from this IP, more requests available in {math.ceil(seconds)} seconds"
            )
        return cls(502, "throttle_violation", message)

    def body(self) -> dict:
        return {"error_id": self._number, "error_message": str(self), "error_name": self._name}


class Limits:
    """The quota of a day, with and without a key; how many requests a second; pauses that answers ask for."""

    def __init__(
        self,
        quota: int,
        key_quota: int,
        per_second: int | None = None,
        backoff: tuple[int, int] | None = None,
        clock=time.time,
    ):
        self._quotas = (quota, key_quota)
        self._per_second = per_second
        self._backoff = backoff
        self._clock = clock
        self._used, self._renewed_at = 0, 0.0
        self._answered = 0
        self._recent: deque[float] = deque()
        self._banned_until = 0.0
        self._paused_until: dict[str, float] = {}  # by method
        self._lock = threading.Lock()

    def admit(self, method: str, has_key: bool) -> dict[str, int]:
        """Count a request; what the wrapper of its answer says. Refusal where it is not to be answered."""
        with self._lock:
            now = self._clock()
            self._refuse_haste(now)
            if now < self._paused_until.get(method, 0.0):
                raise Refusal.throttled(None)
            if now >= self._renewed_at:
                self._used, self._renewed_at = 0, now + DAY
            quota = self._quotas[has_key]
            if self._used >= quota:
                raise Refusal.throttled(self._renewed_at - now)
            self._used += 1
            self._answered += 1
            said = {"quota_max": quota, "quota_remaining": quota - self._used}
            if self._backoff and self._answered % self._backoff[0] == 0:
                self._paused_until[method] = now + self._backoff[1]
                said["backoff"] = self._backoff[1]
            return said

    def exhaust(self, seconds: float) -> None:
        """Nothing is left of any quota for `seconds`."""
        with self._lock:
            self._used, self._renewed_at = max(self._quotas), self._clock() + seconds

    def _refuse_haste(self, now: float) -> None:
        if now < self._banned_until:
            raise Refusal.throttled(self._banned_until - now)
        if self._per_second is None:
            return
        self._recent.append(now)
        while self._recent[0] <= now - 1:
            self._recent.popleft()
        if len(self._recent) > self._per_second:
            self._banned_until = now + BAN
            raise Refusal.throttled(BAN)
