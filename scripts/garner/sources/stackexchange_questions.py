"""What a question is, wherever it comes from: the record that the journal keeps, and the document of it.

A record holds {"id", "created" (seconds of the epoch), "title", "body", "tags", "link", "licence"}: nothing
of who asked. The API and the public dump give the same record of the same question; a table does not tell
when it was created, nor its licence: None.
"""

import html
import re
from collections.abc import Iterable
from datetime import UTC, datetime

from garner.document import Document
from garner.errors import ConfigError, MalformedError

_SITE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*")
_OWN_DOMAIN = {"stackoverflow", "superuser", "serverfault", "askubuntu", "stackapps"}  # NAME.com
_LINK = re.compile(r"https://[A-Za-z0-9.-]+/questions/[0-9]+")
_REFERENCE = re.compile(
    r"(?:(?:https?://)?(?:www\.)?([A-Za-z0-9.-]+)/(?:questions|q)/)?([0-9]{1,18})(?:[/?#]\S*)?"
)


def host_of(site: str) -> str:
    """The host that a site is read at, by the API's name of it (`api_site_parameter`).

    "scifi" → "scifi.stackexchange.com", "meta.superuser" → "meta.superuser.com", "es.stackoverflow" →
    "es.stackoverflow.com", "mathoverflow.net" → itself. Raises ConfigError for what no site can be called.
    """
    if not _SITE.fullmatch(site):
        raise ConfigError(
            f"the setting scrape.site is {site!r}. Expected the API's name of a site, such as scifi, "
            "stackoverflow or meta.superuser."
        )
    first, _, last = site.rpartition(".")
    if last in _OWN_DOMAIN:
        return f"{site}.com"
    if last in ("net", "com"):
        return site
    return f"{last}.meta.stackexchange.com" if first == "meta" else f"{site}.stackexchange.com"


def read_reference(text: str, site: str) -> int | None:
    """The id of a question given as a number or as its address at `site`; None where it is neither."""
    match = _REFERENCE.fullmatch(text.strip())
    if match is None or match[1] not in (None, *_hosts(site)):
        return None
    return int(match[2])


def read_excluded(names: Iterable[str], site: str) -> frozenset[int]:
    """The ids of the questions that the setting `exclude` names. Raises ConfigError for what names none."""
    excluded = {name: read_reference(name, site) for name in names}
    for name, number in excluded.items():
        if number is None:
            raise ConfigError(
                f"the setting exclude names {name!r}. Expected the id or the address of a question of {site}."
            )
    return frozenset(excluded.values())


def _hosts(site: str) -> tuple[str, str]:
    return host_of(site), site  # mathoverflow.net is both


def from_item(item: dict, site: str) -> dict:
    """The record of a question as the API gives it. Raises MalformedError where something is missing."""
    link = _LINK.match(item["link"]) if isinstance(item.get("link"), str) else None
    return _record(
        site,
        item["question_id"],
        item["creation_date"],
        html.unescape(_given(item, "title", str)),  # the API escapes it, once; the dump does not
        _given(item, "body", str),
        _given(item, "tags", list),
        item.get("content_license"),
        link and link[0],
    )


def from_row(row: dict[str, str], site: str) -> dict:
    """The record of a question as a row of the dump's Posts.xml. Raises MalformedError likewise."""
    return _record(
        site,
        int(row["Id"]),
        created_in_row(row),
        _given(row, "Title", str),
        _given(row, "Body", str),
        # <one><two> up to 2024, |one|two| since
        re.findall("[^<>|]+", _given(row, "Tags", str)),
        row.get("ContentLicense"),
        None,
    )


def from_table(row: dict, site: str) -> dict:
    """The record of a question as a row of a table, its title plain text. Raises MalformedError likewise."""
    return _record(
        site,
        row["question_id"],
        None,
        _given(row, "title", str),
        _given(row, "body", str),
        _given(row, "tags", list),
        None,
        None,
    )


def created_in_row(row: dict[str, str]) -> int:
    """Seconds of the epoch; the dump gives milliseconds, in UTC, which the API cuts off."""
    try:
        moment = datetime.fromisoformat(row["CreationDate"])
    except (KeyError, ValueError):
        raise MalformedError("it has no CreationDate that can be read") from None
    return int(moment.replace(tzinfo=UTC).timestamp())


def document(question: dict, site: str) -> Document:
    """The text is the title, one line of plain text, then an empty line, then the body, HTML as it came.

    So `title, _, body = text.partition("\\n\\n")` tells them apart again.
    """
    origin = {"site": site, "question_id": str(question["id"]), "link": question["link"]}
    if question["created"] is not None:
        origin["creation_date"] = f"{datetime.fromtimestamp(question['created'], UTC):%Y-%m-%dT%H:%M:%SZ}"
    if question["licence"]:
        origin["licence"] = question["licence"]
    return Document(
        id=document_id(site, question["id"]),
        text=f"{question['title']}\n\n{question['body']}",
        labels=tuple(question["tags"]),
        group=str(question["id"]),
        origin=origin,
    )


def document_id(site: str, question: int) -> str:
    return f"{site}:{question}"


def _given(source: dict, key: str, kind: type):
    if not isinstance(source.get(key), kind):
        raise MalformedError(f"it has no {key}")
    return source[key]


def _record(
    site: str, number: int, created: int | None, title: str, body: str, tags: list, licence, link: str | None
) -> dict:
    if not all(isinstance(tag, str) for tag in tags):
        raise MalformedError("its tags are no words")
    return {
        "id": number,
        "created": created,
        "title": " ".join(_writable(title).split()),
        "body": _writable(body),
        "tags": sorted({_writable(tag) for tag in tags}),
        "link": link or f"https://{host_of(site)}/questions/{number}",
        "licence": licence if isinstance(licence, str) else None,
    }


def _writable(text: str) -> str:
    """Half a surrogate pair, which JSON may hold, becomes a question mark: no file of text can hold it."""
    return text.encode("utf-8", errors="replace").decode("utf-8")
