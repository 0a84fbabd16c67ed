"""The index of a crawl of GitHub: what its journal says, looked up on the disk instead of kept in memory.

It can be made anew from the journal at any time, and is whenever it is missing, damaged, of other settings or
of another journal. It holds, in one SQLite file,

- `users`: what the last whole answer about each user said, and whether a later try failed;
- `repositories`: theirs, by name, so that sealing reads them in order;
- `queue`: the breadth-first order, and who led to whom;
- `pages`: the ETags of REST, each with what its page held, for when the API says that nothing has changed;
- `begun`: users of whom something is still to be asked.

A user's repositories and pages carry a `round`, the number of times that the user has been asked about, so
that the last whole answer stays until the next one is whole.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from garner.crawl import Place

FORMAT = "1"
CACHE_KIB = 64 * 1024
AT_ONCE = 100  # of the queue, looked at together
CHECKPOINT_PAGES = 8000  # of 4 KiB: the size that SQLite's log grows to

_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE queue (
    position INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, login TEXT NOT NULL, depth INTEGER NOT NULL,
    via INTEGER
);
CREATE TABLE users (
    key TEXT PRIMARY KEY, login TEXT NOT NULL, status TEXT NOT NULL, fetched INTEGER NOT NULL, failed INTEGER,
    run INTEGER NOT NULL, round INTEGER NOT NULL, follows TEXT NOT NULL, following INTEGER NOT NULL,
    repositories INTEGER NOT NULL
);
CREATE TABLE repositories (
    name TEXT, round INTEGER, key TEXT NOT NULL, clone_url TEXT, default_branch TEXT, fork INTEGER,
    archived INTEGER, stars INTEGER, size_kib INTEGER, licence TEXT, languages TEXT, PRIMARY KEY (name, round)
) WITHOUT ROWID;
CREATE TABLE pages (
    key TEXT, round INTEGER, what TEXT, after TEXT, etag TEXT, next TEXT, items TEXT,
    PRIMARY KEY (key, round, what, after)
) WITHOUT ROWID;
CREATE TABLE begun (key TEXT PRIMARY KEY, state TEXT NOT NULL);
"""
_FACTS = "login, status, fetched, failed, run, round, follows, following, repositories"
_REPOSITORY = (
    "name, clone_url, default_branch, fork, archived, stars, size_kib, licence, languages"  # in this order
)


class Facts(NamedTuple):
    """What the last whole answer about a user said, at `fetched` (seconds of the epoch). `failed` is when a
    later try failed, or this one; `run` numbers the run in which either came."""

    login: str
    status: str
    fetched: int
    failed: int | None
    run: int
    round: int
    follows: str  # logins, one a line
    following: int
    repositories: int


class Ahead(NamedTuple):
    """A user of the queue; `facts` are None where no answer has been whole so far."""

    position: int  # from 1
    key: str  # the login in lower case
    login: str
    depth: int
    via: int | None  # the position of the user who led here; None for a seed
    facts: Facts | None


class StoredPage(NamedTuple):
    etag: str
    next: str | None
    items: list[str]


