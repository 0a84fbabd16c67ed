"""Tokens of an API, read from a file that only its owner can read.

A token's text appears nowhere but in a request to its API: messages name its file and line, and files that
jobs share name it by a digest.
"""

import hashlib
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from garner.errors import CredentialsError

_TOKEN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True)
class Token:
    """One line of a token file, or ANONYMOUS."""

    secret: str | None = field(repr=False)
    place: str  # "FILE, line N", for messages

    @cached_property
    def id(self) -> str:
        """What stands for the token in files: from it nobody learns the token."""
        return hashlib.sha256(self.secret.encode()).hexdigest()[:12] if self.secret else "anonymous"

    def hidden_in(self, text: str) -> str:
        """`text` with the token struck out, as some APIs repeat it in what they answer."""
        for form in (self.secret, quote(self.secret, safe="")) if self.secret else ():
            text = text.replace(form, "[token]")
        return text


ANONYMOUS = Token(None, "no token")


def read_tokens(path: Path | str) -> list[Token]:
    """The tokens of a file, one a line; blank lines and those that begin with # are skipped, doubles dropped.

    Raises CredentialsError where the file is missing, empty or open to others, or a line is no token.
    """
    tokens: dict[str, Token] = {}
    for place, line in private_lines(path, "token"):
        if not _TOKEN.fullmatch(line):
            raise CredentialsError(f"{place} is no token. Write one token a line, nothing else.")
        tokens.setdefault(line, Token(line, place))
    return list(tokens.values())


def private_lines(path: Path | str, what: str) -> Iterator[tuple[str, str]]:
    """The place ("FILE, line N") and text of each line of a file of mode 0600, but for blanks and comments.

    `what` is what a line holds. Raises CredentialsError.
    """
    path = Path(path).expanduser()
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise CredentialsError(
            f"the {what} file {path} can't be read: {why}. Write one {what} a line, then run: "
            f"chmod 600 {path}"
        ) from None
    if mode & 0o077:
        raise CredentialsError(
            f"the {what} file {path} has mode {mode:04o}, so that others can read it. Run: chmod 600 {path}"
        )
    stripped = [(number, line.strip()) for number, line in enumerate(lines, start=1)]
    found = [(number, line) for number, line in stripped if line and not line.startswith("#")]
    if not found:
        raise CredentialsError(f"the {what} file {path} holds no {what}. Write one {what} a line.")
    return ((f"{path}, line {number}", line) for number, line in found)
