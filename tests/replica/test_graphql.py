"""The GraphQL answers, against GitHub's official schema and its documented limits and errors."""

import json

import pytest
import requests
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLScalarType,
    build_client_schema,
    get_operation_ast,
    parse,
    validate,
)

from replica.graphql_cost import SCHEMA, price

CRAWL = """
query ($first: Int!, $after: String) {
  rateLimit { limit cost remaining resetAt used nodeCount }
  a: user(login: "alice") { ...page }
  b: user(login: "BOB") { ...page }
}
fragment page on User {
  id databaseId login url
  following(first: $first, after: $after) { nodes { login } pageInfo { hasNextPage endCursor } }
  followers(first: $first) { totalCount edges { cursor node { login } } }
  repositories(
    first: $first, ownerAffiliations: [OWNER], isFork: false, privacy: PUBLIC
    orderBy: {field: NAME, direction: ASC}
  ) {
    totalCount
    pageInfo { hasNextPage endCursor startCursor hasPreviousPage }
    nodes {
      nameWithOwner url isFork isArchived stargazerCount diskUsage pushedAt
      licenseInfo { spdxId }
      defaultBranchRef { name target { oid ... on Commit { committedDate } } }
      languages(first: 10, orderBy: {field: SIZE, direction: DESC}) { totalSize edges { size node { name } } }
      owner { __typename login }
    }
  }
}
"""


def ask(replica, query: str, variables: dict | None = None, **options) -> requests.Response:
    body = {"query": query, "variables": variables or {}}
    return requests.post(f"{replica.url}/graphql", json=body, timeout=30, **options)


def data(replica, query: str, variables: dict | None = None) -> dict:
    answer = ask(replica, query, variables).json()
    assert "errors" not in answer
    return answer["data"]


def error(replica, query: str, variables: dict | None = None) -> dict:
    return ask(replica, query, variables).json()["errors"][0]


@pytest.fixture(scope="module")
def official(node_modules):
    introspected = json.loads((node_modules / "@octokit/graphql-schema/schema.json").read_text())
    # The published schema breaks rules on deprecation, which do not matter here.
    return build_client_schema(introspected.get("data", introspected), assume_valid=True)


def ours() -> list:
    return [kind for name, kind in sorted(SCHEMA.type_map.items()) if not name.startswith("__")]


def test_every_type_field_and_argument_of_ours_is_githubs(official):
    different = []
    for kind in ours():
        theirs = official.type_map[kind.name]
        assert type(kind) is type(theirs), kind.name
        if isinstance(kind, GraphQLScalarType):
            continue
        if isinstance(kind, GraphQLEnumType):
            assert set(kind.values) <= set(theirs.values), kind.name
            continue
        interfaces = {each.name for each in getattr(kind, "interfaces", ())}
        assert interfaces <= {each.name for each in getattr(theirs, "interfaces", ())}
        for name, field in kind.fields.items():
            if name not in theirs.fields or str(field.type) != str(theirs.fields[name].type):
                different.append(f"{kind.name}.{name}")
            elif not isinstance(kind, GraphQLInputObjectType):
                different += different_arguments(f"{kind.name}.{name}", field, theirs.fields[name])
    assert different == []


def different_arguments(where: str, field, theirs) -> list[str]:
    wrong = [
        f"{where}({name})"
        for name, argument in field.args.items()
        if name not in theirs.args
        or str(argument.type) != str(theirs.args[name].type)
        or argument.default_value != theirs.args[name].default_value
    ]
    missing = [name for name, argument in theirs.args.items() if str(argument.type).endswith("!")]
    return wrong + [f"{where} lacks {name}" for name in missing if name not in field.args]


def test_crawlers_query_is_valid_on_github_and_answered_in_full(crowd, official):
    assert validate(official, parse(CRAWL)) == []
    found = data(crowd, CRAWL, {"first": 2})
    assert [each["nameWithOwner"] for each in found["a"]["repositories"]["nodes"]] == [
        "alice/compiler",
        "alice/empty",
    ]
    compiler, empty = found["a"]["repositories"]["nodes"]
    assert compiler["languages"] == {"edges": [{"size": 1167, "node": {"name": "C"}}], "totalSize": 1167}
    assert compiler["licenseInfo"] == {"spdxId": "MIT"}
    assert compiler["defaultBranchRef"]["name"] == "main"
    assert len(compiler["defaultBranchRef"]["target"]["oid"]) == 40
    assert (empty["defaultBranchRef"], empty["licenseInfo"], empty["pushedAt"]) == (None, None, None)
    assert found["b"]["login"] == "bob"
    assert len(found["b"]["following"]["nodes"]) == 2


