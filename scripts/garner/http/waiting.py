"""Waits of a crawl: with a line that says until when, ended by a request to stop, none beyond a last day."""

import time
from datetime import UTC, datetime

from garner.errors import ConfigError, GarnerError, Interrupted, QuotaError
from garner.jobs import stop_requested
from garner.logs import duration, log

STEP = 0.5  # seconds between two looks at whether to stop


class DateReached(GarnerError):
    """The day has come from which on nothing is to be asked."""


def midnight(date: str | None, setting: str = "scrape.stop_after.date") -> int | None:
    """When a day begins, in UTC, in seconds of the epoch; None for None. ConfigError names the setting."""
    if date is None:
        return None
    try:
        return int(datetime.strptime(date, "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise ConfigError(f"the setting {setting} is {date!r}. Expected a day as YYYY-MM-DD.") from None


class Waiting:
    """How a client waits.

    From `until` on (seconds of the epoch), and instead of a wait beyond it, DateReached is raised.
    """

    def __init__(self, on_quota: str, until: float | None = None, clock=time):
        self._on_quota = on_quota
        self._until = until
        self._clock = clock

    def pause(self, seconds: float, why: str, may_stop: bool) -> None:
        """Wait, and say until when; where `may_stop` and `on_quota: stop`, raise QuotaError instead."""
        end = datetime.fromtimestamp(self._clock.time() + seconds).astimezone()
        when = f"{end:%Y-%m-%d %H:%M:%S %Z}"
        if may_stop and self._on_quota == "stop":
            raise QuotaError(
                f"{why} until {when}. Nothing is lost: run the same command again then, or set run.on_quota "
                "to wait."
            )
        log.warning("%s; waiting until %s (%s).", why, when, duration(seconds))
        self.sleep(seconds)

    def sleep(self, seconds: float) -> None:
        self.refuse_from_the_day(seconds)
        end = self._clock.monotonic() + seconds
        while (left := end - self._clock.monotonic()) > 0:
            if stop_requested():
                raise Interrupted("stopped on request. Nothing is lost: run the same command again to go on.")
            self._clock.sleep(min(left, STEP))

    def refuse_from_the_day(self, ahead: float = 0.0) -> None:
        """Raise DateReached if the day has come, or will have in `ahead` seconds."""
        if self._until is not None and self._clock.time() + ahead >= self._until:
            raise DateReached("the day has come from which on no request is to be sent.")
