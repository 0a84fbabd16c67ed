"""Asking the Stack Exchange API for questions, and reading its answers as records of the journal.

A record is a JSON object that stands for itself:

    {"from", "to", "page", "questions": [...], "failures": [...]}    now all created in that time is known
    {"asked": [id], "questions": [...], "failures": [...]}           questions of a list
    {"until"}                                                        where a crawl without `to_date` ends

https://api.stackexchange.com/docs/questions and https://api.stackexchange.com/docs/questions-by-ids
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from garner.errors import GoneError, MalformedError
from garner.http.client import Client
from garner.sources.stackexchange_frontier import PAGE, Window
from garner.sources.stackexchange_questions import from_item

METHOD = "questions"
FILTER = "withbody"  # built in: the fields that come by default (title, tags, link, licence …), and the body


class Api:
    """Asks for the questions of one site, at the address `url` ("https://api.stackexchange.com/2.3")."""

    def __init__(self, client: Client, url: str, site: str):
        self._client = client
        self._url = f"{url}/{METHOD}"
        self._site = site

    def fetch_window(self, windows: Iterable[Window]) -> list[dict]:
        """The record of the first of `windows`. Raises what `Client.request` raises."""
        window = next(iter(windows))
        # Whether the bounds belong to the range is not documented: a second more on both sides fits either.
        bounds = {"todate": window.end} | ({"fromdate": window.begin - 1} if window.begin else {})
        body = self._ask(
            "",
            lambda body: _check_window(body, window),
            **bounds,
            page=window.page,
            order="asc",
            sort="creation",
        )
        return [self._window_record(window, body)]

    def fetch_ids(self, pages: Iterable[list[int]]) -> list[dict]:
        """The record of the first of `pages`, which are of up to 100 ids. Raises likewise."""
        asked = next(iter(pages))
        body = self._ask("/" + ";".join(map(str, asked)), lambda body: _check_ids(body, asked))
        record = {"asked": asked} | self._read(body["items"])
        answered = {item["question_id"] for item in body["items"]}
        record["failures"] += [
            _failure(number, None, GoneError.reason, "the API knows no such question (any more)")
            for number in asked
            if number not in answered
        ]
        return [record]

    def _ask(self, path: str, check, **parameters: object) -> dict:
        parameters |= {"site": self._site, "filter": FILTER, "pagesize": PAGE}
        answer = self._client.request(
            "GET", self._url + path, resource=METHOD, expect=dict, check=check, params=parameters
        )
        return answer.body

    def _window_record(self, window: Window, body: dict) -> dict:
        items = body["items"]
        until = window.end
        if body["has_more"]:
            # More questions of the second in which the page ends may follow, so that second is asked again.
            until = min(max(items[-1]["creation_date"], window.begin), window.end)
        last = until if until > window.begin else window.end
        ours = [item for item in items if window.begin <= item["creation_date"] < last]
        return {"from": window.begin, "to": until, "page": window.page} | self._read(ours)

    def _read(self, items: list[dict]) -> dict[str, list]:
        """The questions of `items`, each once, and those that cannot be read."""
        questions, failures = {}, {}
        for item in items:
            number = item["question_id"]
            try:
                questions[number] = from_item(item, self._site)
            except MalformedError as error:
                failures[number] = _failure(number, item["creation_date"], error.reason, str(error))
        return {"questions": list(questions.values()), "failures": list(failures.values())}


def _failure(number: int, created: int | None, reason: str, detail: str) -> dict:
    return {
        "id": number,
        "created": created,
        "reason": reason,
        "detail": detail,
        "time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }


def _check(body: dict) -> list[dict]:
    """The items of an answer; MalformedError where it is not of the documented shape."""
    items = body.get("items")
    if not isinstance(items, list) or not isinstance(body.get("has_more"), bool):
        raise MalformedError("the answer has no items or no has_more")
    if not all(isinstance(item, dict) and _has_numbers(item) for item in items):
        raise MalformedError("the answer holds an item without question_id or creation_date")
    if body["has_more"] and not items:
        raise MalformedError("the answer is empty and says that there is more")
    return items


def _has_numbers(item: dict) -> bool:
    return all(type(item.get(key)) is int and item[key] >= 0 for key in ("question_id", "creation_date"))


def _check_window(body: dict, window: Window) -> None:
    """MalformedError where the answer is to another question than was asked, such as an earlier page."""
    times = [item["creation_date"] for item in _check(body)]
    if times != sorted(times) or (times and not window.begin - 1 <= times[0] <= times[-1] <= window.end):
        raise MalformedError("the answer holds questions that were not asked for")


def _check_ids(body: dict, asked: list[int]) -> None:
    answered = {item["question_id"] for item in _check(body)}
    if body["has_more"] or not answered <= set(asked):
        raise MalformedError("the answer holds questions that were not asked for")
