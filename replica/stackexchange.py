"""The Stack Exchange API of one site, for questions: its wrapper, its errors, its limits.

https://api.stackexchange.com/docs says what is asked and answered here.
"""

import argparse
import re
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import parse_qsl

from garner.errors import InputError
from garner.sources.stackexchange_questions import host_of
from replica.api import Api
from replica.exchange import Reply, Request
from replica.questions import load
from replica.service import encode
from replica.stackexchange_limits import Limits, Refusal

LARGEST_PAGE = 100
PAGES_WITHOUT_KEY = 25
DEFAULT_PAGE = 30
SORTS = {"activity": "last_activity_date", "creation": "creation_date", "votes": "score"}
WRAPPER = ("items", "has_more", "backoff", "quota_max", "quota_remaining")
OPTIONAL = ("page", "page_size", "total", "type")  # of the wrapper, where a filter asks for them
HIDDEN = {"default": {"body", "body_markdown"}, "withbody": {"body_markdown"}}  # by the filters built in


class StackExchange(Api):
    """`questions` are items as the API gives them (see replica.questions) of the site that it calls `site`.

    - `keys`: known ones; who shows none has `quota` requests a day and 25 pages of a listing, who shows one
      has `key_quota`. Both are counted together, as all that comes from one address.
    - `per_second`: more requests than that are refused for half a minute.
    - `backoff`: (n, seconds): each n-th answer asks for that pause; who does not keep it is refused.
    - `filters`: what further filters bring, by name: fields of a question, and of the wrapper with a dot.
    """

    name = "stackexchange"
    prefixes = ("/2.2/", "/2.3/")

    def __init__(
        self,
        questions: Iterable[dict],
        *,
        site: str = "stackoverflow",
        keys: Iterable[str] = (),
        quota: int = 300,
        key_quota: int = 10_000,
        per_second: int | None = None,
        backoff: tuple[int, int] | None = None,
        filters: Mapping[str, Iterable[str]] | None = None,
        clock=time.time,
    ):
        self._site = site
        self._keys = list(keys)
        self._limits = Limits(quota, key_quota, per_second, backoff, clock)
        self._filters = {name: frozenset(fields) for name, fields in (filters or {}).items()}
        self._shifted = 0
        self._questions = {each["question_id"]: each for each in questions}
        self._sorted = {sort: _in_order(self._questions.values(), field) for sort, field in SORTS.items()}

    def __str__(self) -> str:
        return f"{len(self._questions):,} questions of {self._site}"

    def reply(self, request: Request) -> Reply:
        asked = dict(parse_qsl(request.query, keep_blank_values=True))
        path = request.path.split("/", 2)[2].rstrip("/")
        try:
            has_key = self._has_key(asked)
            limits = self._limits.admit(path.split("/")[0], has_key)
            return _reply(200, self._filtered(self._answer(path, asked, has_key) | limits, asked))
        except Refusal as refusal:
            return _reply(400, refusal.body())

    def refuse(self, seconds: int | None) -> Reply:
        return _reply(400, Refusal.throttled(seconds).body())

    def exhaust(self, seconds: float) -> None:
        self._limits.exhaust(seconds)

    def expire(self, number: int) -> None:
        self._keys[number] = ""

    def delete(self, item: str) -> None:
        if not item.isdecimal() or int(item) not in self._questions:
            raise InputError(f"the replica of {self._site} has no question {item} to delete.")
        gone = self._questions.pop(int(item))
        for sort, field in SORTS.items():
            items = [each for each in self._sorted[sort][0] if each is not gone]
            self._sorted[sort] = items, [each[field] for each in items]

    def shift(self, count: int) -> None:
        self._shifted += count

    def lists(self, body: dict | list) -> list[list]:
        return [body["items"]] if isinstance(body, dict) and "items" in body else []

    def loop(self, request: Request, body: dict | list) -> dict[str, str] | None:
        body["has_more"] = True
        return None

    def _has_key(self, asked: dict[str, str]) -> bool:
        """Whether a key is shown; Refusal where it is none of the known ones."""
        key = asked.get("key")
        if not key:
            return False
        if key not in self._keys:
            raise Refusal(400, "bad_parameter", "`key` doesn't match a known application")
        return True

    def _answer(self, path: str, asked: dict[str, str], has_key: bool) -> dict:
        """The wrapper of an answer, with all that it can hold but for the limits."""
        if path == "sites":
            return _page([self._described()], asked | {"pagesize": "100"})
        if asked.get("site") != self._site:
            name = asked.get("site")
            raise Refusal(
                400, "bad_parameter", f"No site found for name `{name}`" if name else "site is required"
            )
        if _number(asked, "page", 1) > PAGES_WITHOUT_KEY and not has_key:
            raise Refusal(403, "access_denied", "page above 25 requires access token or app key")
        if path == "questions":
            return _page(self._listed(asked), asked, self._shifted if asked.get("order") != "asc" else 0)
        if match := re.fullmatch("questions/([0-9]+(?:;[0-9]+)*)", path):
            return _page(self._by_ids(match[1].split(";"), asked), asked)
        raise Refusal(404, "no_method", "no method found with this name")

    def _listed(self, asked: dict[str, str]) -> list[dict]:
        """The questions that the bounds leave, in the order asked for."""
        sort = asked.get("sort", "activity")
        if sort not in SORTS:
            raise Refusal(400, "bad_parameter", "sort")
        items, values = self._sorted[sort]
        begin, end = _bounds(values, _number(asked, "min"), _number(asked, "max"))
        first, last = _number(asked, "fromdate"), _number(asked, "todate")
        if sort == "creation":
            earliest, latest = _bounds(values, first, last)
            found = items[max(begin, earliest) : min(end, latest)]
        else:
            found = [each for each in items[begin:end] if _within(each["creation_date"], first, last)]
        tags = {tag for tag in asked.get("tagged", "").split(";") if tag}
        if tags:
            found = [each for each in found if tags <= set(each["tags"])]
        return found if asked.get("order") == "asc" else found[::-1]

    def _by_ids(self, ids: list[str], asked: dict[str, str]) -> list[dict]:
        if len(ids) > LARGEST_PAGE:
            raise Refusal(400, "bad_parameter", "ids")
        wanted = {int(number) for number in ids}
        found = [self._questions[number] for number in wanted if number in self._questions]
        items, _ = _in_order(found, SORTS[asked.get("sort", "activity")])
        return items if asked.get("order") == "asc" else items[::-1]

    def _filtered(self, body: dict, asked: dict[str, str]) -> dict:
        """What the filter leaves of an answer, in the order in which the API gives it."""
        name = asked.get("filter", "default")
        fields = self._filters.get(name, frozenset())
        if name not in self._filters and name not in HIDDEN:
            raise Refusal(400, "bad_parameter", "filter")
        wrapper = [key for key in (*WRAPPER, *OPTIONAL) if key in WRAPPER or f".{key}" in fields]
        items = [
            {
                key: value
                for key, value in each.items()
                if (key in fields if fields else key not in HIDDEN[name])
            }
            for each in body["items"]
        ]
        return {key: (body | {"items": items})[key] for key in wrapper if key in body}

    def _described(self) -> dict:
        """https://api.stackexchange.com/docs/types/site, the fields without which no client works."""
        host = host_of(self._site)
        return {
            "site_type": "main_site",
            "name": self._site,
            "site_url": f"https://{host}",
            "api_site_parameter": self._site,
        }


