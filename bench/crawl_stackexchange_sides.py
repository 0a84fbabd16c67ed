"""One side of the benchmark `crawl_stackexchange`, in a process and an environment of its own.

`python crawl_stackexchange_sides.py SIDE URL IDS KEY` asks the replica at URL for the questions whose ids the
file IDS lists, with their bodies, and prints how many different ones came, as JSON.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

SITE = "stackoverflow"


def ours(url: str, ids: list[int], key: str) -> Iterator[int]:
    from garner.document import read_documents
    from garner.errors import QuotaError
    from garner.sources import open_source

    scrape = {"api": f"{url}/2.3", "site": SITE, "from_date": None, "to_date": None, "questions_file": None}
    stop_after = {"questions": None, "date": None}
    study = {
        "source": "stackexchange",
        "exclude": [],
        "scrape": scrape | {"dump": None, "stop_after": stop_after},
    }
    with TemporaryDirectory(prefix="garner-bench-") as name:
        folder = Path(name)
        tokens = folder / "keys"
        tokens.touch(mode=0o600)
        tokens.write_text(key)
        operational = {"tokens": tokens if key else None, "contact": None, "on_quota": "stop"}
        source = open_source(study, folder / "state", operational)
        with suppress(QuotaError):  # the next run would go on
            source.crawl()
        outputs = {each: folder / each for each in ("documents", "failures")}
        source.seal(outputs)
        for document in read_documents(outputs["documents"]):
            yield int(document.group)


def stackapi(url: str, key: str):
    from stackapi import StackAPI

    return StackAPI(SITE, base_url=url, key=key or None, page_size=100, max_pages=10_000)


def stackapi_single(url: str, ids: list[int], key: str) -> Iterator[int]:
    site = stackapi(url, key)
    for number in ids:
        for item in site.fetch("questions/{ids}", ids=[number], filter="withbody")["items"]:
            yield item["question_id"]


def stackapi_bulk(url: str, ids: list[int], key: str) -> Iterator[int]:
    from stackapi import StackAPIError

    site = stackapi(url, key)
    try:
        for item in site.fetch("questions", filter="withbody", sort="creation", order="asc")["items"]:
            yield item["question_id"]
    except StackAPIError as error:
        print(f"stackapi_bulk: {error.error} {error.message}", file=sys.stderr)


def perceval(url: str, ids: list[int], key: str) -> Iterator[int]:
    from perceval.backends.core.stackexchange import StackExchange, StackExchangeClient
    from requests import HTTPError

    StackExchangeClient.STACKEXCHANGE_API_URL = url
    try:
        for item in StackExchange(SITE, api_token=key or None).fetch():
            yield item["data"]["question_id"]
    except HTTPError as error:
        print(f"perceval: {error.response.text}", file=sys.stderr)


SIDES = {each.__name__: each for each in (ours, stackapi_single, stackapi_bulk, perceval)}


def main(side: str, url: str, listed: str, key: str) -> None:
    found = set(SIDES[side](url, json.loads(Path(listed).read_text()), key))
    print(json.dumps({"questions": len(found)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
