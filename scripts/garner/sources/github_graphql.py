"""GitHub's GraphQL API: several users, or repositories, in one request, each under an alias.

A user is asked for with the first page of whom they follow and of the repositories they own, each with its
languages; later pages ride along with the next users. A request costs points: the connections that it opens, every
`first` counted as filled, through 100. So the first page of repositories is short (most users own few), and a
request is filled up to a fixed number of connections.
https://docs.github.com/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
"""

import json
from collections.abc import Iterable

from garner.answers import Limited
from garner.client import ATTEMPTS, Client
from garner.errors import ApiError, MalformedError, TransientError
from garner.logs import log
from garner.sources.github_records import Page, owned_by, repository_record

CONNECTIONS = 640  # in one request: 6 points, 20 new users
ALIASES = 100  # in one request
FIRST_REPOSITORIES = 30  # on the first page of a user's repositories, 100 on the later ones
ATTEMPTS_BEFORE_HALVING = 2  # GitHub gives up on a query that takes more than 10 seconds, and says 502

_REASONS = {"NOT_FOUND": "gone", "FORBIDDEN": "forbidden"}
_TRANSIENT = {
    "INTERNAL",
    "INTERNAL_SERVER_ERROR",
    "RESOURCE_LIMITS_EXCEEDED",
    "SERVICE_UNAVAILABLE",
    "TIMEOUT",
}
_OWNED = "privacy: PUBLIC, ownerAffiliations: OWNER, orderBy: {field: NAME, direction: ASC}"
_PAGE_INFO = "pageInfo { hasNextPage endCursor }"
_LANGUAGES = "{ edges { size node { name } } " + _PAGE_INFO + " }"
_REPOSITORY = (
    "{ nameWithOwner url isFork isArchived stargazerCount diskUsage defaultBranchRef { name } licenseInfo { spdxId } "
    f"languages(first: 100) {_LANGUAGES} }}"
)


