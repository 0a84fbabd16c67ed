"""The objects of GitHub's GraphQL API, as dictionaries.

A value that can be called is called by graphql-core with the arguments of the field.
"""

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from functools import partial

from graphql import FieldNode, FragmentSpreadNode, GraphQLError, GraphQLResolveInfo, SelectionSetNode

from replica.hub import Hub, User, node_id
from replica.repositories import Repository
from replica.shapes import JOINED, Shapes

MAXIMUM_PAGE = 100
MAXIMUM_IDENTIFIERS = 100
ORDERS: dict[str, Callable[[Repository], object]] = {
    "CREATED_AT": lambda each: each.pushed_at,
    "NAME": lambda each: each.name.lower(),
    "PUSHED_AT": lambda each: each.pushed_at,
    "STARGAZERS": lambda each: each.stars,
    "UPDATED_AT": lambda each: each.pushed_at,
}


def fault(kind: str, message: str) -> GraphQLError:
    """An error with GitHub's `type`."""
    return GraphQLError(message, extensions={"type": kind})


class Nodes:
    def __init__(self, hub: Hub, shapes: Shapes):
        self.hub = hub
        self.shapes = shapes

    def query(self, rate_limit: dict) -> dict:
        """The root of a query."""
        return {
            "node": self.find_node,
            "nodes": self.find_nodes,
            "rateLimit": rate_limit,
            "repository": self.find_repository,
            "repositoryOwner": self.find_owner,
            "user": self.find_user,
        }

    def find_owner(self, _info: GraphQLResolveInfo, login: str) -> dict | None:
        """Unlike `user`, GitHub answers null and no error where there is none."""
        user = self.hub.user(login)
        return user and self.user(user)

    def find_user(self, _info: GraphQLResolveInfo, login: str) -> dict:
        user = self.hub.user(login)
        if user is None:
            raise fault("NOT_FOUND", f"Could not resolve to a User with the login of '{login}'.")
        return self.user(user)

    def find_repository(self, _info: GraphQLResolveInfo, owner: str, name: str) -> dict:
        repository = self.hub.repository(owner, name)
        if repository is None:
            raise fault("NOT_FOUND", f"Could not resolve to a Repository with the name '{owner}/{name}'.")
        return self.repository(repository)

    def find_nodes(self, info: GraphQLResolveInfo, ids: list[str]) -> list[dict | GraphQLError]:
        if len(ids) > MAXIMUM_IDENTIFIERS:
            limit = f"You may not provide more than {MAXIMUM_IDENTIFIERS} node ids; you provided {len(ids)}."
            raise fault("ARGUMENT_LIMIT", limit)
        found: list[dict | GraphQLError] = []
        for identifier in ids:
            try:
                found.append(self.find_node(info, identifier))
            except GraphQLError as error:
                found.append(error)
        return found

    def find_node(self, _info: GraphQLResolveInfo, id: str) -> dict:
        kind, number = decode_node_id(id)
        if kind == "User" and (user := self.hub.numbered_user(number)):
            return self.user(user)
        if kind == "Repository" and (repository := self.hub.numbered_repository(number)):
            return self.repository(repository)
        raise fault("NOT_FOUND", f"Could not resolve to a node with the global id of '{id}'")

    def user(self, user: User) -> dict:
        number = self.hub.user_number(user.login)
        return {
            "__typename": "User",
            "avatarUrl": self.shapes.avatar(user),
            "createdAt": JOINED,
            "databaseId": number,
            "followers": partial(self.users, user.followers),
            "following": partial(self.users, user.following),
            "id": node_id("User", number),
            "login": user.login,
            "name": None,
            "repositories": partial(self.repositories, user.repositories),
            "updatedAt": JOINED,
            "url": f"{self.shapes.url}/{user.login}",
        }

    def users(self, logins: Sequence[str], info: GraphQLResolveInfo, **bounds: object) -> dict:
        return connection(info, logins, lambda login: {"node": self.user(self.hub.user(login))}, **bounds)

    def repositories(
        self,
        repositories: Sequence[Repository],
        info: GraphQLResolveInfo,
        isArchived: bool | None = None,
        isFork: bool | None = None,
        orderBy: dict | None = None,
        ownerAffiliations: Sequence[str] | None = None,
        privacy: str | None = None,
        **bounds: object,
    ) -> dict:
        """Every repository here is public and its owner's own; other privacies and affiliations have none."""
        nobodys = privacy == "PRIVATE" or (ownerAffiliations is not None and "OWNER" not in ownerAffiliations)
        chosen = [
            each
            for each in repositories
            if not nobodys and isArchived in (None, each.archived) and isFork in (None, each.fork)
        ]
        if orderBy:
            chosen.sort(key=ORDERS[orderBy["field"]], reverse=orderBy["direction"] == "DESC")
        found = connection(info, chosen, lambda each: {"node": self.repository(each)}, **bounds)
        return {**found, "totalDiskUsage": sum(each.size_kib for each in chosen)}

    def repository(self, repository: Repository) -> dict:
        number = self.hub.repository_number(repository)
        return {
            "__typename": "Repository",
            "createdAt": repository.pushed_at,
            "databaseId": number,
            "defaultBranchRef": self.reference(repository) if repository.head else None,
            "description": None,
            "diskUsage": repository.size_kib,
            "forkCount": 0,
            "id": node_id("Repository", number),
            "isArchived": repository.archived,
            "isDisabled": False,
            "isEmpty": repository.head is None,
            "isFork": repository.fork,
            "isMirror": False,
            "isPrivate": False,
            "languages": partial(self.languages, repository),
            "licenseInfo": self.licence(repository),
            "name": repository.name,
            "nameWithOwner": repository.full_name,
            "owner": self.user(self.hub.user(repository.owner)),
            "primaryLanguage": repository.language and language(repository.language),
            "pushedAt": repository.pushed_at if repository.head else None,
            "stargazerCount": repository.stars,
            "updatedAt": repository.pushed_at,
            "url": f"{self.shapes.url}/{repository.full_name}",
        }

    def reference(self, repository: Repository) -> dict:
        number = self.hub.repository_number(repository)
        return {
            "__typename": "Ref",
            "id": node_id("Ref", f"{number}:refs/heads/{repository.default_branch}"),
            "name": repository.default_branch,
            "prefix": "refs/heads/",
            "target": {
                "__typename": "Commit",
                "committedDate": repository.pushed_at,
                "id": node_id("Commit", f"{number}:{repository.head}"),
                "oid": repository.head,
            },
        }

    def licence(self, repository: Repository) -> dict | None:
        licence = repository.licence
        return licence and {
            "__typename": "License",
            "id": node_id("License", licence.key),
            "key": licence.key,
            "name": licence.name,
            "spdxId": licence.spdx_id,
        }

    def languages(
        self,
        repository: Repository,
        info: GraphQLResolveInfo,
        orderBy: dict | None = None,
        **bounds: object,
    ) -> dict:
        sizes = list(repository.languages.items())
        if orderBy and orderBy["direction"] == "ASC":
            sizes.reverse()
        found = connection(info, sizes, lambda row: {"node": language(row[0]), "size": row[1]}, **bounds)
        return {**found, "totalSize": sum(repository.languages.values())}