def test_both_protocols_tell_the_same(crowd):
    rest = requests.get(f"{crowd.url}/repos/bob/snake", timeout=30).json()
    query = """{ repository(owner: "bob", name: "snake") {
        id databaseId diskUsage stargazerCount nameWithOwner primaryLanguage { name } createdAt } }"""
    found = data(crowd, query)["repository"]
    assert found == {
        "id": rest["node_id"],
        "databaseId": rest["id"],
        "diskUsage": rest["size"],
        "stargazerCount": rest["stargazers_count"],
        "nameWithOwner": rest["full_name"],
        "primaryLanguage": {"name": rest["language"]},
        "createdAt": rest["created_at"],
    }


@pytest.mark.parametrize(("size", "bound"), [("first", "after"), ("last", "before")])
def test_pages_join_by_cursor_to_the_whole_list(crowd, size, bound):
    login = max(crowd.hub.users, key=lambda user: len(user.followers)).login
    query = f"""query ($at: String) {{ user(login: "{login}") {{ followers({size}: 2, {bound}: $at) {{
        nodes {{ login }} pageInfo {{ startCursor endCursor hasNextPage hasPreviousPage }} }} }} }}"""
    found, at, more = [], None, True
    while more:
        page = data(crowd, query, {"at": at})["user"]["followers"]
        logins = [each["login"] for each in page["nodes"]]
        if size == "first":
            found, at, more = found + logins, page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
        else:
            at, more = page["pageInfo"]["startCursor"], page["pageInfo"]["hasPreviousPage"]
            found = logins + found
    assert found == crowd.hub.user(login).followers


def test_repositories_are_chosen_by_fork_archive_affiliation_and_privacy(serve):
    starred = {"archived": True, "stars": 99_999}
    replica = serve(facts={"alice/empty": {"fork": True}, "alice/Website": starred})

    def names(arguments: str) -> list[str]:
        query = f'{{ user(login: "alice") {{ repositories(first: 9, {arguments}) {{ nodes {{ name }} }} }} }}'
        return [each["name"] for each in data(replica, query)["user"]["repositories"]["nodes"]]

    assert names("isFork: true") == ["empty"]
    assert names("isFork: false, isArchived: false") == ["compiler"]
    assert names("orderBy: {field: STARGAZERS, direction: DESC}")[0] == "Website"
    assert names("privacy: PRIVATE") == []
    assert names("ownerAffiliations: [COLLABORATOR]") == []


def test_unknown_user_is_null_with_githubs_error_and_the_others_still_come(crowd):
    answer = ask(crowd, '{ a: user(login: "nobody") { login } b: user(login: "bob") { login } }').json()
    assert answer["data"] == {"a": None, "b": {"login": "bob"}}
    (found,) = answer["errors"]
    assert (found["type"], found["path"]) == ("NOT_FOUND", ["a"])
    assert found["message"] == "Could not resolve to a User with the login of 'nobody'."


def test_unknown_repository_is_null_with_githubs_error(crowd):
    found = error(crowd, '{ repository(owner: "bob", name: "gone") { url } }')
    assert (found["type"], found["path"]) == ("NOT_FOUND", ["repository"])
    assert found["message"] == "Could not resolve to a Repository with the name 'bob/gone'."


def test_owner_is_found_and_is_null_without_an_error_where_there_is_none(crowd):
    query = """{ a: repositoryOwner(login: "bob") { __typename repositories(first: 1) { nodes { name } } }
        b: repositoryOwner(login: "nobody") { login } }"""
    owner = {"__typename": "User", "repositories": {"nodes": [{"name": "snake"}]}}
    assert data(crowd, query) == {"a": owner, "b": None}


def test_nodes_are_found_by_their_ids_in_order(crowd):
    query = '{ user(login: "carol") { id } repository(owner: "bob", name: "snake") { id } }'
    found = data(crowd, query)
    ids = [found["repository"]["id"], "bm9ib2R5", found["user"]["id"]]
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on User { login } ... on Repository { name } } }"
    answer = ask(crowd, query, {"ids": ids}).json()
    assert answer["data"]["nodes"] == [{"name": "snake"}, None, {"login": "carol"}]
    assert [(each["type"], each["path"]) for each in answer["errors"]] == [("NOT_FOUND", ["nodes", 1])]
    assert error(crowd, query, {"ids": ids * 40})["type"] == "ARGUMENT_LIMIT"


