"""What is asked of Instagram, and how its answers read as records.

These are the queries of the site's own web pages. Nobody documents them and they change without notice; the
maintainers of instaloader (https://github.com/instaloader/instaloader) keep track, and the addresses and
numbers here are those that they knew in 2026: the profile by name, which mostly brings the first page of
posts, and further pages by the number of the account. Their users report that visitors without a session are
often refused those further pages (403).

A record is a JSON object, in which each person and number stands under its pseudonym:

    {"user", "count", "time", "posts": [{"id", "time", "text"}], "next"}   the profile, with how many posts
    {"user", "posts", "next"}                                              a page of posts
    {"user", "status", "detail", "time"}                                   nothing to be had, and why

`time` of a post is in seconds of the epoch, that of an answer is a date. `next` (concealed) says what to ask
with for the next page.
"""

import json
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from garner.errors import ApiError, GoneError, MalformedError
from garner.http.client import Client
from garner.pseudonyms import Naming, plain_name
from garner.sources.instagram_frontier import PRIVATE, RENAMED, User

PAGE = 12  # posts: more are refused since 2024
POSTS_QUERY = "7950326061742207"
HEADERS = {"X-IG-App-ID": "936619743392459"}  # of the site's own pages: without it a profile is refused

_NUMBER = re.compile(r"[0-9]{1,40}(_[0-9]{1,40})?")
_LATEST = 2**33  # seconds of the epoch


class Api:
    """Asks at the address `url` for users, and names in its records whom it speaks of as `naming` does."""

    resource = "posts"

    def __init__(self, client: Client, url: str, naming: Naming, clock=time.time):
        self._client = client
        self._url = url
        self._naming = naming
        self._clock = clock

    def fetch(self, users: Iterable[User]) -> list[dict]:
        """The record of one request, for the first of `users`.

        Raises what `Client.request` raises, but for what says something of this user alone: a record, too.
        """
        user = next(iter(users))
        try:
            return [self._profile(user) if user.next is None else self._page(user)]
        except GoneError:
            return [self._failure(user, GoneError.reason, "the site knows no such account (any more)")]
        except MalformedError:
            return [self._failure(user, MalformedError.reason, "the site's answer can't be read")]
        except ApiError as error:
            if type(error) is not ApiError:
                raise
            return [self._failure(user, error.reason, "the site refuses the request")]

    def _profile(self, user: User) -> dict:
        read: dict = {}
        self._client.request(
            "GET",
            f"{self._url}/api/v1/users/web_profile_info/",
            resource=self.resource,
            expect=dict,
            check=lambda body: read.update(self._read_profile(body, user)),
            params={"username": user.name},
        )
        return read

    def _page(self, user: User) -> dict:
        account, cursor = self._naming.reveal(user.next)
        read: dict = {}
        self._client.request(
            "POST",
            f"{self._url}/graphql/query",
            resource=self.resource,
            expect=dict,
            check=lambda body: read.update(self._read_page(body, user, account, cursor)),
            data={
                "doc_id": POSTS_QUERY,
                "variables": _variables(account, cursor),
                "server_timestamps": "true",
            },
        )
        return read

    def _read_profile(self, body: dict, user: User) -> dict:
        with _shape_is_known():
            profile = body["data"]["user"]
            if profile is None:
                raise GoneError("no such user")
            if plain_name(profile["username"]) != user.name:
                return self._failure(user, RENAMED, "the account has another name by now")
            if profile["is_private"]:
                return self._failure(user, PRIVATE, "the account shows its posts to its followers alone")
            account, timeline = _number(profile["id"]), profile["edge_owner_to_timeline_media"]
            count = timeline["count"]
            if timeline["edges"]:
                page = self._posts(timeline, user, account, None)
            else:  # not every visitor is given the first page at once
                page = {"posts": [], "next": self._next(account, None) if count else None}
            return {"user": user.key, "count": int(count), "time": self._now(), **page}

    def _read_page(self, body: dict, user: User, account: str, cursor: str | None) -> dict:
        with _shape_is_known():
            if body["data"]["user"] is None:
                raise GoneError("no such user")
            timeline = body["data"]["user"]["edge_owner_to_timeline_media"]
            return {"user": user.key, **self._posts(timeline, user, account, cursor)}

    def _posts(self, timeline: dict, user: User, account: str, cursor: str | None) -> dict:
        """The posts of a page and its `next`. Raises MalformedError where the pages go round in a circle."""
        posts = [self._post(edge["node"]) for edge in timeline["edges"] if _is_own(edge["node"], account)]
        info = timeline["page_info"]
        if not info["has_next_page"] or not timeline["edges"]:
            return {"posts": posts, "next": None}
        following = info["end_cursor"]
        if not isinstance(following, str) or not following:
            raise TypeError("end_cursor")
        again = bool(posts) and user.seen.issuperset(post["id"] for post in posts)
        if again or following == cursor:
            raise MalformedError("the next page is one that was read before")
        return {"posts": posts, "next": self._next(account, following)}

    def _post(self, node: dict) -> dict:
        captions = node["edge_media_to_caption"]["edges"]
        moment = node["taken_at_timestamp"]
        if not isinstance(moment, int) or not 0 <= moment < _LATEST:
            raise TypeError("taken_at_timestamp")
        # Half a character, as a cut text may end with, can't be stored.
        text = captions[0]["node"]["text"].encode("utf-8", "replace").decode() if captions else ""
        return {
            "id": self._naming.number("post", _number(node["id"])),
            "time": moment,
            "text": self._naming.text(text),
        }

    def _next(self, account: str, cursor: str | None) -> str:
        return self._naming.conceal([account, cursor])

    def _failure(self, user: User, status: str, detail: str) -> dict:
        return {"user": user.key, "status": status, "detail": detail, "time": self._now()}

    def _now(self) -> str:
        return f"{datetime.fromtimestamp(self._clock(), UTC):%Y-%m-%dT%H:%M:%SZ}"


@contextmanager
def _shape_is_known() -> Iterator[None]:
    """Turn what goes wrong in reading an answer into a MalformedError, which quotes nothing of it."""
    try:
        yield
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise MalformedError(f"the answer has another shape ({type(error).__name__})") from None


def _number(value: object) -> str:
    """The number of an account or a post as text. Raises ValueError."""
    number = str(value)
    if not _NUMBER.fullmatch(number):
        raise ValueError("no number")
    return number


def _is_own(node: dict, account: str) -> bool:
    """False for a post that another account wrote and that also stands on this one's page."""
    owner = node.get("owner")
    return owner is None or str(owner["id"]) == account


def _variables(account: str, cursor: str | None) -> str:
    """What the query of posts is given, as the site's own pages give it."""
    given = {
        "data": {
            "count": PAGE,
            "include_relationship_info": True,
            "latest_besties_reel_media": True,
            "latest_reel_media": True,
        },
        "id": account,
        "after": cursor,
        "before": None,
        "first": PAGE,
        "last": None,
        "__relay_internal__pv__PolarisFeedShareMenurelayprovider": False,
    }
    return json.dumps(given, separators=(",", ":"))
