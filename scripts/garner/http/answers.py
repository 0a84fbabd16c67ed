"""How an HTTP answer reads, whatever the API: its JSON, how long it asks to wait, and what it refuses."""

import re
from email.utils import parsedate_to_datetime

import requests

from garner.errors import (
    ApiError,
    CredentialsError,
    ForbiddenError,
    GoneError,
    MalformedError,
    TransientError,
)
from garner.http.dialect import Limited, Reply

LONGEST_PAUSE = 86400.0  # seconds after which to ask again, whatever a Retry-After says
_GONE = {404, 410, 451}


class BusyError(TransientError):
    """5xx; `retry_after` is what the answer asks to wait, in seconds."""

    retry_after = 0.0


def body_of(reply: Reply, expected: type, quotes: bool = True) -> dict | list:
    """The JSON of a good answer, which must be of type `expected`; else MalformedError."""
    if reply.json is None:
        raise MalformedError(f"the answer is no JSON: {_excerpt(reply, quotes)}")
    if not isinstance(reply.json, expected):
        raise MalformedError(f"the answer is no JSON {expected.__name__}: {_excerpt(reply, quotes)}")
    return reply.json


def refusal(reply: Reply, quotes: bool = True) -> ApiError | Limited:
    """What an answer means whose status is not 2xx; its text is quoted only where `quotes`."""
    said = said_in(reply, quotes)
    if reply.status == 429 or (reply.status == 403 and retry_after(reply) is not None):
        return Limited(said)
    if reply.status == 403:
        return ForbiddenError(said)
    if reply.status == 401:
        if reply.token is None:
            return CredentialsError(f"{said}. Name a file that holds a token in the setting run.tokens.")
        return CredentialsError(f"{said}. The API refuses {reply.token}: put a valid token there.")
    if reply.status in _GONE:
        return GoneError(said)
    if reply.status >= 500 or reply.status == 408:
        error = BusyError(said)
        error.retry_after = retry_after(reply) or 0.0
        return error
    return ApiError(f"{said}. Is the setting scrape.api right?")


def retry_after(reply: Reply) -> float | None:
    """Seconds of a Retry-After, which holds them or an HTTP date (RFC 9110, 10.2.3); None without one."""
    value = reply.headers.get("Retry-After")
    seconds = number(value)
    if seconds is None and (date := _date(value)) is not None:
        seconds = date - server_time(reply) + 1
    return None if seconds is None else min(max(seconds, 0.0), LONGEST_PAUSE)


def server_time(reply: Reply) -> float:
    """When the answer was sent, by the server's own clock if it says so, in seconds of the epoch."""
    return _date(reply.headers.get("Date")) or reply.now


def has_next(reply: Reply) -> bool:
    """Whether the header Link names a next page (RFC 8288)."""
    links = requests.utils.parse_header_links(reply.headers.get("Link", ""))
    return any(link.get("rel") == "next" for link in links)


def number(value: str | None) -> float | None:
    """The number that a header holds; None where it is missing or holds none."""
    return float(value) if value and re.fullmatch(r"[0-9]{1,15}(\.[0-9]+)?", value) else None


def said_in(reply: Reply, quotes: bool = True) -> str:
    """The status, and the `message` of the answer's JSON, else how its text begins."""
    if quotes and isinstance(reply.json, dict) and "message" in reply.json:
        return f"{reply.status} {quoted(str(reply.json['message']))}"
    return f"{reply.status} {_excerpt(reply, quotes)}"


def quoted(text: str) -> str:
    """The beginning of a text from outside, on one line."""
    line = " ".join(text[:1000].split())
    return repr(line[:200]) if line else "with an empty body"


def _excerpt(reply: Reply, quotes: bool) -> str:
    if quotes:
        return quoted(reply.text)
    kind = reply.headers.get("Content-Type", "of no type").partition(";")[0]
    return f"({len(reply.text):,} characters, {quoted(kind)})"


def _date(value: str | None) -> float | None:
    try:
        return parsedate_to_datetime(value).timestamp() if value else None
    except ValueError:
        return None
