"""Tokens of an API: read from a file that only its owner can read, pooled by the quota that each has left.

A token's text appears nowhere but in the Authorization header of a request: messages name its file and line.
"""

import math
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

import requests

from garner.errors import CredentialsError

_TOKEN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True)
class Token(requests.auth.AuthBase):
    """One line of a token file, or ANONYMOUS. As `auth=` of a request it sets the Authorization header.

    That it is `auth`, not a header, also keeps `requests` from sending what a ~/.netrc holds for the host.
    """

    secret: str | None = field(repr=False)
    place: str  # "FILE, line N", for messages

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.secret:
            request.headers["Authorization"] = f"Bearer {self.secret}"
        return request


ANONYMOUS = Token(None, "no token")


def read_tokens(path: Path | str) -> list[Token]:
    """The tokens of a file, one a line; blank lines and those that begin with # are skipped, doubles dropped.

    Raises CredentialsError where the file is missing, empty or open to others, or a line is no token.
    """
    path = Path(path).expanduser()
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise CredentialsError(
            f"the token file {path} can't be read: {why}. Write one token a line, then run: chmod 600 {path}"
        ) from None
    if mode & 0o077:
        raise CredentialsError(
            f"the token file {path} has mode {mode:04o}, so that others can read it. Run: chmod 600 {path}"
        )
    tokens: dict[str, Token] = {}
    for number, line in enumerate(map(str.strip, lines), start=1):
        if not line or line.startswith("#"):
            continue
        if not _TOKEN.fullmatch(line):
            raise CredentialsError(
                f"{path}, line {number} is no token. Write one token a line, nothing else."
            )
        tokens.setdefault(line, Token(line, f"{path}, line {number}"))
    if not tokens:
        raise CredentialsError(f"the token file {path} holds no token. Write one token a line.")
    return list(tokens.values())


@dataclass(frozen=True)
class Quota:
    """What a token has left of a resource, what it has once that is renewed, and when (pool's clock)."""

    remaining: float = math.inf  # until an answer tells
    limit: float = math.inf
    renewed_at: float = math.inf


class Pool:
    """Tokens with the quota that each has left, counted apart for each resource (`core`, `graphql`, …).

    `now` is in seconds of one monotonic clock, the caller's. Without tokens, requests are anonymous.
    """

    def __init__(self, tokens: list[Token]):
        self._tokens = tokens or [ANONYMOUS]
        self._quotas: dict[tuple[Token, str], Quota] = {}

    def best(self, resource: str, now: float) -> tuple[Token, Quota]:
        """The token with most quota; where all are used up, the one that is renewed first."""
        quotas = {token: self._quota(token, resource, now) for token in self._tokens}
        token = max(quotas, key=lambda token: (quotas[token].remaining, -quotas[token].renewed_at))
        return token, quotas[token]

    def note(self, token: Token, resource: str, quota: Quota) -> None:
        """Remember what an answer said of a token's quota."""
        self._quotas[token, resource] = quota

    def drop(self, token: Token) -> bool:
        """Forget a token that the API refuses; False where it is the last one, which stays."""
        if self._tokens == [token]:
            return False
        self._tokens.remove(token)
        return True

    def left(self, resource: str, now: float) -> int | None:
        """What all tokens have left together, as far as answers have told; None while none has."""
        quotas = [self._quota(token, resource, now).remaining for token in self._tokens]
        known = [remaining for remaining in quotas if remaining < math.inf]
        return int(sum(known)) if known else None

    def _quota(self, token: Token, resource: str, now: float) -> Quota:
        quota = self._quotas.get((token, resource), Quota())
        if quota.renewed_at > now:
            return quota
        # Even where the limit was zero: only asking shows whether it still is.
        return Quota(max(quota.limit, 1), quota.limit)
