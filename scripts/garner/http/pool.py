"""The tokens of an API as one: whose turn it is, what they have left, and which of them rest."""

import math

from garner.http.credentials import ANONYMOUS, Token
from garner.http.dialect import Standing
from garner.http.pacing import Clocks, Slot


class Pool:
    """Tokens with the clocks of each, or with one clock for all where the API counts them together.

    Without tokens, requests are anonymous, and counted by a clock of their own.
    """

    def __init__(self, tokens: list[Token], per_token: bool, clocks: Clocks):
        self._tokens = tokens or [ANONYMOUS]
        self._per_token = per_token
        self._clocks = clocks

    def take_slot(
        self, resource: str, prefer: str | None = None, only: Token | None = None
    ) -> tuple[Slot, Token]:
        """Whose turn it is to send a request: the token with the id `prefer` before that with most quota."""
        tokens = [only] if only else sorted(self._tokens, key=lambda token: token.id != prefer)
        by_key = {self._key(token): token for token in reversed(tokens)}
        preferred = self._key(tokens[0]) if tokens[0].id == prefer else None
        slot = self._clocks.take_slot(list(dict.fromkeys(map(self._key, tokens))), resource, preferred)
        return slot, by_key[slot.key]

    def settle(self, slot: Slot, resource: str, standing: Standing | None) -> None:
        """The answer to a request has come, or will not; `standing` is what it told of the quota."""
        self._clocks.settle(slot, resource, standing)

    def rest(self, token: Token, resource: str, seconds: float) -> None:
        """Use the token for nothing for so long."""
        self._clocks.rest(self._key(token), resource, seconds)

    def pause(self, seconds: float) -> None:
        """Send nothing by any token for so long."""
        self._clocks.pause(seconds)

    def drop(self, token: Token) -> bool:
        """Forget a token that the API refuses; False where it is the last one, which stays."""
        if self._tokens == [token]:
            return False
        self._tokens.remove(token)
        return True

    def affordable(self, resource: str) -> float | None:
        """What the next request may cost: all that a token has left, or will have; None before any answer."""
        best = max(self._quotas(resource), key=lambda quota: (quota.remaining, -(quota.renewed_in or 0)))
        most = best.remaining if best.remaining > 0 else best.limit
        return None if most == math.inf else most

    def left(self, resource: str) -> int | None:
        """What all tokens have left together, as far as answers have told; None while none has."""
        known = [quota.remaining for quota in self._quotas(resource) if quota.remaining < math.inf]
        return int(sum(known)) if known else None

    def _quotas(self, resource: str) -> list[Standing]:
        return [self._clocks.quota(key, resource) for key in self._keys()]

    def _keys(self) -> list[str]:
        return list(dict.fromkeys(map(self._key, self._tokens)))

    def _key(self, token: Token) -> str:
        return token.id if self._per_token or token.secret is None else "tokens"
