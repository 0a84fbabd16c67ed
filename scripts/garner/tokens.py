"""Cutting a text into tokens by one regular expression."""

import re
from collections.abc import Callable
from itertools import islice
from operator import itemgetter

from garner.errors import ConfigError

Tokenizer = Callable[..., list[str]]


def tokenizer(pattern: str) -> Tokenizer:
    """A function `tokenize(text, limit=None)`: the first `limit` matches of `pattern` in `text`, in order.

    Raises ConfigError where `pattern` is no regular expression of Python's `re`, has a capturing group (of
    which `re` would return the group and not the token), or matches the empty text.
    """
    expression = _compile(pattern)

    def tokenize(text: str, limit: int | None = None) -> list[str]:
        if limit is None:
            return expression.findall(text)
        # Stops after `limit` matches: a source file may be five hundred times longer.
        return list(map(itemgetter(0), islice(expression.finditer(text), limit)))

    return tokenize


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise ConfigError(f"dictionary.pattern {pattern!r} is no regular expression: {error}.") from None
    if expression.groups:
        raise ConfigError(
            f"dictionary.pattern {pattern!r} has a capturing group; write (?:…) instead of (…)."
        )
    if expression.search(""):
        raise ConfigError(
            f"dictionary.pattern {pattern!r} matches the empty text, which is no token; write + instead of *."
        )
    return expression
