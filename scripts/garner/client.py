"""The one place that sends an HTTP request: pacing, quota, retries, credentials, and typed errors.

A `Retry-After` is waited for. A used-up quota is waited out until it is renewed, unless another token has
some left. A limit that names no time is given a minute, then two, then four. What a later attempt can mend (a
reset connection, 5xx, a body that is cut off or no JSON) is tried again after exponential backoff with full
jitter. The waits come from the generators of `backoff`: its decorators would sleep through a request to stop.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import backoff
import requests

from garner import __version__, answers
from garner.answers import Limited
from garner.credentials import Pool, Quota, Token
from garner.errors import (
    ApiError,
    ConfigError,
    CredentialsError,
    GarnerError,
    Interrupted,
    MalformedError,
    QuotaError,
    TransientError,
)
from garner.jobs import stop_requested
from garner.logs import duration, log

TIMEOUT = (10, 60)  # seconds to connect, and between two bytes
ATTEMPTS = 20  # with the waits between them, half an hour on average
LONGEST_BACKOFF = 300.0  # seconds
UNTOLD_WAIT = 60.0  # seconds to wait at a limit that names no time; doubled each time in a row
LONGEST_WINDOW = 3600.0  # seconds after which to ask again, whatever the API said of its quota
PATIENCE = 300.0  # seconds of a secondary limit that are waited for even with `on_quota: stop`
STEP = 0.5  # seconds between two looks at whether to stop


class DateReached(GarnerError):
    """The day has come from which on nothing is to be asked."""


@dataclass(frozen=True)
class Answer:
    """The parsed JSON of an answer with status 2xx, and whether its `Link` header names a next page."""

    body: dict | list
    has_next: bool


class Client:
    """Sends one request after another, with the tokens of `pool`.

    `until` (seconds of the epoch) is when requests end: from then on, and instead of a wait beyond it,
    DateReached is raised. `clock` offers `time`, `monotonic` and `sleep`, as the module `time` does.
    """

    def __init__(
        self,
        pool: Pool,
        contact: str | None,
        on_quota: str,
        headers: Mapping[str, str] | None = None,
        until: float | None = None,
        clock=time,
    ):
        self.requests = 0  # sent so far, retries among them
        self._pool = pool
        self._on_quota = on_quota
        self._until = until
        self._clock = clock
        self._pauses = 0  # secondary limits in a row
        self._session = requests.Session()
        self._session.max_redirects = 5
        self._session.headers.update({**(headers or {}), "User-Agent": _user_agent(contact)})

    def request(
        self,
        method: str,
        url: str,
        *,
        resource: str,
        expect: type,
        check: Callable[[dict | list], None] | None = None,
        attempts: int = ATTEMPTS,
        **content: object,
    ) -> Answer:
        """Send a request until it is answered with a body of type `expect`.

        `resource` names the quota that it draws on; `content` is what `requests` takes (`params`, `json`).
        `check` looks at a body that came with status 2xx and raises Limited, or an ApiError of its own.
        Raises GoneError, ForbiddenError, CredentialsError, QuotaError, MalformedError, TransientError,
        ApiError for any other refusal, Interrupted when asked to stop, and DateReached.
        """
        waits = backoff.expo(max_value=LONGEST_BACKOFF)
        next(waits)  # the first value only starts the generator
        failed = 0
        while True:
            token = self._token_with_quota(resource, url)
            try:
                answer = self._attempt(token, method, url, resource, expect, check, content)
                self._pauses = 0
                return answer
            except Limited as limit:
                self._obey(limit, token, resource, url)
            except (TransientError, MalformedError) as error:
                failed += 1
                what = f"{method} {url} failed, attempt {failed} of {attempts}: {error}"
                if failed >= attempts:
                    raise type(error)(f"{what}. Nothing is lost: run the same command again later.") from None
                wait = max(backoff.full_jitter(next(waits)), getattr(error, "retry_after", 0.0))
                log.warning("%s; next in %s.", what, duration(wait))
                self._sleep(wait)
            except ApiError as error:
                if not (isinstance(error, CredentialsError) and self._pool.drop(token)):
                    raise type(error)(f"{method} {url}: {error}") from None
                log.warning("%s Going on with the other tokens.", error)

    def affordable(self, resource: str) -> float | None:
        """What the next request may cost: all that a token has left, or will have; None before any answer."""
        _, quota = self._pool.best(resource, self._clock.monotonic())
        most = quota.remaining if quota.remaining > 0 else quota.limit
        return None if most == math.inf else most

    def progress(self, resource: str) -> str:
        """Requests sent and, as soon as an answer has told, what all tokens have left together."""
        left = self._pool.left(resource, self._clock.monotonic())
        return f"{self.requests:,} requests" + ("" if left is None else f", {left:,} of the quota left")

    def _attempt(self, token, method, url, resource, expect, check, content) -> Answer:
        """Send once. Raises what the answer means: an ApiError or Limited."""
        self._refuse_from(self._clock.time())
        self.requests += 1
        try:
            with self._session.request(
                method, url, auth=token, timeout=TIMEOUT, stream=True, **content
            ) as response:
                text = answers.read_text(response)
        except requests.RequestException as error:
            raise TransientError(f"{type(error).__name__}: {error}") from None
        self._note_quota(token, resource, response.headers)
        if not 200 <= response.status_code < 300:
            raise answers.refusal(response.status_code, response.headers, text, token, self._clock.time())
        body = answers.parse(text, expect)
        if check is not None:
            try:
                check(body)
            except Limited as limit:
                limit.headers = response.headers
                raise
        return Answer(body, "next" in response.links)

    def _token_with_quota(self, resource: str, url: str) -> Token:
        while True:
            token, quota = self._pool.best(resource, self._clock.monotonic())
            if quota.remaining > 0:
                return token
            wait = quota.renewed_at - self._clock.monotonic()
            self._pause(wait, f"the quota of {urlsplit(url).netloc} ({resource}) is used up", may_stop=True)

    def _note_quota(self, token: Token, resource: str, headers: Mapping[str, str], used_up=False) -> None:
        remaining = 0.0 if used_up else answers.number(headers.get("X-RateLimit-Remaining"))
        if remaining is None:
            return
        limit = answers.number(headers.get("X-RateLimit-Limit"))
        wait = answers.renewed_in(headers, self._clock.time()) or UNTOLD_WAIT
        renewed_at = self._clock.monotonic() + min(wait, LONGEST_WINDOW)
        self._pool.note(token, resource, Quota(remaining, math.inf if limit is None else limit, renewed_at))

    def _obey(self, limit: Limited, token: Token, resource: str, url: str) -> None:
        """Rest the token whose quota is used up; pause altogether where the API asks for that."""
        after = answers.retry_after(limit.headers, self._clock.time())
        if after is None and answers.is_used_up(limit):
            self._note_quota(token, resource, limit.headers, used_up=True)
            return
        if after is None:
            after = min(UNTOLD_WAIT * 2**self._pauses, LONGEST_WINDOW)
        self._pauses += 1
        self._pause(after, f"{urlsplit(url).netloc} asks for a pause ({limit})", may_stop=after > PATIENCE)

    def _pause(self, seconds: float, why: str, may_stop: bool) -> None:
        """Wait, and say until when; where `may_stop` and `on_quota: stop`, raise QuotaError instead."""
        end = datetime.fromtimestamp(self._clock.time() + seconds).astimezone()
        when = f"{end:%Y-%m-%d %H:%M:%S %Z}"
        if may_stop and self._on_quota == "stop":
            raise QuotaError(
                f"{why} until {when}. Nothing is lost: run the same command again then, or set run.on_quota "
                "to wait."
            )
        log.warning("%s; waiting until %s (%s).", why, when, duration(seconds))
        self._sleep(seconds)

    def _sleep(self, seconds: float) -> None:
        self._refuse_from(self._clock.time() + seconds)
        end = self._clock.monotonic() + seconds
        while (left := end - self._clock.monotonic()) > 0:
            if stop_requested():
                raise Interrupted("stopped on request. Nothing is lost: run the same command again to go on.")
            self._clock.sleep(min(left, STEP))

    def _refuse_from(self, moment: float) -> None:
        if self._until is not None and moment >= self._until:
            raise DateReached("the day has come from which on no request is to be sent.")


def _user_agent(contact: str | None) -> str:
    if contact and not (contact.isascii() and contact.isprintable()):
        raise ConfigError(f"run.contact is {contact!r}. Expected an e-mail or web address in plain ASCII.")
    return f"garner/{__version__}" + (f" ({contact})" if contact else "")