class Index:
    """One connection to the file at `path` (None: in memory). `settings` is what the order depends on."""

    def __init__(self, path: Path | None, settings: str):
        self.path = path
        self._connect()
        try:
            if self._stamp() != [FORMAT, settings]:
                self.discard()
                self._connect()
                self._create(settings)
        except BaseException:
            self.close()
            raise
        self.execute("BEGIN")

    def _connect(self) -> None:
        if self.path is not None and not self.path.exists():
            self._remove()  # a log without its database must not be read into a new one
        self._database = sqlite3.connect(self.path or ":memory:", isolation_level=None)
        self.execute, self.executemany = self._database.execute, self._database.executemany
        self.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self.execute("PRAGMA locking_mode = EXCLUSIVE")  # no shared memory, which a network file system lacks
        self.execute("PRAGMA journal_mode = WAL")
        self.execute("PRAGMA synchronous = NORMAL")
        self.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")

    def _stamp(self) -> list[str] | None:
        if self.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone() is None:
            return None
        query = "SELECT value FROM meta WHERE name IN ('format', 'settings') ORDER BY name"
        return [value for (value,) in self.execute(query)]

    def _create(self, settings: str) -> None:
        self._database.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
        self.execute("INSERT INTO meta VALUES ('format', ?), ('settings', ?)", (FORMAT, settings))

    def close(self) -> None:
        """What was not kept is dropped."""
        self._database.close()

    def discard(self) -> None:
        """Throw the file away."""
        self.close()
        self._remove()

    def _remove(self) -> None:
        for ending in ("", "-wal", "-shm", "-journal") if self.path else ():
            with suppress(FileNotFoundError):
                Path(f"{self.path}{ending}").unlink()

    # How far it goes

    def kept(self) -> tuple[Place | None, dict]:
        """The place in the journal up to which this index goes, and the numbers kept with it."""
        row = self.execute("SELECT value FROM meta WHERE name = 'kept'").fetchone()
        if row is None:
            return None, {}
        value = json.loads(row[0])
        return Place(*value.pop("place")), value

    def keep(self, place: Place, numbers: dict, begun: dict[str, dict]) -> None:
        """From here on a killed process loses nothing up to `place`."""
        self.execute("DELETE FROM begun")
        self.executemany(
            "INSERT INTO begun VALUES (?, ?)", ((key, json.dumps(each)) for key, each in begun.items())
        )
        value = json.dumps({**numbers, "place": place})
        self.execute("INSERT OR REPLACE INTO meta VALUES ('kept', ?)", (value,))
        self.execute("COMMIT")
        self.execute("BEGIN")

    def begun(self) -> dict[str, dict]:
        return {key: json.loads(state) for key, state in self.execute("SELECT * FROM begun ORDER BY rowid")}

    # The queue

    def known(self) -> int:
        return self.execute("SELECT max(position) FROM queue").fetchone()[0] or 0

    def enqueue(self, logins: Iterable[str], depth: int, via: int | None) -> None:
        """Put at the end those who are not in the queue yet."""
        self.executemany(
            "INSERT OR IGNORE INTO queue (key, login, depth, via) VALUES (?, ?, ?, ?)",
            ((login.lower(), login, depth, via) for login in logins),
        )

    def position(self, key: str) -> int | None:
        row = self.execute("SELECT position FROM queue WHERE key = ?", (key,)).fetchone()
        return row and row[0]

    def ahead(self, position: int, count: int) -> list[Ahead]:
        """The next `count` of the queue after a position."""
        facts = ", ".join(f"users.{name}" for name in _FACTS.split(", "))
        rows = self.execute(
            f"SELECT position, key, queue.login, depth, via, {facts} FROM queue LEFT JOIN users USING (key)"
            " WHERE position > ? AND position <= ? ORDER BY position",
            (position, position + count),
        )
        return [Ahead(*row[:5], Facts(*row[5:]) if row[5] is not None else None) for row in rows]

    def rewind(self, passed: int) -> None:
        """Forget whom those after the position `passed` led to: all that came into the queue since."""
        self.execute("DELETE FROM queue WHERE via > ?", (passed,))

    def first_to_ask_again(self, passed: int, fetched_before: float, run: int) -> int | None:
        """The first position up to `passed` whose user is older than that, or could not be had, if that was
        before this run."""
        query = "FROM users WHERE (failed IS NOT NULL OR fetched < ?) AND run < ?"
        if self.execute(f"SELECT 1 {query} LIMIT 1", (fetched_before, run)).fetchone() is None:
            return None
        return self.execute(
            f"SELECT min(position) FROM queue WHERE position <= ? AND key IN (SELECT key {query})",
            (passed, fetched_before, run),
        ).fetchone()[0]

    # What is known of users

    def facts(self, key: str) -> Facts | None:
        row = self.execute(f"SELECT {_FACTS} FROM users WHERE key = ?", (key,)).fetchone()
        return row and Facts(*row)

    def learn_facts(self, key: str, facts: Facts) -> None:
        """Take in a whole answer, and forget the repositories and pages of earlier ones."""
        old = self.execute("SELECT login FROM users WHERE key = ?", (key,)).fetchone()
        if old is None:
            self.execute("INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (key, *facts))
            return
        self.execute(
            f"UPDATE users SET ({_FACTS}) = (?, ?, ?, ?, ?, ?, ?, ?, ?) WHERE key = ?", (*facts, key)
        )
        self.execute("DELETE FROM pages WHERE key = ? AND round < ?", (key, facts.round))
        for login in {*old, facts.login}:
            # "0" follows upon "/": a range of names that begin with "login/".
            self.execute(
                "DELETE FROM repositories WHERE name > ? AND name < ? AND key = ? AND round < ?",
                (f"{login}/", f"{login}0", key, facts.round),
            )

    def learn_failure(self, key: str, failed: int, run: int) -> None:
        """A later try failed: what was known stays."""
        self.execute("UPDATE users SET failed = ?, run = ? WHERE key = ?", (failed, run, key))

    def forget_failures(self) -> int:
        """Forget all that could not be had; how many these were."""
        return self.execute("DELETE FROM users WHERE failed IS NOT NULL").rowcount

    def counted(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Each position of the queue from `first` to `last`, and how many repositories that user owns."""
        return self.execute(
            "SELECT position, repositories FROM queue JOIN users USING (key)"
            " WHERE position BETWEEN ? AND ? ORDER BY position",
            (first, last),
        )

    # Repositories and pages

    def stage(self, key: str, number: int, records: Iterable[dict]) -> None:
        """Take in repositories of the round `number`, by name."""
        self.executemany(
            "INSERT OR REPLACE INTO repositories VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    *(record["repository"], number, key, record["clone_url"], record["default_branch"]),
                    *(
                        record["fork"],
                        record["archived"],
                        record["stars"],
                        record["size_kib"],
                        record["licence"],
                    ),
                    record["languages"] if record["languages"] is None else json.dumps(record["languages"]),
                )
                for record in records
            ),
        )

    def carry_over(self, names: Iterable[str], number: int) -> None:
        """Take repositories of the round before as those of the round `number`."""
        self.executemany(
            f"INSERT OR REPLACE INTO repositories ({_REPOSITORY}, key, round)"
            f" SELECT {_REPOSITORY}, key, ? FROM repositories WHERE name = ? AND round = ?",
            ((number, name, number - 1) for name in names),
        )

    def drop(self, names: Iterable[str], number: int) -> None:
        query = "DELETE FROM repositories WHERE name = ? AND round = ?"
        self.executemany(query, ((name, number) for name in names))

    def add_languages(self, name: str, number: int, languages: dict[str, int]) -> None:
        """Take in a page of the languages of a repository."""
        found = self.languages(name, number)
        value = json.dumps({**(found or {}), **languages})
        query = "UPDATE repositories SET languages = ? WHERE name = ? AND round = ?"
        self.execute(query, (value, name, number))

    def languages(self, name: str, number: int) -> dict[str, int] | None:
        query = "SELECT languages FROM repositories WHERE name = ? AND round = ?"
        row = self.execute(query, (name, number)).fetchone()
        return None if row is None or row[0] is None else json.loads(row[0])

    def keep_page(self, key: str, number: int, what: str, after: str | None, page: StoredPage) -> None:
        self.execute(
            "INSERT OR REPLACE INTO pages VALUES (?, ?, ?, ?, ?, ?, ?)",
            (key, number, what, after or "", page.etag, page.next, "\n".join(page.items)),
        )

    def page(self, key: str, number: int, what: str, after: str | None) -> StoredPage | None:
        row = self.execute(
            "SELECT etag, next, items FROM pages WHERE key = ? AND round = ? AND what = ? AND after = ?",
            (key, number, what, after or ""),
        ).fetchone()
        return row and StoredPage(row[0], row[1], row[2].split("\n") if row[2] else [])

    def forget_pages(self, key: str, number: int, what: str = "%") -> None:
        """Have them asked for without an ETag the next time: those of one list, or all."""
        query = "DELETE FROM pages WHERE key = ? AND round = ? AND what LIKE ?"
        self.execute(query, (key, number, what))

    # What is sealed

    def visited(self, last: float) -> Iterator[dict]:
        """The users of the queue up to the position `last`, in order, as far as they are known."""
        rows = self.execute(
            "SELECT user.login, here.depth, here.position - 1, led.login, user.status, user.repositories,"
            " user.following FROM queue here CROSS JOIN users user ON user.key = here.key"
            " LEFT JOIN queue before ON before.position = here.via"
            " LEFT JOIN users led ON led.key = before.key"
            " WHERE here.position <= ? ORDER BY here.position",
            (last,),
        )
        names = ("user", "depth", "order", "found_via", "status", "repositories", "following")
        return (dict(zip(names, row, strict=True)) for row in rows)

    def repositories(self, last: int, status: str) -> Iterator[dict]:
        """Those of the users of that status up to `last`, sorted by name, each with its owner's `order`."""
        columns = ", ".join(f"found.{name}" for name in _REPOSITORY.split(", "))
        rows = self.execute(
            f"SELECT {columns}, queue.position - 1 FROM repositories found"
            " CROSS JOIN users ON users.key = found.key AND users.round = found.round AND users.status = ?"
            " CROSS JOIN queue ON queue.key = found.key AND queue.position <= ? ORDER BY found.name",
            (status, last),
        )
        for name, url, branch, fork, archived, stars, size, licence, languages, order in rows:
            yield {
                "repository": name,
                "clone_url": url,
                "default_branch": branch,
                "fork": bool(fork),
                "archived": bool(archived),
                "stars": stars,
                "size_kib": size,
                "licence": licence,
                "languages": {} if languages is None else json.loads(languages),
                "order": order,
            }
