"""What one request to GitHub teaches: the records that the journal keeps, whichever protocol brought them.

A record is a JSON object that stands for itself:

    {"user"}                                           the account is there, and spelled like this
    {"user", "following": [login], "after", "next"}    a page of whom the user follows
    {"user", "repositories": [...], "after", "next"}   a page of the repositories that the user owns
    {"repository", "languages": {name: bytes}, "after", "next"}
    {"listed", "found": {...}}                         a line of a list of repositories, looked up
    {"user" | "repository" | "listed", "status"}       nothing to be had, and why: gone, forbidden …

`after` is the cursor that was asked with (None: the first page), `next` the one to ask with (None: that was
the last page). A cursor begins with the name of its protocol, as the other protocol cannot use it.
"""

import re
from typing import NamedTuple

from garner.errors import MalformedError

OK = "ok"  # the status of a user of whom everything could be fetched

_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")
_NO_LICENCE = {"", "NOASSERTION", "NONE"}  # where a text was found that GitHub cannot name


class Page(NamedTuple):
    """Something to ask for: `kind` is "account", "following" or "repositories" of the user `of`, "languages"
    of the repository `of` ("owner/name"), or "listed", which is that repository itself."""

    kind: str
    of: str
    after: str | None = None


def is_repository_name(text: str) -> bool:
    """Whether `text` is an "owner/name" such as GitHub gives; such a one is safe within a path."""
    return _NAME.fullmatch(text) is not None


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
