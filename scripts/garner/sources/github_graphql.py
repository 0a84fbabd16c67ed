"""GitHub's GraphQL API: several users, or repositories, in one request, each under an alias.

A user is asked for with the first page of whom they follow and of the repositories they own, each of these
with its languages; later pages ride along with the next users. A request costs points: the connections that
it opens, with every page counted as full, through 100. So the first page of repositories is short, as most
users own few, and a request is filled up to a fixed number of connections, or to what the quota has left.
https://docs.github.com/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
"""

import json
from collections.abc import Callable, Iterable
from functools import partial

from garner.errors import ApiError, MalformedError, TransientError
from garner.http.client import Client
from garner.logs import log
from garner.sources.github_detour import answered
from garner.sources.github_records import Page, owned_by, repository_record

POINT = 100  # connections
CONNECTIONS = 640  # in one request: 6 points, 20 new users
ALIASES = 100  # in one request
FIRST_REPOSITORIES = 30  # on the first page of a user's repositories; 100 on the later ones
ATTEMPTS_BEFORE_HALVING = 2  # GitHub gives up on a query after 10 seconds, and says 502

_PAGE_INFO = "pageInfo { hasNextPage endCursor }"
_LANGUAGES = f"{{ edges {{ size node {{ name }} }} {_PAGE_INFO} }}"
_REPOSITORY = (
    "{ nameWithOwner url isFork isArchived stargazerCount diskUsage defaultBranchRef { name } "
    f"licenseInfo {{ spdxId }} languages(first: 100) {_LANGUAGES} }}"
)
_OWNED = "privacy: PUBLIC, ownerAffiliations: OWNER, orderBy: {field: NAME, direction: ASC}"

_REASONS = {"NOT_FOUND": "gone", "FORBIDDEN": "forbidden"}
_TRANSIENT = {"INTERNAL", "RESOURCE_LIMITS_EXCEEDED", "SERVICE_UNAVAILABLE", "TIMEOUT"}