def _in_order(questions: Iterable[dict], field: str) -> tuple[list[dict], list[int]]:
    """The questions by a field, then by id, and the values of that field."""
    items = sorted(questions, key=lambda each: (each[field], each["question_id"]))
    return items, [each[field] for each in items]


def _bounds(values: list[int], least: int | None, most: int | None) -> tuple[int, int]:
    """Where the values from `least` to `most`, both included, begin and end."""
    begin = 0 if least is None else bisect_left(values, least)
    return begin, len(values) if most is None else bisect_right(values, most)


def _within(value: int, least: int | None, most: int | None) -> bool:
    return (least is None or value >= least) and (most is None or value <= most)


def _number(asked: dict[str, str], name: str, otherwise: int | None = None) -> int | None:
    text = asked.get(name, "")
    if not text:
        return otherwise
    if not text.isdecimal():
        raise Refusal(400, "bad_parameter", name)
    return int(text)


def _page(found: list[dict], asked: dict[str, str], shifted: int = 0) -> dict:
    """A page of a listing, in front of which `shifted` others stand unseen."""
    size, page = _number(asked, "pagesize", DEFAULT_PAGE), _number(asked, "page", 1)
    if size > LARGEST_PAGE:
        raise Refusal(400, "bad_parameter", "pagesize")
    if page < 1:
        raise Refusal(400, "bad_parameter", "page")
    end = page * size - shifted
    items = found[max(end - size, 0) : max(end, 0)]
    whole = {"items": items, "has_more": end < len(found), "page": page, "page_size": size}
    return whole | {"total": len(found) + shifted, "type": "question"}


def _reply(status: int, body: dict) -> Reply:
    return Reply(status, {"Content-Type": "application/json; charset=utf-8"}, encode(body))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("Stack Exchange").add_argument
    add(
        "--stackexchange",
        type=Path,
        metavar="PATH",
        help="Parquet of questions (see replica.docstrings) or folder of recorded pages; turns it on",
    )
    add("--stackexchange-site", default="stackoverflow", metavar="SITE", help="its name (%(default)s)")
    add("--stackexchange-keys", default="", metavar="K1,K2", help="keys of applications that are known")
    add(
        "--stackexchange-quota",
        type=int,
        default=300,
        metavar="N",
        help="requests a day without a key (%(default)s)",
    )


def from_arguments(arguments: argparse.Namespace) -> StackExchange | None:
    if arguments.stackexchange is None:
        return None
    site = arguments.stackexchange_site
    return StackExchange(
        load(arguments.stackexchange, host_of(site)),
        site=site,
        keys=[key for key in arguments.stackexchange_keys.split(",") if key],
        quota=arguments.stackexchange_quota,
    )
