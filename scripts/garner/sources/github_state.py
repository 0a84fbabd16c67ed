"""The state of a crawl of GitHub on the disk: its journal, which is the truth, and the index beside it."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from garner.crawl import Journal
from garner.errors import DiskFullError, InputError
from garner.files import sha256_of
from garner.logs import log
from garner.sources.github_index import Index

NAME = "index.sqlite"
# The beginnings of SQLite's names for its errors.
_NO_SPACE = ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_FSYNC", "SQLITE_IOERR_TRUNCATE")
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_ERROR", "SQLITE_IOERR_SHORT_READ", "SQLITE_CONSTRAINT")

T = TypeVar("T")


def with_state(state: Path, api: str, settings: object, work: Callable[[Journal, Index], T]) -> T:
    """What `work` returns, given the journal of the API at `api` and its index, which is closed afterwards.

    `settings` is what the index depends on besides the journal. Where the index turns out to be damaged, the
    work is begun once more with a new one; nothing is lost by that, as the journal has it all.
    Raises DiskFullError, InputError for an index that cannot be used, and what Journal raises.
    """
    path = state / NAME
    try:
        return _try(path, settings, Journal(state, api), work)
    except sqlite3.DatabaseError as error:
        if not _name(error).startswith(_DAMAGED):
            raise _told(error, path) from None
        log.warning("%s is damaged (%s): it is made anew from the journal.", path, error)
    path.unlink(missing_ok=True)
    try:
        return _try(path, settings, Journal(state, api), work)
    except sqlite3.DatabaseError as error:
        raise _told(error, path) from None


def _name(error: sqlite3.DatabaseError) -> str:
    return getattr(error, "sqlite_errorname", "")


def _told(error: sqlite3.DatabaseError, path: Path) -> DiskFullError | InputError:
    if _name(error).startswith(_NO_SPACE):
        return DiskFullError(
            f"no space left to write {path} ({error}). Free some space there and run the same command "
            "again: it goes on where it stopped."
        )
    return InputError(
        f"{path} can't be used ({error}). Delete it and run the same command again: it is made anew from "
        "the journal beside it."
    )


def _try(path: Path, settings: object, journal: Journal, work: Callable[[Journal, Index], T]) -> T:
    index = Index(path, sha256_of(settings))
    try:
        place, _ = index.kept()
        try:
            journal.after(place)
        except LookupError:
            log.warning("%s is of another journal: it is made anew.", path)
            index.discard()
            index = Index(path, sha256_of(settings))
        return work(journal, index)
    finally:
        index.close()
