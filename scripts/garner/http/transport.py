"""Sends one request and reads its answer, within limits of time and size, whoever answers.

Redirects are followed by hand, so that a token goes to the host of the settings alone, and no cookie is kept.
"""

import queue
import threading
import time
from collections.abc import Callable, Mapping
from urllib.parse import urljoin, urlsplit

import requests
from requests import PreparedRequest, Request, Response

from garner import __version__
from garner.errors import ConfigError, MalformedError, TransientError
from garner.http.credentials import ANONYMOUS, Token
from garner.http.dialect import Reply
from garner.http.proxies import Proxy

TIMEOUT = (10, 60)  # seconds to connect, and between two bytes
LONGEST_REQUEST = 300.0  # seconds of one request, from its connection to the last byte of its answer
LARGEST = 64 * 2**20  # bytes of a body, decompressed
LARGEST_SENT = 32 * 2**20  # bytes of a body as they came
REDIRECTS = 5


class UnreachableError(TransientError):
    """No whole answer came, be it for the API, the network or a proxy."""


class Transport:
    """Sends requests with the same headers to one API; `sign` puts a token on one of them."""

    def __init__(
        self,
        sign: Callable[[PreparedRequest, str], None],
        contact: str | None,
        headers: Mapping[str, str],
        clock=time,
    ):
        self._sign = sign
        self._headers = {"Accept-Encoding": "gzip, deflate", **headers, "User-Agent": _user_agent(contact)}
        self._clock = clock
        self._session = self._new_session()

    def send(
        self,
        request: Request,
        token: Token,
        proxy: Proxy | None = None,
        before_redirect: Callable[[], None] = lambda: None,
    ) -> Reply:
        """The answer to a request, after redirects; before each of these `before_redirect` is called.

        Raises UnreachableError, and MalformedError for an answer that is too large or redirected for ever.
        """
        home = origin(request.url)
        for _ in range(REDIRECTS):
            reply = self._send_once(request, token if origin(request.url) == home else ANONYMOUS, proxy)
            if "Location" not in reply.headers or reply.status not in requests.models.REDIRECT_STATI:
                return reply
            request = _redirected(request, reply)
            before_redirect()
        raise MalformedError(f"the answer redirects more than {REDIRECTS} times")

    def _send_once(self, request: Request, token: Token, proxy: Proxy | None) -> Reply:
        proxies = {"http": proxy.url, "https": proxy.url} if proxy else {}
        try:
            prepared = self._session.prepare_request(request)
            url = prepared.url
            if token.secret:
                self._sign(prepared, token.secret)
            options = self._session.merge_environment_settings(url, proxies, True, None, None)
            response, text = _Exchange(self._session, prepared, options).answer_within(LONGEST_REQUEST)
        except TimeoutError:
            self._session = self._new_session()  # the exchange may still hold the old one
            raise UnreachableError(f"no whole answer came within {LONGEST_REQUEST:.0f} s") from None
        except (requests.RequestException, UnicodeError) as error:
            raise UnreachableError(_innermost(error)) from None
        place = token.place if token.secret else None
        return Reply(response.status_code, response.headers, text, url, place, self._clock.time())

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        session.headers.update(self._headers)
        session.auth = lambda request: request  # else what a ~/.netrc holds for the host would be sent
        return session


class _Exchange:
    """One request, sent in a thread of its own: only so does a limit on the whole of it hold.

    The time-outs of a socket are for single bytes; a server that drips them would hold the crawl for ever.
    """

    def __init__(self, session: requests.Session, prepared: PreparedRequest, options: dict):
        self._session, self._prepared, self._options = session, prepared, options
        self._outcome: queue.SimpleQueue = queue.SimpleQueue()
        self._response: Response | None = None

    def answer_within(self, seconds: float) -> tuple[Response, str]:
        """The answer and its body as text. Raises TimeoutError, RequestException and MalformedError."""
        threading.Thread(target=self._run, daemon=True).start()
        try:
            answer, error = self._outcome.get(timeout=seconds)
        except queue.Empty:
            if self._response is not None:
                self._response.raw.shutdown()  # wakes the thread
            raise TimeoutError from None
        if error is not None:
            raise error
        return answer

    def _run(self) -> None:
        try:
            # Not Session.send: even where it follows no redirect, it reads its body, whatever the size.
            adapter = self._session.get_adapter(self._prepared.url)
            self._response = adapter.send(self._prepared, timeout=TIMEOUT, **self._options)
            with self._response:
                answer = self._response, _read_text(self._response)
            self._outcome.put((answer, None))
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self._outcome.put((None, error))


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port of an address: where a token may go."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _redirected(request: Request, reply: Reply) -> Request:
    """As browsers do: only 307 and 308 keep method and body, and these never go to another host."""
    try:
        url = urljoin(reply.url, reply.headers["Location"])
        stays = origin(url) == origin(request.url)
    except ValueError:
        raise MalformedError("the answer redirects to what is no address") from None
    if request.method == "GET" or reply.status in (301, 302, 303):
        return Request("GET", url, headers=request.headers)
    if not stays:
        raise MalformedError("the answer redirects what was sent to another host")
    return Request(request.method, url, headers=request.headers, data=request.data, json=request.json)


def _read_text(response: Response) -> str:
    """The body as text. Raises MalformedError beyond a limit, before or after decompression."""
    pieces, size = [], 0
    for piece in response.iter_content(2**16):
        size += len(piece)
        if size > LARGEST or response.raw.tell() > LARGEST_SENT:
            raise MalformedError(
                f"the answer has more than {LARGEST_SENT >> 20} MiB, or {LARGEST >> 20} MiB decompressed"
            )
        pieces.append(piece)
    return b"".join(pieces).decode("utf-8-sig", errors="replace")


def _innermost(error: BaseException) -> str:
    """The kind of an error and its first cause; its text would hold the address with all parameters."""
    cause = error
    while isinstance(inner := _inner(cause), BaseException):
        cause = inner
    told = cause.strerror or "" if isinstance(cause, OSError) else ""
    names = dict.fromkeys([type(error).__name__, type(cause).__name__])
    return ": ".join([*names, *filter(None, [told])])


def _inner(error: BaseException) -> object:
    inside = [getattr(error, "reason", None), *error.args, error.__cause__]
    return next((inner for inner in inside if isinstance(inner, BaseException) and inner is not error), None)


def _user_agent(contact: str | None) -> str:
    if contact and not (contact.isascii() and contact.isprintable()):
        raise ConfigError(f"run.contact is {contact!r}. Expected an e-mail or web address in plain ASCII.")
    return f"garner/{__version__}" + (f" ({contact})" if contact else "")
