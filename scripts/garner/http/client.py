"""The one place that sends an HTTP request: pacing, quota, retries, credentials, and typed errors.

A request waits for its turn: every rate window has room, no pause is asked for, and a token has some quota
left (`pacing`). What a later attempt can mend (a reset connection, 5xx, a body cut off or no JSON) is tried
again after exponential backoff with full jitter; of `backoff` only the jitter is used, since its
decorators would sleep through a request to stop.
"""

import ipaddress
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import backoff

from garner.errors import (
    ApiError,
    BlockedError,
    ConfigError,
    CredentialsError,
    MalformedError,
    TransientError,
)
from garner.http import answers
from garner.http.asking import Answer, Ask
from garner.http.credentials import Token, read_tokens
from garner.http.dialect import Dialect, Limited, Reply
from garner.http.pacing import Clocks, read_window
from garner.http.pool import Pool
from garner.http.proxies import Proxies, read_proxies
from garner.http.transport import Transport, UnreachableError, origin
from garner.http.turns import Turn, Turns
from garner.http.waiting import DateReached, Waiting
from garner.logs import duration, log

__all__ = ["ATTEMPTS", "Answer", "Client", "DateReached", "connect"]

ATTEMPTS = 20  # with the default waits between them, half an hour on average
BACKOFF = {"mult": 1, "exp": None, "max": 300}


def connect(
    api: str,
    operational: Mapping,
    dialect: Dialect,
    headers: Mapping[str, str] | None = None,
    until: float | None = None,
    clock=time,
) -> "Client":
    """A client of the API at the address `api`, of which `dialect` knows the particulars. Sends nothing yet.

    `operational` is as `garner.sources.open_source` says; `headers` go with each request; `until` (seconds of
    the epoch) is when requests end: from then on, and instead of a wait beyond it, DateReached is raised.
    `clock` offers `time`, `monotonic` and `sleep`, as the module `time` does. Raises ConfigError, and
    CredentialsError for a file of tokens or proxies that cannot be used.
    """
    scheme, host, port = origin(api)
    if operational["tokens"] is not None and scheme != "https" and not _is_loopback(host):
        raise ConfigError(f"the setting scrape.api is {api}: a token goes over https alone. Write https://…")
    tokens = read_tokens(operational["tokens"]) if operational["tokens"] is not None else []
    windows = [read_window(text) for text in operational.get("ratelimit", ())]
    proxies = read_proxies(operational["proxies"]) if operational.get("proxies") else []
    folder = operational.get("clocks")
    name = re.sub(r"[^A-Za-z0-9._-]", "_", f"{dialect.name}-{host}-{port}.log")
    pool = Pool(tokens, dialect.per_token, Clocks(Path(folder, name) if folder else None, windows, clock))
    waiting = Waiting(operational["on_quota"], until, clock)
    return Client(
        dialect,
        Transport(dialect.sign, operational["contact"], headers or {}, clock),
        pool,
        Turns(pool, Proxies(proxies, clock), waiting, f"run.ratelimit.{dialect.name}"),
        waiting,
        operational.get("backoff", BACKOFF),
    )


