"""The replica of Instagram's web pages: profiles by name, and posts page by page.

Its people are plain data or made up (replica.instagram_people); no request reaches the site itself.
"""

import argparse
import csv
import json
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import parse_qsl

from garner.errors import InputError
from replica import instagram_shapes as shapes
from replica.api import Api
from replica.exchange import Reply, Request
from replica.instagram_people import Person, invent
from replica.service import encode

PAGE = 12  # posts, however many are asked for
PROFILE = "/api/v1/users/web_profile_info/"
POSTS = "/graphql/query"
QUERIES = {"42323d64886122307be10013ad2dcc44", "7950326061742207"}  # of posts, as recorded and as of 2026

_LOGIN = (
    b"<!DOCTYPE html><html><head><title>Login</title></head><body><form id='loginForm'></form></body></html>"
)
_CHALLENGE = b"<!DOCTYPE html><html><head><title>Confirm it's you</title></head><body></body></html>"
_MISSING = b"<!DOCTYPE html><html><head><title>Page not found</title></head><body></body></html>"


class Instagram(Api):
    """Answers for `people`.

    - `sessions`: the cookies `sessionid` that are known; who shows another one is sent to the login page.
    - `limits`: (requests, seconds) that all visitors together may use; beyond, they are asked to wait.
    - `first_posts`: of the posts in a profile's answer; 0 as in the recorded one, which its author emptied.
    """

    name = "instagram"
    prefixes = ("/api/v1/", POSTS, "/accounts/", "/challenge/")

    def __init__(
        self,
        people: Iterable[Person],
        *,
        sessions: Sequence[str] = (),
        limits: Sequence[tuple[int, float]] = (),
        first_posts: int = PAGE,
        clock=time.time,
    ):
        self._people = {person.name: person for person in people}
        self._by_number = {person.id: person for person in self._people.values()}
        self._sessions: list[str | None] = list(sessions)
        self._limits = limits
        self._first_posts = first_posts
        self._clock = clock
        self._granted: list[float] = []  # when requests were answered, as far back as the limits look
        self._closed_until = 0.0
        self._lock = threading.Lock()

    def __str__(self) -> str:
        return f"{len(self._people):,} people of Instagram"

    def reply(self, request: Request) -> Reply:
        if request.path.startswith("/accounts/"):
            return self.login()
        if request.path.startswith("/challenge/"):
            return _page(200, _CHALLENGE)
        session = SimpleCookie(request.headers.get("cookie", "")).get("sessionid")
        if session is not None and self._sessions and session.value not in self._sessions:
            return Reply(302, {"Location": "/accounts/login/", "Content-Type": "text/html"}, b"")
        if not self._grants():
            return self.refuse(None)
        asked = dict(parse_qsl(request.query) + parse_qsl(request.body.decode("utf-8", "replace")))
        if request.path == PROFILE and request.method == "GET":
            return self._profile(request, asked)
        if request.path.rstrip("/") == POSTS:
            return self._posts(asked)
        return _page(404, _MISSING)

    def refuse(self, seconds: int | None) -> Reply:
        """As far as is known, 401 goes with no pause named, and 429 may name one."""
        said = {"message": "Please wait a few minutes before you try again.", "require_login": True}
        body = said | {"igweb_rollout": True, "status": "fail"}
        return _json(401, body) if seconds is None else _json(429, body, {"Retry-After": str(seconds)})

    def login(self) -> Reply:
        return _page(200, _LOGIN)

    def exhaust(self, seconds: float) -> None:
        with self._lock:
            self._closed_until = self._clock() + seconds

    def expire(self, number: int) -> None:
        self._sessions[number] = None

    def delete(self, item: str) -> None:
        person = self._people.pop(item)
        del self._by_number[person.id]

    def lists(self, body: dict | list) -> list[list]:
        timeline = _timeline(body)
        return [] if timeline is None else [timeline["edges"]]

    def loop(self, request: Request, body: dict | list) -> dict[str, str] | None:
        timeline = _timeline(body)
        if timeline is not None:
            after = _variables(dict(parse_qsl(request.query) + parse_qsl(request.body.decode()))).get("after")
            timeline["page_info"] = {"has_next_page": True, "end_cursor": after}
        return None

    def _grants(self) -> bool:
        """Count a request, if the limits leave room for it."""
        now = self._clock()
        with self._lock:
            longest = max((seconds for _, seconds in self._limits), default=0.0)
            self._granted = [moment for moment in self._granted if moment > now - longest]
            room = all(
                sum(moment > now - seconds for moment in self._granted) < most
                for most, seconds in self._limits
            )
            granted = room and now >= self._closed_until
            if granted:
                self._granted.append(now)
            return granted

    def _profile(self, request: Request, asked: Mapping[str, str]) -> Reply:
        if "x-ig-app-id" not in request.headers:
            return _json(400, {"message": "useragent mismatch", "status": "fail"})
        person = self._people.get(asked.get("username", "").lower())
        if person is None:
            return _page(404, _MISSING)
        timeline = shapes.page(person, 0, self._first_posts)
        if not self._first_posts and person.posts:  # has a next page, as recorded
            timeline["page_info"]["end_cursor"] = shapes.cursor(person, min(PAGE, len(person.posts)))
        return _json(200, shapes.profile(person, timeline))

    def _posts(self, asked: Mapping[str, str]) -> Reply:
        if asked.get("query_hash", asked.get("doc_id")) not in QUERIES:
            return _json(401, json.loads(self.refuse(None).body))  # as to queries that were retired
        variables = _variables(asked)
        person = self._by_number.get(str(variables.get("id")))
        if person is None:
            return _json(200, shapes.posts(None))
        after = variables.get("after")
        start = 0 if after is None else shapes.place_of(person, after)
        if start is None:
            return _json(400, {"message": "invalid cursor", "status": "fail"})
        size = min(int(variables.get("first", PAGE)), PAGE)
        return _json(200, shapes.posts(shapes.page(person, start, size)))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("Instagram")
    add = group.add_argument
    add("--instagram", type=int, metavar="N", help="answer for N made-up people")
    add("--instagram-posts", type=int, default=24, metavar="N", help="posts of each, about (%(default)s)")
    add("--instagram-seed", type=int, default=0, metavar="N", help="of the people (%(default)s)")
    add("--instagram-sessions", default="", metavar="S1,S2", help="known values of the cookie sessionid")
    add("--instagram-limits", default="", metavar="N/S,N/S", help="requests in so many seconds: 1/30,60/3600")
    add(
        "--instagram-lists", type=Path, metavar="DIR", help="write users.txt and ages.csv of the people there"
    )


