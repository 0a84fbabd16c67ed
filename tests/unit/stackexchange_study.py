"""Questions that are made up, the study that asks for them, and the dump that holds them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from xml.sax.saxutils import quoteattr

from garner.document import Document, read_documents
from garner.files import read_json
from garner.sources import open_source
from replica import questions

SITE, HOST = "scifi", "scifi.stackexchange.com"
FIRST = 1_600_000_000  # when the first question was asked: 2020-09-13


def row(number: int, created: int | None = None, **changes: object) -> dict:
    title = changes.get("title", f'Why "{number}" & not <{number + 1}>?')
    body = f"<p>Ünïcödé 🐉 {number} &lt;b&gt;</p>\n\n<pre><code>a\n\nb\n</code></pre>\n"
    tags = ["star-wars", f"tag-{number % 7}", "c++"]
    return {
        "question_id": number,
        "title": title,
        "body": body,
        "tags": tags,
        "creation_date": FIRST + 600 * number if created is None else created,
    } | changes


def rows(count: int) -> list[dict]:
    return [row(number) for number in range(1, count + 1)]


def items(asked: Iterable[dict]) -> list[dict]:
    return [questions.item(each, HOST) for each in asked]


def study(api: str = "http://127.0.0.1:9/2.3", exclude: Iterable[str] = (), **changes: object) -> dict:
    """`changes` are settings of `scrape`, `questions` and `date` those of its `stop_after`."""
    stop_after = {"questions": changes.pop("questions", None), "date": changes.pop("date", None)}
    scrape = {
        "api": api,
        "site": SITE,
        "from_date": None,
        "to_date": None,
        "questions_file": None,
        "dump": None,
        "stop_after": stop_after,
    }
    return {"source": "stackexchange", "exclude": list(exclude), "scrape": scrape | changes}


def operational(**changes: object) -> dict:
    return {
        "tokens": None,
        "contact": None,
        "on_quota": "wait",
        "ratelimit": [],
        "backoff": {"mult": 1, "exp": None, "max": 300},
        "proxies": None,
        "clocks": None,
    } | changes


def outputs(state: Path) -> dict[str, Path]:
    folder = state.parent / "results"
    return {"documents": folder / "documents.parquet", "failures": folder / "failures.json"}


def scrape(settings: dict, state: Path, **changes: object) -> tuple[list[Document], list[dict]]:
    """Crawl and seal; the documents and the failures."""
    source = open_source(settings, state, operational(**changes))
    source.crawl()
    return seal(settings, state)


def seal(settings: dict, state: Path) -> tuple[list[Document], list[dict]]:
    results = outputs(state)
    open_source(settings, state, operational()).seal(results)
    return list(read_documents(results["documents"])), read_json(results["failures"])


def key_file(folder: Path, *keys: str) -> Path:
    path = folder / "keys"
    path.write_text("\n".join(keys))
    path.chmod(0o600)
    return path


def posts_xml(asked: Iterable[dict], pipes: bool = False) -> str:
    """A dump of questions, each followed by an answer."""
    lines = []
    for each in asked:
        moment = datetime.fromtimestamp(each["creation_date"], UTC)
        tags = "|" + "|".join(each["tags"]) + "|" if pipes else "".join(f"<{tag}>" for tag in each["tags"])
        fields = {
            "Id": each["question_id"],
            "PostTypeId": 1,
            "CreationDate": f"{moment:%Y-%m-%dT%H:%M:%S}.793",
            "Score": 3,
            "Body": each["body"],
            "OwnerUserId": 12,
            "OwnerDisplayName": "Somebody",
            "Title": each["title"],
            "Tags": tags,
            "ContentLicense": questions.LICENCE,
        }
        lines.append(_element(fields))
    return (
        '\ufeff<?xml version="1.0" encoding="utf-8"?>\n<posts>\n'
        + "".join(lines)
        + _element({"Id": 10**9, "PostTypeId": 2, "ParentId": 1, "Body": "<p>An answer</p>"})
        + "</posts>"
    )


def _element(fields: dict) -> str:
    attributes = " ".join(f"{key}={quoteattr(str(value), ESCAPES)}" for key, value in fields.items())
    return f"  <row {attributes} />\n"


ESCAPES = {"\n": "&#xA;"}
