"""How an HTTP answer reads: its body, what it says of quota and pauses, and what it refuses.

Limits are read as GitHub describes them; most other APIs say theirs in the same headers.
https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
"""

import json
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import requests

from garner.credentials import Token
from garner.errors import (
    ApiError,
    CredentialsError,
    ForbiddenError,
    GoneError,
    MalformedError,
    TransientError,
)

LARGEST = 64 * 2**20  # bytes of a body, decompressed
LONGEST_PAUSE = 86400.0  # seconds after which to ask again, whatever a Retry-After says
_GONE = {404, 410, 451}
_LIMIT = re.compile(r"rate limit|abuse detection", re.IGNORECASE)
_SECONDARY = re.compile(r"secondary|abuse", re.IGNORECASE)


class Limited(Exception):
    """The API asks for a pause, in its own words; `headers` are those of the answer that said so."""

    headers: Mapping[str, str] = {}


class BusyError(TransientError):
    """5xx; `retry_after` is what the answer asks to wait, in seconds."""

    retry_after = 0.0


def read_text(response: requests.Response) -> str:
    """The body as text. Raises MalformedError beyond LARGEST bytes, and RequestException."""
    pieces, size = [], 0
    for piece in response.iter_content(2**16):
        size += len(piece)
        if size > LARGEST:
            raise MalformedError(f"the answer has more than {LARGEST >> 20} MiB")
        pieces.append(piece)
    return b"".join(pieces).decode("utf-8", errors="replace")


def parse(text: str, expected: type) -> dict | list:
    """The JSON of a body, which must be of type `expected`; else MalformedError."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise MalformedError(f"the answer is no JSON: {_excerpt(text)}") from None
    if not isinstance(body, expected):
        raise MalformedError(f"the answer is no JSON {expected.__name__}: {_excerpt(text)}")
    return body


def refusal(
    status: int, headers: Mapping[str, str], text: str, token: Token, now: float
) -> ApiError | Limited:
    """What an answer means whose status is not 2xx. `now` is in seconds of the epoch."""
    message = _message(text)
    said = f"{status} {message}"
    if status in (403, 429):
        if status == 403 and "Retry-After" not in headers and not _LIMIT.search(message):
            return ForbiddenError(said)
        limit = Limited(said)
        limit.headers = headers
        return limit
    if status == 401:
        if token.secret is None:
            return CredentialsError(f"{said}. Name a file that holds a token in the setting run.tokens.")
        return CredentialsError(f"{said}. The API refuses {token.place}: put a valid token there.")
    if status in _GONE:
        return GoneError(said)
    if status >= 500 or status == 408:
        error = BusyError(said)
        error.retry_after = retry_after(headers, now) or 0.0
        return error
    return ApiError(f"{said}. Is the setting scrape.api right?")


def is_used_up(limit: Limited) -> bool:
    """Whether a limit is the quota of the hour, and not a secondary one that asks for a moment's pause."""
    message = str(limit)
    if limit.headers.get("X-RateLimit-Remaining") == "0":
        return True
    return _LIMIT.search(message) is not None and _SECONDARY.search(message) is None


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds of a Retry-After, which holds them or an HTTP date (RFC 9110, 10.2.3); None without one."""
    value = headers.get("Retry-After")
    seconds = number(value)
    if seconds is None and (date := _date(value)) is not None:
        seconds = date - _server_time(headers, now) + 1
    return None if seconds is None else min(max(seconds, 0.0), LONGEST_PAUSE)


def renewed_in(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds until the quota is renewed, at least one; None where the answer does not say.

    They are counted from the API's own clock, so that a wrong clock here does no harm.
    """
    reset = number(headers.get("X-RateLimit-Reset"))
    return None if reset is None else max(reset - _server_time(headers, now) + 1, 1.0)


def number(value: str | None) -> float | None:
    """The number that a header holds; None where it is missing or holds none."""
    return float(value) if value and re.fullmatch(r"[0-9]{1,15}(\.[0-9]+)?", value) else None


def _server_time(headers: Mapping[str, str], now: float) -> float:
    return _date(headers.get("Date")) or now


def _date(value: str | None) -> float | None:
    try:
        return parsedate_to_datetime(value).timestamp() if value else None
    except ValueError:
        return None


def _message(text: str) -> str:
    """What a refusal says: the `message` of its JSON, else how its text begins."""
    try:
        return _excerpt(str(json.loads(text)["message"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return _excerpt(text)


def _excerpt(text: str) -> str:
    line = " ".join(text[:1000].split())
    return repr(line[:200]) if line else "with an empty body"