def from_arguments(arguments: argparse.Namespace) -> Instagram | None:
    if arguments.instagram is None:
        return None
    if arguments.instagram < 1 or arguments.instagram_posts < 2:
        raise InputError("--instagram takes one person or more, and --instagram-posts two posts or more.")
    people = invent(arguments.instagram, arguments.instagram_posts, arguments.instagram_seed)
    if arguments.instagram_lists is not None:
        write_lists(arguments.instagram_lists, people)
    return Instagram(
        people,
        sessions=[session for session in arguments.instagram_sessions.split(",") if session],
        limits=[_limit(text) for text in arguments.instagram_limits.split(",") if text],
    )


def write_lists(folder: Path, people: Iterable[Person]) -> None:
    """Write `users.txt`, a name a line, and `ages.csv` with the columns `user.name` and `labeled age`."""
    folder.mkdir(parents=True, exist_ok=True)
    people = list(people)
    (folder / "users.txt").write_text("".join(f"{person.name}\n" for person in people))
    with open(folder / "ages.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["user.name", "labeled age"])
        table.writerows((person.name, person.age) for person in people)


def _limit(text: str) -> tuple[int, float]:
    requests, _, seconds = text.partition("/")
    try:
        return int(requests), float(seconds)
    except ValueError:
        raise InputError(
            f"--instagram-limits has {text!r}. Expected requests/seconds, such as 1/30."
        ) from None


def _variables(asked: Mapping[str, str]) -> dict:
    try:
        variables = json.loads(asked.get("variables", "{}"))
    except ValueError:
        return {}
    return variables if isinstance(variables, dict) else {}


def _timeline(body: dict | list) -> dict | None:
    try:
        return body["data"]["user"]["edge_owner_to_timeline_media"]
    except (KeyError, TypeError):
        return None


def _json(status: int, body: object, headers: Mapping[str, str] | None = None) -> Reply:
    try:
        text = encode(body)
    except UnicodeEncodeError:  # half a character, as a text may end with, can only be escaped
        text = json.dumps(body).encode()
    return Reply(status, {"Content-Type": "application/json; charset=utf-8", **(headers or {})}, text)


def _page(status: int, html: bytes) -> Reply:
    return Reply(status, {"Content-Type": "text/html; charset=utf-8"}, html)