def test_connection_needs_a_size_of_at_most_100_but_not_for_its_count(crowd):
    assert data(crowd, '{ user(login: "bob") { repositories { totalCount } } }')
    found = error(crowd, '{ user(login: "bob") { repositories { nodes { name } } } }')
    assert (found["type"], found["path"]) == ("MISSING_PAGINATION_BOUNDARIES", ["user", "repositories"])
    found = error(crowd, '{ user(login: "bob") { repositories(first: 101) { nodes { name } } } }')
    assert found["type"] == "EXCESSIVE_PAGINATION"
    found = error(crowd, '{ user(login: "bob") { followers(first: 1, after: "xyz") { totalCount } } }')
    assert found["type"] == "INVALID_CURSOR_ARGUMENTS"


def cost(query: str, variables: dict | None = None) -> tuple[int, int]:
    document = parse(query)
    found = price(document, get_operation_ast(document), variables or {})
    return found.cost, found.nodes


def test_cost_and_nodes_follow_the_published_formula():
    nested = """query ($n: Int = 100) { user(login: "a") { repositories(first: $n) { nodes {
        languages(first: 50) { nodes { name } } } } } }"""
    assert cost(nested) == (1, 100 + 100 * 50)
    assert cost(nested, {"n": 10}) == (1, 10 + 10 * 50)
    # As in GitHub's documentation: 1 + 100 + 100 x 50 = 5,101 requests are 51 points.
    deep = """{ user(login: "a") { followers(first: 100) { nodes { repositories(first: 50) { nodes {
        languages(first: 60) { totalSize } } } } } } }"""
    assert cost(deep) == (51, 100 + 100 * 50 + 100 * 50 * 60)
    assert cost('{ user(login: "a") { ...f } } fragment f on User { followers(last: 7) { totalCount } }') == (
        1,
        7,
    )
    assert cost('{ nodes(ids: ["a", "b"]) { ... on User { followers(first: 5) { totalCount } } } }') == (
        1,
        10,
    )
    assert cost('{ user(login: "a") { login } }') == (1, 0)


def test_points_are_charged_and_told_in_body_and_headers(serve):
    replica = serve(quota=60)
    query = """{ rateLimit { cost limit remaining used nodeCount resetAt } user(login: "bob") {
        followers(first: 100) { nodes { repositories(first: 50) { nodes {
        languages(first: 60) { totalSize } } } } } } }"""
    answer = ask(replica, query)
    told = answer.json()["data"]["rateLimit"]
    assert (told["cost"], told["limit"], told["remaining"], told["used"]) == (51, 60, 9, 51)
    assert told["nodeCount"] == 305_100
    assert answer.headers["X-RateLimit-Resource"] == "graphql"
    assert (answer.headers["X-RateLimit-Remaining"], answer.headers["X-RateLimit-Used"]) == ("9", "51")
    refused = ask(replica, query)
    assert (refused.status_code, refused.headers["X-RateLimit-Remaining"]) == (200, "0")
    assert refused.json()["errors"][0]["type"] == "RATE_LIMIT"
    assert "data" not in refused.json()


def test_query_for_too_many_nodes_is_refused_and_free(serve):
    replica = serve()
    query = """{ user(login: "bob") { followers(first: 100) { nodes { repositories(first: 100) { nodes {
        languages(first: 60) { totalSize } } } } } } }"""
    answer = ask(replica, query)
    assert answer.json()["errors"][0]["type"] == "MAX_NODE_LIMIT_EXCEEDED"
    assert answer.headers["X-RateLimit-Used"] == "0"


@pytest.mark.parametrize(
    "query", ["{ user(login: 1) { login } }", "{ nonsense }", "{ user(", "", "mutation { x }"]
)
def test_invalid_query_is_answered_with_errors_alone(crowd, query):
    answer = ask(crowd, query)
    assert answer.status_code == 200
    assert answer.json()["errors"][0]["message"]
    assert "data" not in answer.json()


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 400, "Problems parsing JSON"),
        (b"\xff", 400, "Problems parsing JSON"),
        (b"[" * 100_000, 400, "Problems parsing JSON"),
        (b"[]", 200, "A query attribute must be specified"),
        (b'{"query": 1}', 200, "A query attribute must be specified"),
        (b'{"query": "{ rateLimit { cost } }", "variables": [1]}', 200, "Variables must be an object"),
        (b'{"query": "{ rateLimit { cost } }", "operationName": "x"}', 200, "Name one operation"),
    ],
)
def test_body_that_is_no_query_is_refused(crowd, body, status, message):
    answer = requests.post(f"{crowd.url}/graphql", data=body, timeout=30)
    assert answer.status_code == status
    assert message in answer.text
    assert "data" not in answer.json()
