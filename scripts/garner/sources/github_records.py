"""What one request to GitHub teaches: the records that the journal keeps, whichever protocol brought them.

A record is a JSON object that stands for itself:

    {"user"}                                           the account is there, and spelled like this
    {"user", "following": [login], "after", "next"}    a page of whom the user follows
    {"user", "repositories": [...], "after", "next"}   a page of the repositories that the user owns
    {"repository", "languages": {name: bytes}, "after", "next"}
    {"user" | "repository", "unchanged": what, "after", "next"}   a page is what it was the last time
    {"listed", "found": {...}}                         a line of a list of repositories, looked up
    {"user" | "repository" | "listed", "status"}       nothing to be had, and why: gone, forbidden …
    {"again": login}                                   void is what has come of a user who is not whole

`after` is the cursor that was asked with (None: the first page), `next` the one to ask with (None: that was
the last page). A cursor begins with the name of its protocol, as the other protocol cannot use it. `time` is
when the answer came, in seconds of the epoch; `etag`, of REST alone, what to ask with the next time. With
`reread` a page was looked at again after the one that follows, as some item may have slipped onto it. A
status of `FAILED` has the failure in `detail`: the API works, but has no answer to this.
"""

import re
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from garner.errors import MalformedError, TransientError

OK = "ok"  # the status of a user of whom everything could be fetched
MALFORMED = MalformedError.reason
FAILED = {MALFORMED, TransientError.reason}  # of what a later try may bring
LISTS = ("following", "repositories")  # what comes in pages of a user

_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")
_NO_LICENCE = {"", "NOASSERTION", "NONE"}  # where a text was found that GitHub cannot name


class Page(NamedTuple):
    """Something to ask for: `kind` is "account", "following" or "repositories" of the user `of`, "languages"
    of the repository `of` ("owner/name"), or "listed", which is that repository itself. `etag` is what came
    with this page the last time, `reread` that it is looked at once more."""

    kind: str
    of: str
    after: str | None = None
    etag: str | None = None
    reread: bool = False

    @property
    def subject(self) -> str:
        """The name under which a record of this page has what it is about."""
        return {"listed": "listed", "languages": "repository"}.get(self.kind, "user")


def dated(fetch: Callable[[Iterable[Page]], list[dict]]) -> Callable[[Iterable[Page]], list[dict]]:
    """`fetch`, with the time in each of its records."""

    def fetch_and_date(pages: Iterable[Page]) -> list[dict]:
        records = fetch(pages)
        now = int(time.time())
        return [{**record, "time": now} for record in records]

    return fetch_and_date


def is_repository_name(text: str) -> bool:
    """Whether `text` is an "owner/name" such as GitHub gives; such a one is safe within a path."""
    return _NAME.fullmatch(text) is not None


def rest_cursor(number: int) -> str | None:
    """The cursor of a page of REST, which goes by number."""
    return f"rest:{number}" if number > 1 else None


def rest_number(cursor: str | None) -> int:
    return int(cursor.removeprefix("rest:")) if cursor else 1


def repository_record(
    *,
    repository: str,
    clone_url: str,
    default_branch: str | None,
    fork: bool,
    archived: bool,
    stars: int,
    size_kib: int,
    licence: str | None,
    languages: dict[str, int] | None,
    more_languages: str | None = None,
) -> dict:
    """A repository by its "owner/name". `languages` (name → bytes) is None where they have yet to be asked
    for, `more_languages` the cursor where more of them follow. Raises MalformedError for another name."""
    if not is_repository_name(repository):
        raise MalformedError(f"the API names a repository {repository[:200]!r}, which is no owner/name.")
    return {
        "repository": repository,
        "clone_url": clone_url,
        "default_branch": default_branch,
        "fork": fork,
        "archived": archived,
        "stars": stars,
        "size_kib": size_kib,
        "licence": None if licence is None or licence.upper() in _NO_LICENCE else licence,
        "languages": languages,
        "more_languages": more_languages,
    }


def owned_by(login: str, records: list[dict]) -> list[dict]:
    """Those of `records` that `login` still owns: one may go to another owner between two pages."""
    return [record for record in records if record["repository"].split("/")[0].lower() == login.lower()]


def open_languages(record: dict) -> Page | None:
    """What is left to ask of a repository's languages."""
    if record["languages"] is None or record["more_languages"]:
        return Page("languages", record["repository"], record["more_languages"])
    return None