def language(name: str) -> dict:
    return {"__typename": "Language", "id": node_id("Language", name), "name": name}


def connection(
    info: GraphQLResolveInfo,
    items: Sequence,
    make_edge: Callable[[object], dict],
    first: int | None = None,
    last: int | None = None,
    after: str | None = None,
    before: str | None = None,
) -> dict:
    """One page of a connection. As on GitHub `totalCount` alone needs no `first` or `last`."""
    field = info.field_name
    wanted = {name for node in info.field_nodes for name in selected(node.selection_set, info)}
    if first is None and last is None and wanted & {"nodes", "edges", "pageInfo"}:
        bounds = f"You must provide a `first` or `last` value to properly paginate the `{field}` connection."
        raise fault("MISSING_PAGINATION_BOUNDARIES", bounds)
    for name, value in (("first", first), ("last", last)):
        if value is not None and not 0 <= value <= MAXIMUM_PAGE:
            excess = f"exceeds the `{name}` limit of {MAXIMUM_PAGE} records."
            raise fault(
                "EXCESSIVE_PAGINATION", f"Requesting {value} records on the `{field}` connection {excess}"
            )
    begin = 0 if after is None else position(after) + 1
    end = len(items) if before is None else min(position(before), len(items))
    if first is not None:
        end = min(end, begin + first)
    if last is not None:
        begin = max(begin, end - last)
    edges = [{"cursor": cursor(index), **make_edge(items[index])} for index in range(begin, end)]
    return {
        "edges": edges,
        "nodes": [edge["node"] for edge in edges],
        "pageInfo": {
            "endCursor": edges[-1]["cursor"] if edges else None,
            "hasNextPage": end < len(items),
            "hasPreviousPage": begin > 0,
            "startCursor": edges[0]["cursor"] if edges else None,
        },
        "totalCount": len(items),
    }


def same_page(body: dict) -> None:
    """Let every connection within a parsed answer go on with the page that it is."""
    page = body.get("pageInfo")
    if isinstance(page, dict) and page.get("endCursor"):
        begin = position(page["endCursor"]) - len(body.get("nodes") or body.get("edges") or ())
        if begin >= 0:
            page |= {"hasNextPage": True, "endCursor": cursor(begin)}
    for value in body.values():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                same_page(each)


def selected(selections: SelectionSetNode, info: GraphQLResolveInfo) -> set[str]:
    """The fields asked of an object, through fragments."""
    names: set[str] = set()
    for part in selections.selections:
        if isinstance(part, FieldNode):
            names.add(part.name.value)
        else:
            target = info.fragments[part.name.value] if isinstance(part, FragmentSpreadNode) else part
            names |= selected(target.selection_set, info)
    return names


def cursor(index: int) -> str:
    return base64.b64encode(f"cursor:{index}".encode()).decode()


def position(text: str) -> int:
    found = re.fullmatch(r"cursor:([0-9]{1,9})", decode(text))
    if found is None:
        raise fault("INVALID_CURSOR_ARGUMENTS", f"`{text}` does not appear to be a valid cursor.")
    return int(found[1])


def decode_node_id(text: str) -> tuple[str, int]:
    found = re.fullmatch(r"0[0-9]{1,2}:([A-Za-z]+)([0-9]{1,10})", decode(text))
    return (found[1], int(found[2])) if found else ("", 0)


def decode(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
