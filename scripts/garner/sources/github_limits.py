"""How GitHub tells its limits.

https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
"""

import re

from requests import PreparedRequest

from garner.http.answers import number, said_in, server_time
from garner.http.dialect import Limited, Reply, Standing

HOUR = 3600.0  # seconds in which a quota is renewed, whatever a broken header says
_LIMIT = re.compile(r"rate limit|abuse detection", re.IGNORECASE)
_SECONDARY = re.compile(r"secondary|abuse", re.IGNORECASE)


class GitHubLimits:
    """The dialect of GitHub's REST and GraphQL APIs."""

    name = "github"
    per_token = True
    quotes = True

    def sign(self, request: PreparedRequest, secret: str) -> None:
        request.headers["Authorization"] = f"Bearer {secret}"

    def standing(self, reply: Reply) -> Standing | None:
        """The headers X-RateLimit-*."""
        remaining = number(reply.headers.get("X-RateLimit-Remaining"))
        limit = number(reply.headers.get("X-RateLimit-Limit"))
        if remaining is None:
            return None
        return Standing(
            remaining, renewed_in=_renewed_in(reply), **({} if limit is None else {"limit": limit})
        )

    def pause(self, reply: Reply) -> float | None:
        return None

    def refusal(self, reply: Reply) -> Limited | None:
        """A secondary limit, at which all tokens pause, or a used-up quota, at which one rests.

        Both come with status 403 or 429, from GraphQL also with 200 and an error in the body.
        """
        said = _graphql_limit(reply) if reply.status == 200 else _limit(reply)
        if said is None:
            return None
        if "Retry-After" not in reply.headers and _is_used_up(said, reply):
            return Limited(said, _renewed_in(reply), whole_pool=False)
        return Limited(said)


def _renewed_in(reply: Reply) -> float | None:
    """Seconds until the quota is renewed, by GitHub's own clock, so that a wrong one here does no harm."""
    reset = number(reply.headers.get("X-RateLimit-Reset"))
    return None if reset is None else min(max(reset - server_time(reply) + 1, 1.0), HOUR)


def _is_used_up(said: str, reply: Reply) -> bool:
    """Whether a refusal is for the quota of the hour, not for a secondary limit."""
    if reply.headers.get("X-RateLimit-Remaining") == "0":
        return True
    return _LIMIT.search(said) is not None and _SECONDARY.search(said) is None


def _limit(reply: Reply) -> str | None:
    said = said_in(reply)
    forbidden = reply.status == 403 and ("Retry-After" in reply.headers or _LIMIT.search(said))
    return said if reply.status == 429 or forbidden else None


def _graphql_limit(reply: Reply) -> str | None:
    errors = reply.json.get("errors") if isinstance(reply.json, dict) else None
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, dict):
            said = str(error.get("message"))[:200]
            if error.get("type") == "RATE_LIMITED" or _LIMIT.search(said):
                return said
    return None
