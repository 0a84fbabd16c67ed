"""How Instagram says that it has enough: pauses, and walls that a person has to see to.

Nothing of this is documented. The words are those that its answers carry and that the maintainers of
instaloader collect: 401 or 429 "Please wait a few minutes before you try again.", often with `require_login`;
messages like `checkpoint_required`; 403 to who has no session; and, in the place of an answer, the pages to
log in or to prove that one is a person.
"""

from urllib.parse import urlsplit

from requests import PreparedRequest

from garner.errors import ApiError, BlockedError, CredentialsError
from garner.http.answers import retry_after
from garner.http.dialect import Limited, Reply, Standing

A_FEW_MINUTES = 900.0  # seconds; the windows in which the site seems to count are of 11 minutes and longer
_WAIT = "please wait a few minutes"
_CHALLENGES = {"checkpoint_required", "challenge_required", "feedback_required"}


class InstagramLimits:
    """The dialect of Instagram. Its tokens are the cookies `sessionid` of accounts."""

    name = "instagram"
    per_token = False  # the site counts by address, too
    quotes = False

    def sign(self, request: PreparedRequest, secret: str) -> None:
        request.headers["Cookie"] = f"sessionid={secret}"

    def standing(self, reply: Reply) -> Standing | None:
        return None

    def pause(self, reply: Reply) -> float | None:
        return None

    def refusal(self, reply: Reply) -> ApiError | Limited | None:
        path = urlsplit(reply.url).path
        said = reply.json if isinstance(reply.json, dict) else {}
        message = str(said.get("message", ""))
        if message in _CHALLENGES or path.startswith("/challenge"):
            return _challenged(reply, message if message in _CHALLENGES else "a challenge page")
        if reply.status == 429 or _WAIT in message.lower():
            told = retry_after(reply)
            return Limited(f"{reply.status}: wait a few minutes", A_FEW_MINUTES if told is None else told)
        if reply.status == 403 and reply.token is not None:
            return BlockedError("403: the site refuses this request. Wait some hours.")
        if reply.status in (401, 403) or path.startswith("/accounts/") or said.get("require_login"):
            return _asked_to_log_in(reply)
        if reply.status == 200 and reply.text.lstrip()[:1] == "<":
            return BlockedError(
                "200: a web page in the place of an answer, as if to log in. Wait some hours."
            )
        if reply.status == 404 and path.startswith("/graphql"):
            return ApiError("404: the site no longer knows the query of posts.")
        return None


def _challenged(reply: Reply, said: str) -> ApiError:
    if reply.token is not None:  # each further request would make it worse for the account
        return CredentialsError(
            f"{reply.status}: the site wants the owner of {reply.token} to answer ({said}). Log in with a "
            "browser, see to what it asks for, and let a day pass."
        )
    return BlockedError(f"{reply.status}: the site wants a person to answer ({said}). Let a day pass.")


def _asked_to_log_in(reply: Reply) -> ApiError:
    if reply.token is not None:
        return CredentialsError(
            f"{reply.status}: the site asks to log in, though {reply.token} was sent. Put a valid session "
            "there."
        )
    return BlockedError(
        f"{reply.status}: the site asks to log in. Wait some hours, or name a file with the session of an "
        "account of yours in the setting run.tokens.instagram."
    )
