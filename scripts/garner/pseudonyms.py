"""Pseudonyms: keyed hashes that stand for people's names and numbers wherever something is stored.

A pseudonym is HMAC-SHA256 (RFC 2104) under a key of 256 bits, of which the first 96 bits are kept: 24
hexadecimal digits, so that two of a million names fall together with a chance of 1 in 10^17. Names ignore
case, as the site does. Who has the key can tell whether a pseudonym is a given name's, and nobody else can;
so it lies apart from the data, in a file that only its owner can read. Texts stay texts: a person can still
be known by what they write.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from cryptography.fernet import Fernet, InvalidToken

from garner.errors import ConfigError, CredentialsError, InputError
from garner.files import disk_full_is_named, read_json, write_json
from garner.mentions import MENTION

DIGITS = 24  # hexadecimal, of a pseudonym
CHECK = "pseudonyms.json"  # in the folder of a crawl's progress: which key, or none, it was made with

_KEY = re.compile(r"[0-9a-f]{64}")


class Naming(Protocol):
    """How people and posts are called in what is stored: by Pseudonyms, or by PlainNames."""

    check: str | None  # tells one key from another and gives nothing of it away; None for plain names

    def user(self, name: str) -> str:
        """What stands for a user's name, with or without its @."""

    def number(self, kind: str, number: str) -> str:
        """What stands for the number of an account or a post, `kind` saying of which."""

    def text(self, text: str) -> str:
        """A text in which each user that it mentions is replaced by what stands for them."""

    def conceal(self, value: object) -> str:
        """A JSON value as text that only `reveal` reads: what a crawl needs in order to go on."""

    def reveal(self, concealed: str) -> object:
        """What was concealed. Raises InputError where it is damaged."""


class Pseudonyms:
    """The pseudonyms under one key, given as its 64 hexadecimal digits."""

    def __init__(self, key: str):
        self._key = bytes.fromhex(key)
        self._cipher = Fernet(base64.urlsafe_b64encode(self._digest("cipher", "")))
        self.check = self._hash("check", "")

    def user(self, name: str) -> str:
        return self._hash("user", plain_name(name))

    def number(self, kind: str, number: str) -> str:
        return self._hash(kind, number)

    def text(self, text: str) -> str:
        return MENTION.sub(lambda match: match[1] + self.user(match[2]), text)

    def conceal(self, value: object) -> str:
        return self._cipher.encrypt(json.dumps(value).encode()).decode()

    def reveal(self, concealed: str) -> object:
        try:
            return json.loads(self._cipher.decrypt(concealed.encode()))
        except InvalidToken:
            raise InputError(
                "a cursor of the crawl can't be read with the pseudonym key: it is damaged."
            ) from None

    def _hash(self, kind: str, value: str) -> str:
        return self._digest(kind, value).hex()[:DIGITS]

    def _digest(self, kind: str, value: str) -> bytes:
        # The kind keeps a name that is all digits apart from the number of an account or post.
        return hmac.digest(self._key, f"{kind}:{value}".encode(), hashlib.sha256)


class PlainNames:
    """Everyone by their own name: what `scrape.pseudonymise: false` asks for."""

    check = None

    def user(self, name: str) -> str:
        return plain_name(name)

    def number(self, kind: str, number: str) -> str:
        return number

    def text(self, text: str) -> str:
        return text

    def conceal(self, value: object) -> str:
        return json.dumps(value)

    def reveal(self, concealed: str) -> object:
        return json.loads(concealed)


def plain_name(name: str) -> str:
    """The one spelling of a user's name: in lower case, without its @."""
    return name.strip().removeprefix("@").lower()


def naming_of(pseudonymise: bool, key: Path | str) -> Naming:
    """How people are called in a study, for the stages after the crawl: they read its key and never make one.

    Raises CredentialsError where `key` (the setting run.pseudonym_key) is missing, open to others or no key.
    """
    return Pseudonyms(read_key(key)) if pseudonymise else PlainNames()


def naming_of_crawl(pseudonymise: bool, key: Path | str, state: Path) -> Naming:
    """How people are called by the crawl whose progress lies in `state`, bound to its key from now on.

    The first crawl makes the key. Raises CredentialsError as `naming_of` does, and ConfigError where the
    progress was made with another key, or with none.
    """
    check = state / CHECK
    begun = check.exists()
    if pseudonymise and not begun:
        make_key(key)
    try:
        naming = naming_of(pseudonymise, key)
    except CredentialsError as error:
        if not begun:
            raise
        raise CredentialsError(f"{error} {_without(state)}") from None
    if not begun:
        write_json(check, {"key": naming.check})
    elif (made_with := _made_with(check)) != naming.check:
        _refuse(pseudonymise, made_with, key, state)
    return naming


def read_key(path: Path | str) -> str:
    """The key that a file of mode 0600 holds. Raises CredentialsError."""
    path = Path(path).expanduser()
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise CredentialsError(
            f"the pseudonym key {path} (the setting run.pseudonym_key) is not there. Put back the copy that "
            "you kept of it."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise CredentialsError(f"the pseudonym key {path} can't be read: {why}.") from None
    if mode & 0o077:
        raise CredentialsError(
            f"the pseudonym key {path} has mode {mode:04o}, so that others can read it. Run: chmod 600 {path}"
        )
    if not _KEY.fullmatch(text):
        raise CredentialsError(
            f"{path} holds no pseudonym key (64 hexadecimal digits). Put back the copy that you kept of it."
        )
    return text


def make_key(path: Path | str) -> None:
    """Make a key of random bits in a file of mode 0600, unless there is one. Raises DiskFullError."""
    path = Path(path).expanduser()
    with disk_full_is_named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, part = tempfile.mkstemp(".part", f"{path.name}.", path.parent)  # of mode 0600
        try:
            with open(descriptor, "w") as file:
                file.write(secrets.token_hex(32) + "\n")
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):  # where two crawls begin at once, the first one's key stands
                os.link(part, path)
        finally:
            os.unlink(part)


def _made_with(check: Path) -> str | None:
    try:
        return read_json(check)["key"]
    except (KeyError, TypeError):
        raise InputError(f"{check} is damaged. Restore it, or begin anew: {_reset(check.parent)}") from None


def _refuse(pseudonymise: bool, made_with: str | None, key: Path | str, state: Path) -> None:
    if pseudonymise and made_with is not None:
        raise CredentialsError(
            f"the pseudonym key {key} is not the one that {state} was made with. Put that one back. "
            f"{_without(state)}"
        )
    kept = "the names themselves" if made_with is None else "pseudonyms"
    raise ConfigError(
        f"{state} holds {kept}, but the setting scrape.pseudonymise is {str(pseudonymise).lower()}. Set it "
        f"back, or begin anew: {_reset(state)}"
    )


def _without(state: Path) -> str:
    return f"Without it the study can't go on, and would have to begin anew: {_reset(state)}"


def _reset(state: Path) -> str:
    return f"make reset STUDY={state.parent.name} STAGE={state.name}"