class GraphQL:
    """Asks for pages at the address `url` and reads the answers as records."""

    name = "graphql"
    resource = "graphql"

    def __init__(self, client: Client, url: str):
        self._client = client
        self._url = url

    def fetch(self, pages: Iterable[Page]) -> list[dict]:
        """Records for the first of `pages`, as many as go into one request.

        A request that fails twice is sent by halves, as its size may be the cause; what fails alone while the
        API works is recorded. Raises what `Client.request` raises, and MalformedError for answers of another
        shape.
        """
        # The first request costs one point: only its answer tells whether the quota has more.
        aliases = _fill(pages, POINT * (self._client.affordable(self.resource) or 1))
        while len(aliases) > 1:
            try:
                return self._ask(aliases, ATTEMPTS_BEFORE_HALVING)
            except (TransientError, MalformedError):
                log.warning("asking for %d at once instead of %d", len(aliases) // 2, len(aliases))
                aliases = aliases[: len(aliases) // 2]
        return answered(partial(self._ask, aliases), self._check_health, aliases[0][0])

    def _ask(self, aliases: list[list[Page]], attempts: int) -> list[dict]:
        fields = "".join(f"a{index}: {_field(pages)}\n" for index, pages in enumerate(aliases))
        records: list[dict] = []

        def check(body: dict) -> None:
            _check(body)
            reasons = _reasons(body)
            records[:] = [
                record
                for index, pages in enumerate(aliases)
                for record in _records(pages, body["data"][f"a{index}"], reasons.get(f"a{index}"))
            ]

        self._send(f"query {{\n{fields}}}", check, attempts=attempts)
        return records

    def _check_health(self) -> None:
        self._send("query { __typename }", lambda body: body["data"]["__typename"])

    def _send(self, query: str, read: Callable[[dict], object], **options: object) -> None:
        def check(body: dict) -> None:
            try:
                read(body)
            except (KeyError, TypeError, AttributeError) as error:
                raise MalformedError(f"the answer has another shape: {error!r}") from None

        self._client.request(
            "POST",
            self._url,
            resource=self.resource,
            expect=dict,
            check=check,
            json={"query": query},
            **options,
        )


def _fill(pages: Iterable[Page], affordable: float) -> list[list[Page]]:
    """The first pages, those of one user together, until a request is full; at least one."""
    aliases: dict[tuple[str, bool], list[Page]] = {}
    connections = 0
    for page in pages:
        connections += _connections(page)
        key = (page.of, page.kind == "languages")
        full = connections > min(CONNECTIONS, affordable) or (key not in aliases and len(aliases) == ALIASES)
        if aliases and full:
            break
        aliases.setdefault(key, []).append(page)
    return list(aliases.values())


def _connections(page: Page) -> int:
    """What a page adds to the connections of a request: its own, and one for each repository's languages."""
    if page.kind == "repositories":
        return 1 + _page_size(page)
    return 0 if page.kind == "account" else 1


def _page_size(page: Page) -> int:
    return FIRST_REPOSITORIES if page.kind == "repositories" and page.after is None else 100


def _field(pages: list[Page]) -> str:
    """What is asked for under one alias."""
    kinds = {page.kind: page for page in pages}
    of = pages[0].of
    if "listed" in kinds:
        return f"{_repository(of)} {_REPOSITORY}"
    if "languages" in kinds:
        return f"{_repository(of)} {{ languages({_bounds(kinds['languages'])}) {_LANGUAGES} }}"
    fields = ["login"]
    if "following" in kinds:
        fields.append(f"following({_bounds(kinds['following'])}) {{ nodes {{ login }} {_PAGE_INFO} }}")
    if "repositories" in kinds:
        arguments = f"{_bounds(kinds['repositories'])}, {_OWNED}"
        fields.append(f"repositories({arguments}) {{ nodes {_REPOSITORY} {_PAGE_INFO} }}")
    return f"user(login: {json.dumps(of)}) {{ {' '.join(fields)} }}"


def _repository(full_name: str) -> str:
    owner, name = full_name.split("/")
    return f"repository(owner: {json.dumps(owner)}, name: {json.dumps(name)})"


def _bounds(page: Page) -> str:
    after = f", after: {json.dumps(page.after.removeprefix('graphql:'))}" if page.after else ""
    return f"first: {_page_size(page)}{after}"


def _records(pages: list[Page], value: dict | None, reason: str | None) -> list[dict]:
    """What the value of an alias teaches about the pages that were asked for under it."""
    kind, of, after = pages[0][:3]
    if value is None:
        return [{pages[0].subject: of, "status": reason or "gone"}]
    if kind == "listed":
        return [{"listed": of, "found": _repository_record(value)}]
    if kind == "languages":
        connection = value["languages"]
        found = {"repository": of, "languages": _languages(connection)}
        return [found | {"after": after, "next": _next(connection)}]
    return [_user_record(page, value) for page in pages]


def _user_record(page: Page, value: dict) -> dict:
    login = value["login"]
    if login.lower() != page.of.lower():
        raise MalformedError(f"the answer about {page.of} is about {login[:100]!r}")
    if page.kind == "account":
        return {"user": login}
    connection = value[page.kind]
    nodes = [node for node in connection["nodes"] if node is not None]
    if withheld := len(connection["nodes"]) - len(nodes):
        log.warning("GitHub withholds %d of the %s of %s", withheld, page.kind, login)
    if page.kind == "following":
        found = [node["login"] for node in nodes]
    else:
        found = owned_by(login, [_repository_record(node) for node in nodes])
    return {"user": login, page.kind: found, "after": page.after, "next": _next(connection)}


def _repository_record(node: dict) -> dict:
    languages = node["languages"] or {"edges": [], "pageInfo": {"hasNextPage": False}}
    return repository_record(
        repository=node["nameWithOwner"],
        clone_url=f"{node['url']}.git",
        default_branch=node["defaultBranchRef"] and node["defaultBranchRef"]["name"],
        fork=node["isFork"],
        archived=node["isArchived"],
        stars=node["stargazerCount"],
        size_kib=node["diskUsage"] or 0,
        licence=node["licenseInfo"] and node["licenseInfo"]["spdxId"],
        languages=_languages(languages),
        more_languages=_next(languages),
    )


def _languages(connection: dict) -> dict[str, int]:
    return {edge["node"]["name"]: edge["size"] for edge in connection["edges"]}


def _next(connection: dict) -> str | None:
    page = connection["pageInfo"]
    return f"graphql:{page['endCursor']}" if page["hasNextPage"] else None


def _check(body: dict) -> None:
    """Raise what the errors of a body with status 200 mean, but for those that are about one alias."""
    for error in _errors(body):
        kind, message = error.get("type"), str(error.get("message"))[:200]
        invalid = "extensions" in error or ("locations" in error and "path" not in error)
        if kind in _TRANSIENT or (kind is None and not invalid):
            raise TransientError(f"GitHub says {message!r}")
        if kind is None or "path" not in error:
            raise ApiError(f"the query is refused: {message!r}. Is the setting scrape.api right?")


def _reasons(body: dict) -> dict[str, str]:
    """Why the value of an alias is missing, for those that are."""
    return {
        str(error["path"][0]): _REASONS.get(error["type"], error["type"].lower())
        for error in _errors(body)
        if error.get("path") and error.get("type")
    }


def _errors(body: dict) -> list[dict]:
    errors = body.get("errors")
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
