"""How an HTTP answer reads: its body within limits, what it says of quota and pauses, and what failed.

Limits are read as GitHub describes them, and most other APIs keep to that:
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
_GONE = {404, 410, 451}
_LIMIT = re.compile(r"rate limit|abuse detection", re.IGNORECASE)
_SECONDARY = re.compile(r"secondary|abuse", re.IGNORECASE)


class Limited(Exception):
    """The API asks for a pause, in its own words; `headers` are those of the answer that said so."""

    headers: Mapping[str, str] = {}


class BusyError(TransientError):
    """503 or the like, with a Retry-After; `retry_after` is in seconds."""

    retry_after = 0.0


def read_text(response: requests.Response) -> str:
    """The body as text, at most LARGEST bytes of it. Raises MalformedError beyond that, and what `requests` does."""
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
    except ValueError:
        raise MalformedError(f"the answer is no JSON: {_excerpt(text)}") from None
    if not isinstance(body, expected):
        raise MalformedError(f"the answer is no JSON {expected.__name__}: {_excerpt(text)}")
    return body


def failure(
    status: int, headers: Mapping[str, str], text: str, token: Token, now: float
) -> ApiError | Limited:
    """What an answer whose status is not 2xx means. `now` is in seconds of the epoch."""
    message = _message(text)
    said = f"{status} {message}"
    if status in (403, 429):
        limit = Limited(said)
        limit.headers = headers
        if status == 429 or "Retry-After" in headers or _LIMIT.search(message):
            return limit
        return ForbiddenError(said)
    if status == 401:
        if token.secret is None:
            return CredentialsError(f"{said}. Name a file that holds a token in the setting run.tokens.")
        return CredentialsError(f"{said}. Put a valid token into {token.place}: the API refuses this one.")
    if status in _GONE:
        return GoneError(said)
    if status >= 500 or status == 408:
        error = BusyError(said)
        error.retry_after = retry_after(headers, now) or 0.0
        return error
    return ApiError(f"{said}. Nothing of the kind was expected; is the setting `api` right?")


def is_used_up(limit: Limited) -> bool:
    """Whether a limit is that of the hour's quota, and not a secondary one that asks for a moment's pause."""
    return limit.headers.get("X-RateLimit-Remaining") == "0" or (
        bool(_LIMIT.search(str(limit))) and not _SECONDARY.search(str(limit))
    )


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds of a Retry-After, which gives them or an HTTP date (RFC 9110, 10.2.3); None where there is none."""
    value = headers.get("Retry-After")
    seconds = _number(value)
    if seconds is None and (date := _date(value)) is not None:
        seconds = date - _server_time(headers, now) + 1
    return None if seconds is None else max(seconds, 0.0)


def remaining(headers: Mapping[str, str]) -> int | None:
    """What is left of a quota; None where the answer does not say."""
    number = _number(headers.get("X-RateLimit-Remaining"))
    return None if number is None else int(number)


def renewed_in(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds until the quota is renewed, at least one; None where the answer does not say.

    They are counted from the API's own clock, so that a wrong clock here does no harm.
    """
    reset = _number(headers.get("X-RateLimit-Reset"))
    return None if reset is None else max(reset - _server_time(headers, now) + 1, 1.0)


def _server_time(headers: Mapping[str, str], now: float) -> float:
    return _date(headers.get("Date")) or now


def _date(value: str | None) -> float | None:
    try:
        return parsedate_to_datetime(value).timestamp() if value else None
    except ValueError:
        return None


def _number(value: str | None) -> float | None:
    return float(value) if value and re.fullmatch(r"\d{1,15}(\.\d+)?", value) else None


def _message(text: str) -> str:
    """What a refusal says: the `message` of its JSON, else the beginning of its text."""
    try:
        return _excerpt(str(json.loads(text)["message"]))
    except (ValueError, KeyError, TypeError):
        return _excerpt(text)


def _excerpt(text: str) -> str:
    line = " ".join(text.split())
    return repr(line[:200]) if line else "with an empty body"