class Client:
    """Sends one request after another. Made by `connect`."""

    def __init__(
        self,
        dialect: Dialect,
        transport: Transport,
        pool: Pool,
        turns: Turns,
        waiting: Waiting,
        backoff: Mapping,
    ):
        self.requests = 0  # sent so far, retries among them
        self._dialect = dialect
        self._transport = transport
        self._pool = pool
        self._turns = turns
        self._waiting = waiting
        self._backoff = backoff

    def request(
        self,
        method: str,
        url: str,
        *,
        resource: str,
        expect: type,
        check: Callable[[dict | list], None] = lambda body: None,
        attempts: int = ATTEMPTS,
        etag: str | None = None,
        **content: object,
    ) -> Answer:
        """Send a request until it is answered with a body of type `expect`.

        `resource` names the quota that it draws on; `content` is what `requests` takes (`params`, `json`,
        `data`, `headers`). `check` looks at a good body and raises Limited, or an ApiError of its own. With
        the `etag` of an earlier answer, this one may be `not_modified`, which costs most quotas nothing.
        Raises GoneError, ForbiddenError, CredentialsError, QuotaError, BlockedError, MalformedError,
        TransientError, ApiError for any other refusal, Interrupted when asked to stop, and DateReached.
        """
        ask = Ask(method, url, resource, expect, check, etag, content)
        bounds = _bounds(**self._backoff)
        failed = 0
        while True:
            turn = self._turns.wait_for(ask)
            try:
                answer = self._attempt(ask, turn)
                self._turns.answered(turn)
                return answer
            except (Limited, BlockedError) as refusal:
                self._turns.refused(turn, ask, refusal)
            except (TransientError, MalformedError) as error:
                failed += 1
                what = f"{ask} failed, attempt {failed} of {attempts}: {error}"
                if failed >= attempts:
                    raise type(error)(f"{what}. Nothing is lost: run the same command again later.") from None
                wait = max(backoff.full_jitter(next(bounds)), getattr(error, "retry_after", 0.0))
                log.warning("%s; next in %s.", what, duration(wait))
                self._waiting.sleep(wait)
            except ApiError as error:
                if not (isinstance(error, CredentialsError) and self._pool.drop(turn.token)):
                    raise type(error)(f"{ask}: {error}") from None
                log.warning("%s Going on with the other tokens.", error)

    def affordable(self, resource: str) -> float | None:
        """What the next request may cost: all that a token has left, or will have; None before any answer."""
        return self._pool.affordable(resource)

    def progress(self, resource: str) -> str:
        """Requests sent and, as soon as an answer has told, what all tokens have left together."""
        left = self._pool.left(resource)
        return f"{self.requests:,} requests" + ("" if left is None else f", {left:,} of the quota left")

    def _attempt(self, ask: Ask, turn: Turn) -> Answer:
        """Send once. Raises what the answer means: an ApiError or Limited."""
        try:
            return self._read(self._send(ask, turn), ask, turn.token)
        except (ApiError, Limited) as error:
            error.args = (turn.token.hidden_in(str(error)),)
            raise

    def _send(self, ask: Ask, turn: Turn) -> Reply:
        self._waiting.refuse_from_the_day()
        self.requests += 1
        standing = None
        try:
            reply = self._transport.send(
                ask.request(turn.token), turn.token, turn.proxy, lambda: self._count_redirect(ask, turn)
            )
            if origin(reply.url) == origin(ask.url):
                standing = self._dialect.standing(reply)
        except UnreachableError as error:
            self._turns.unreachable(turn, error)
            raise
        finally:
            self._pool.settle(turn.slot, ask.resource, standing)
        return reply

    def _count_redirect(self, ask: Ask, turn: Turn) -> None:
        self._turns.wait_for(ask, turn.token)
        self.requests += 1

    def _read(self, reply: Reply, ask: Ask, token: Token) -> Answer:
        if reply.status == 304 and ask.etag is not None:
            return Answer(None, etag=ask.etag, not_modified=True)
        try:
            refusal = self._dialect.refusal(reply)
            if refusal is None and not 200 <= reply.status < 300:
                refusal = answers.refusal(reply, self._dialect.quotes)
            if refusal is not None:
                raise refusal
            body = answers.body_of(reply, ask.expect, self._dialect.quotes)
            ask.check(body)
        except Limited as limit:
            if limit.seconds is None:
                limit.seconds = answers.retry_after(reply)
            raise
        if (seconds := self._dialect.pause(reply)) is not None:
            self._pool.pause(seconds)
        etag = reply.headers.get("ETag")
        return Answer(body, answers.has_next(reply), etag and f"{token.id} {etag}")


def _bounds(mult: float, exp: float | None, max: float) -> Iterator[float]:
    """The longest wait before each further attempt, in seconds; `backoff.expo` knows no powers."""
    bound = mult
    while True:
        bound = min(bound, max)
        yield bound
        bound = 2 * bound if exp is None else bound**exp


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