class GraphQL:
    """Asks for pages at the address `url` and reads the answers as records."""

    name = "graphql"
    resource = "graphql"

    def __init__(self, client: Client, url: str):
        self._client = client
        self._url = url

    def fetch(self, pages: Iterable[Page]) -> list[dict]:
        """Records for the first of `pages`, as many as one request may ask for.

        A request that fails again and again is sent by halves, as the cause may be its size. Raises what
        `Client.request` raises, and MalformedError for an answer of another shape.
        """
        aliases = _fill(pages)
        while True:
            try:
                attempts = ATTEMPTS_BEFORE_HALVING if len(aliases) > 1 else ATTEMPTS
                return self._ask(aliases, attempts)
            except (TransientError, MalformedError) as error:
                if len(aliases) == 1:
                    raise
                aliases = aliases[: len(aliases) // 2]
                log.warning("%s Asking for %d at once.", error, len(aliases))

    def _ask(self, aliases: list[list[Page]], attempts: int) -> list[dict]:
        query = "".join(f"a{index}: {_selection(pages)}\n" for index, pages in enumerate(aliases))
        answer = self._client.request(
            "POST",
            self._url,
            resource=self.resource,
            expect=dict,
            check=_check,
            attempts=attempts,
            json={"query": f"query {{\n{query}}}"},
        )
        records = []
        try:
            reasons = _reasons(answer.body)
            for index, pages in enumerate(aliases):
                value = answer.body["data"][f"a{index}"]
                records += _records(pages, value, reasons.get(f"a{index}"))
        except (KeyError, TypeError, AttributeError) as error:
            raise MalformedError(
                f"POST {self._url}: the answer has another shape than asked for ({error!r})."
            ) from None
        return records


def _fill(pages: Iterable[Page]) -> list[list[Page]]:
    """The first pages, those of one user together, until the connections or aliases of a request are used up."""
    aliases: dict[tuple[str, bool], list[Page]] = {}
    connections = 0
    for page in pages:
        connections += _connections(page)
        key = (page.of, page.kind == "languages")
        if aliases and (connections > CONNECTIONS or (key not in aliases and len(aliases) == ALIASES)):
            break
        aliases.setdefault(key, []).append(page)
    return list(aliases.values())


def _connections(page: Page) -> int:
    """What a page adds to the connections that GitHub counts: its own, and one for each repository's languages."""
    if page.kind == "repositories":
        return 1 + _page_size(page)
    return 0 if page.kind == "account" else 1


def _page_size(page: Page) -> int:
    return FIRST_REPOSITORIES if page.kind == "repositories" and page.after is None else 100


def _selection(pages: list[Page]) -> str:
    """The field that asks for what belongs under one alias."""
    kinds = {page.kind: page for page in pages}
    if "listed" in kinds:
        return _repository(pages[0].of) + _REPOSITORY
    if "languages" in kinds:
        return f"{_repository(pages[0].of)}{{ languages({_arguments(pages[0])}) {_LANGUAGES} }}"
    fields = ["login"]
    if "following" in kinds:
        fields.append(f"following({_arguments(kinds['following'])}) {{ nodes {{ login }} {_PAGE_INFO} }}")
    if "repositories" in kinds:
        arguments = f"{_arguments(kinds['repositories'])}, {_OWNED}"
        fields.append(f"repositories({arguments}) {{ nodes {_REPOSITORY} {_PAGE_INFO} }}")
    return f"user(login: {json.dumps(pages[0].of)}) {{ {' '.join(fields)} }}"


def _repository(full_name: str) -> str:
    owner, name = full_name.split("/")
    return f"repository(owner: {json.dumps(owner)}, name: {json.dumps(name)}) "


def _arguments(page: Page) -> str:
    after = f", after: {json.dumps(page.after.removeprefix('graphql:'))}" if page.after else ""
    return f"first: {_page_size(page)}{after}"


def _records(pages: list[Page], value: dict | None, reason: str | None) -> list[dict]:
    """What the value of an alias teaches about the pages that were asked for under it."""
    kind, of, after = pages[0]
    subject = {"listed": "listed", "languages": "repository"}.get(kind, "user")
    if value is None:
        return [{subject: of, "status": reason or "gone"}]
    if kind == "listed":
        return [{"listed": of, "found": _repository_record(value)}]
    if kind == "languages":
        languages = value["languages"]
        return [
            {"repository": of, "languages": _languages(languages), "after": after, "next": _next(languages)}
        ]
    return [_user_record(page, value) for page in pages]


def _user_record(page: Page, value: dict) -> dict:
    record = {"user": value["login"]}
    if page.kind == "account":
        return record
    connection = value[page.kind]
    nodes = [node for node in connection["nodes"] if node is not None]
    if len(nodes) < len(connection["nodes"]):
        log.warning(
            "GitHub withholds %d %s of %s", len(connection["nodes"]) - len(nodes), page.kind, value["login"]
        )
    if page.kind == "following":
        found = [node["login"] for node in nodes]
    else:
        found = owned_by(value["login"], [_repository_record(node) for node in nodes])
    return record | {page.kind: found, "after": page.after, "next": _next(connection)}


def _repository_record(node: dict) -> dict:
    languages = node["languages"] or {"edges": [], "pageInfo": {"hasNextPage": False}}
    return repository_record(
        repository=node["nameWithOwner"],
        clone_url=node["url"] + ".git",
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
    """Raise what the errors of a body with status 200 mean, unless they are about single items."""
    for error in _errors(body):
        kind, message = error.get("type"), str(error.get("message"))
        if kind == "RATE_LIMITED" or "rate limit" in message.lower():
            raise Limited(message)
        refused = "extensions" in error or ("locations" in error and "path" not in error)
        if kind in _TRANSIENT or (kind is None and not refused):
            raise TransientError(f"GitHub says {message[:200]!r}")
        if kind is None or "path" not in error:
            raise ApiError(f"the query is refused: {message[:200]!r}. Is the setting scrape.api right?")


def _reasons(body: dict) -> dict[str, str]:
    """Why the value of an alias is missing, for those that are."""
    return {
        error["path"][0]: _REASONS.get(error.get("type"), str(error.get("type")).lower())
        for error in _errors(body)
        if error.get("path")
    }


def _errors(body: dict) -> list[dict]:
    return [error for error in body.get("errors") or [] if isinstance(error, dict)]
