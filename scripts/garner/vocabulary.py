"""The vocabulary: which token has which id.

Standard library and numpy only, as the shipped classifier reads it too. dictionary.py counts it.

The file is JSON: `{"version": 1, "pattern": …, "tokens": [[token, count], …]}`, most frequent first, one
token a line. The token in place i has id i + 2.
"""

import json
from collections.abc import Iterable
from itertools import repeat
from pathlib import Path

import numpy as np

from garner.errors import InputError
from garner.files import read_json, write_text
from garner.tokens import tokenizer

PADDING = 0
OUT_OF_VOCABULARY = 1
_SPECIAL = 2  # ids before the first token's
_VERSION = 1


class Vocabulary:
    """Tokens and their counts over the training part, most frequent first, and the pattern that cuts them."""

    def __init__(self, pattern: str, counts: Iterable[tuple[str, int]]):
        self.pattern = pattern
        self.counts = list(counts)
        self.tokenize = tokenizer(pattern)
        self.dtype = np.dtype(np.uint16 if len(self) <= 1 << 16 else np.uint32)
        self._id_of = {token: number for number, (token, _) in enumerate(self.counts, start=_SPECIAL)}

    def __len__(self) -> int:
        """Number of ids: the tokens, padding, and out of vocabulary."""
        return len(self.counts) + _SPECIAL

    def ids(self, text: str, limit: int) -> np.ndarray:
        """Ids of the first `limit` tokens of `text`, no padding: shape (≤ limit,), dtype `self.dtype`."""
        tokens = self.tokenize(text, limit)
        ids = map(self._id_of.get, tokens, repeat(OUT_OF_VOCABULARY))
        return np.fromiter(ids, dtype=self.dtype, count=len(tokens))

    def save(self, path: Path | str) -> None:
        head = json.dumps({"version": _VERSION, "pattern": self.pattern}, ensure_ascii=False)
        tokens = ",\n".join(json.dumps(pair, ensure_ascii=False) for pair in self.counts)
        write_text(path, f'{head[:-1]}, "tokens": [\n{tokens}\n]}}\n')

    @classmethod
    def load(cls, path: Path | str) -> "Vocabulary":
        """Raises InputError that names `path` where it is missing, damaged or of another version."""
        value = read_json(path)
        cure = f"Delete {path} and run the same command again."
        if not isinstance(value, dict) or not isinstance(value.get("pattern"), str):
            raise InputError(f"{path} is no vocabulary. {cure}")
        if value.get("version") != _VERSION:
            found = value.get("version")
            raise InputError(f"{path} is a vocabulary of version {found!r}, not {_VERSION}. {cure}")
        pairs = value.get("tokens")
        if not isinstance(pairs, list) or not all(map(_is_count, pairs)):
            raise InputError(f'{path}: "tokens" is no list of [token, count]. {cure}')
        if len({token for token, _ in pairs}) != len(pairs):
            raise InputError(f"{path} holds a token twice. {cure}")
        return cls(value["pattern"], map(tuple, pairs))


def _is_count(pair: object) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) and isinstance(pair[1], int)
