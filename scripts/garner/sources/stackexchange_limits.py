"""How the Stack Exchange API tells its limits.

https://api.stackexchange.com/docs/throttle and https://api.stackexchange.com/docs/error-handling: every error
comes with status 400 and {error_id, error_name, error_message}, also where the quota is used up. The quota is
that of the IP address, whichever key is sent, and no answer says when it is renewed, but for the refusal.
"""

import re

from requests import PreparedRequest

from garner.errors import ApiError, CredentialsError, TransientError
from garner.http.dialect import Limited, Reply, Standing

_SECONDS = re.compile(r"([0-9]{1,7}) seconds")
_PASSING = {"internal_error", "temporarily_unavailable"}
_NEEDS_KEY = {"access_denied", "key_required", "access_token_required"}


class StackExchangeLimits:
    """The dialect of the Stack Exchange API; a token is an application's key."""

    name = "stackexchange"
    per_token = False  # 30 requests a second, and the quota of a day, are those of one address
    quotes = True

    def sign(self, request: PreparedRequest, secret: str) -> None:
        request.prepare_url(request.url, {"key": secret})

    def standing(self, reply: Reply) -> Standing | None:
        """`quota_remaining` and `quota_max` of a body."""
        remaining, limit = _number(reply, "quota_remaining"), _number(reply, "quota_max")
        return None if remaining is None or limit is None else Standing(remaining, limit)

    def pause(self, reply: Reply) -> float | None:
        """`backoff`: seconds until the same method may be asked again; who asks earlier is refused."""
        return _number(reply, "backoff")

    def refusal(self, reply: Reply) -> ApiError | Limited | None:
        """What a body with an `error_id` means; None for any other."""
        body = reply.json
        if not isinstance(body, dict) or "error_id" not in body:
            return None
        name, message = str(body.get("error_name"))[:50], str(body.get("error_message"))[:200]
        said = f"{reply.status} {name}: {message}"
        if name == "throttle_violation":
            told = _SECONDS.search(message)
            return Limited(said, float(told[1]) if told else self.pause(reply), whole_pool=True)
        if name in _PASSING:
            return TransientError(said)
        if message.lstrip("`").startswith("key"):
            return CredentialsError(f"{said}. The API does not know {reply.token}: put a valid key there.")
        if name in _NEEDS_KEY:
            return CredentialsError(
                f"{said}. Name a file of mode 0600 that holds an application's key in the setting "
                "run.tokens.stackexchange."
            )
        return ApiError(f"{said}. Are the settings scrape.api and scrape.site right?")


def _number(reply: Reply, name: str) -> float | None:
    value = reply.json.get(name) if isinstance(reply.json, dict) else None
    return float(value) if isinstance(value, int | float) and value >= 0 else None
