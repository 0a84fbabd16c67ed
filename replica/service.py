"""GitHub: who asks, what is left of their quota, and which part of the replica answers."""

import base64
import binascii
import contextlib
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import parse_qsl

from replica import git_http, graphql_api
from replica.api import Api
from replica.exchange import Reply, Request
from replica.graphql_nodes import Nodes, same_page
from replica.hub import Hub
from replica.quota import Quota, Standing
from replica.rest import Answer, Rest, failure
from replica.shapes import Shapes


class Service(Api):
    """Answers requests for `hub`, whose git directories are seen under `views`, at the address `url`.

    Without `tokens` nobody needs one and all share one quota.
    """

    name = "github"

    def __init__(self, hub: Hub, views: Path, url: str, tokens: Sequence[str], quota: Quota):
        shapes = Shapes(hub, url)
        self._hub = hub
        self._url = url
        self._views = views
        self._rest = Rest(hub, shapes)
        self._nodes = Nodes(hub, shapes)
        self._tokens = tokens
        self._quota = quota
        self._expired: set[str] = set()

    def __str__(self) -> str:
        return f"{len(self._hub.repositories)} repositories of {len(self._hub.users)} users"

    def reply(self, request: Request) -> Reply:
        caller = self._caller(request.headers)
        if caller is not None and (caller not in self._tokens or caller in self._expired):
            return as_json(failure(401, "Bad credentials"), self._quota.standing(None, "core"))
        answer = {"git": self._git, "graphql": self._graphql, "core": self._core}[request.resource]
        return answer(request, caller)

    def refuse(self, seconds: int | None) -> Reply:
        message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
        page = "/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits"
        refused = as_json(failure(403, message, page), self._quota.standing(None, "core"))
        named = {} if seconds is None else {"Retry-After": str(seconds)}
        return refused._replace(headers={**refused.headers, **named})

    def exhaust(self, seconds: float) -> None:
        self._quota.exhaust(("core", "graphql"), seconds)

    def expire(self, number: int) -> None:
        self._expired.add(self._tokens[number])

    def delete(self, item: str) -> None:
        self._hub.delete(item)

    def shift(self, count: int) -> None:
        self._rest.shifted += count

    def lists(self, body: dict | list) -> list[list]:
        if isinstance(body, list):
            return [body]
        found = [value for key, value in body.items() if key in ("nodes", "edges")]
        inner = [value for value in body.values() if isinstance(value, dict)]
        inner += [each for items in found for each in items if isinstance(each, dict)]
        return found + [items for each in inner for items in self.lists(each)]

    def loop(self, request: Request, body: dict | list) -> dict[str, str] | None:
        if isinstance(body, list):
            again = f"{request.path}?{request.query}"
            return {"Link": f'<{self._url}{again}>; rel="next"'}
        same_page(body)
        return None

    def _caller(self, headers: Mapping[str, str]) -> str | None:
        """The token that was shown, by any of the schemes that GitHub takes."""
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        if not self._tokens or not shown:
            return None
        if scheme.lower() == "basic":
            with contextlib.suppress(binascii.Error, UnicodeDecodeError):
                return base64.b64decode(shown).decode().partition(":")[2]
        return shown.strip()

    def _name(self, caller: str | None) -> str:
        """How GitHub addresses a caller in a message: by a number, never by the token."""
        return "127.0.0.1" if caller is None else f"user ID {self._tokens.index(caller) + 1}"

    def _git(self, request: Request, caller: str | None) -> Reply:
        owner, name, tail = git_http.split_path(request.path)
        repository = self._hub.repository(owner, name)
        if repository is None:
            return git_http.not_found(anonymous=caller is None)
        return git_http.serve(repository, self._views, request, tail)

    def _graphql(self, request: Request, caller: str | None) -> Reply:
        def charge(cost: int) -> tuple[bool, Standing]:
            return self._quota.charge(caller, "graphql", cost)

        if self._tokens and caller is None:
            answer = failure(401, "This endpoint requires you to be authenticated.")
        elif request.method != "POST":
            answer = failure(404, "Not Found")
        else:
            answer = graphql_api.answer(request.body, self._nodes, charge, self._name(caller))
        return as_json(answer, self._quota.standing(caller, "graphql"))

    def _core(self, request: Request, caller: str | None) -> Reply:
        if "user-agent" not in request.headers:
            cure = "Please make sure your request has a User-Agent header."
            refused = failure(403, f"Request forbidden by administrative rules. {cure}")
            return as_json(refused, self._quota.standing(caller, "core"))
        if request.path == "/rate_limit":
            return as_json(Answer(200, self._rate_limit(caller)), self._quota.standing(caller, "core"))
        answer = self._find(request)
        body = encode(answer.body)
        tag = f'"{hashlib.sha256(body).hexdigest()}"'
        # A 304 costs nothing: https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api
        unchanged = answer.status == 200 and tag in request.headers.get("if-none-match", "")
        granted, standing = self._quota.charge(caller, "core", 0 if unchanged else 1)
        if not granted:
            page = "/using-the-rest-api/rate-limits-for-the-rest-api"
            return as_json(failure(403, f"API rate limit exceeded for {self._name(caller)}.", page), standing)
        tagged = {"ETag": f"W/{tag}"} if answer.status == 200 else {}
        if unchanged:
            return Reply(304, {**standing.headers(), **tagged}, b"")
        return Reply(answer.status, {**common_headers(standing), **answer.headers, **tagged}, body)

    def _find(self, request: Request) -> Answer:
        if request.method not in ("GET", "HEAD"):
            return failure(404, "Not Found")
        return self._rest.answer(request.path, parse_qsl(request.query, keep_blank_values=True))

    def _rate_limit(self, caller: str | None) -> dict:
        """https://docs.github.com/rest/rate-limit/rate-limit"""

        def row(resource: str) -> dict[str, int]:
            found = self._quota.standing(caller, resource)
            return {name: getattr(found, name) for name in ("limit", "used", "remaining", "reset")}

        return {"resources": {name: row(name) for name in ("core", "graphql", "search")}, "rate": row("core")}


def as_json(answer: Answer, standing: Standing) -> Reply:
    return Reply(answer.status, {**common_headers(standing), **answer.headers}, encode(answer.body))


def common_headers(standing: Standing) -> dict[str, str]:
    version = "v4" if standing.resource == "graphql" else "v3"
    return {
        "Content-Type": "application/json; charset=utf-8",
        "X-GitHub-Media-Type": f"github.{version}; format=json",
        **standing.headers(),
    }


def encode(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
