"""What the client must know of an API to go by its limits: the interface, and what passes through it.

Everything that all APIs share (statuses, Retry-After, cut-off bodies, retries) is the client's. A dialect
says what is particular of one; `garner.sources.github_limits` is an example.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from requests import PreparedRequest

from garner.errors import ApiError


@dataclass(frozen=True)
class Reply:
    """An answer as it came, whatever its status.

    `headers` are looked up in any case; `text` is the body, decompressed; `url` is the address that answered,
    after redirects, without the token; `token` is the place of the token that was sent ("FILE, line N"), or
    None for an anonymous request; `now` is when the answer came, in seconds of the epoch by our clock.
    """

    status: int
    headers: Mapping[str, str]
    text: str
    url: str
    token: str | None
    now: float

    @cached_property
    def json(self) -> object:
        """The body as JSON; None where it is none."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True)
class Standing:
    """What an answer tells of a quota: what is left, of how much, and when it is whole again, in seconds."""

    remaining: float
    limit: float = math.inf
    renewed_in: float | None = None  # None where the answer does not say: it is asked again after a minute


class Limited(Exception):
    """The API refuses for now; the same request is sent again after a pause. The message is the API's.

    `seconds` is the pause that the API asks for. None where it names none: then a Retry-After counts, else a
    minute, two, four … up to an hour as long as refusals follow each other; the eighth is a BlockedError.
    `whole_pool` says that the pause is for all tokens (as for GitHub's secondary limits); else only the token
    that was sent rests, and another one goes on.
    """

    def __init__(self, message: str, seconds: float | None = None, whole_pool: bool = True):
        super().__init__(message)
        self.seconds = seconds
        self.whole_pool = whole_pool


class Dialect(Protocol):
    """What is particular of one API. Its methods only read; they keep nothing."""

    name: str  # as in `source` and in run.tokens.NAME: "github"
    per_token: bool  # whether quotas and run.ratelimit hold for each token, or for all of them together
    quotes: bool  # whether a message may quote an answer's text; False where it can hold what people wrote

    def sign(self, request: PreparedRequest, secret: str) -> None:
        """Put a token on a request: `request.headers[…] = …`, or `request.prepare_url(request.url, {…})`.

        Called for each request to the host of the settings, also after a redirect, and for no other.
        """

    def standing(self, reply: Reply) -> Standing | None:
        """What an answer tells of the quota, in its headers or its body; None where it tells nothing."""

    def pause(self, reply: Reply) -> float | None:
        """Seconds that a *good* answer asks to wait before the next request by any token; None for none.

        Up to five minutes are waited for also with `on_quota: stop`.
        """

    def refusal(self, reply: Reply) -> ApiError | Limited | None:
        """What an answer means that refuses in this API's own way, be its status 2xx or not.

        None leaves it to the client: 2xx is good if its body is JSON of the expected type; 401, 403, 404,
        410, 429, 451 and 5xx mean what they mean everywhere (`garner.http.answers.refusal`).
        CredentialsError drops the token from the pool, if others are left. BlockedError is for login and
        challenge pages: all wait, and it is tried again later. TransientError and MalformedError are tried
        again.
        """
