"""The replica's answers beside recorded ones of api.github.com: same keys, kinds of values, headers."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import requests

LEFT_OUT = {
    # The replica has no organisations and no parents of forks.
    *("organization", "parent", "source", "custom_properties"),
    # How an owner merges is of no use to a reader.
    *("allow_auto_merge", "allow_merge_commit", "allow_rebase_merge", "allow_squash_merge"),
    "delete_branch_on_merge",
    # Recorded in 2013 and long gone.
    "master_branch",
}


class Exchange(NamedTuple):
    path: str
    status: int
    headers: dict[str, str]
    body: object


def exchanges(recorded: Path, asked: str = "GET") -> Iterator[Exchange]:
    """Exchanges of PyGithub's recordings, ten lines each and an empty one."""
    for file in sorted((recorded / "pygithub").glob("*.txt")):
        lines = file.read_text().split("\n")
        for begin in range(0, len(lines) - 9, 11):
            _, verb, _, _, path, _, _, status, headers, body = lines[begin : begin + 10]
            if verb == asked and body.startswith(("{", "[")):
                named = {name.lower(): value for name, value in ast.literal_eval(headers)}
                yield Exchange(path, int(status), named, json.loads(body))


@pytest.fixture(scope="module")
def answers(recorded) -> list[Exchange]:
    return list(exchanges(recorded))


def differences(recorded: object, ours: object, where: str = "$") -> list[str]:
    """Keys recorded that are missing in ours, and values of another kind; null stands for any kind."""
    if recorded is None or ours is None:
        return []
    if type(recorded) is not type(ours):
        return [f"{where}: {type(recorded).__name__} recorded, {type(ours).__name__} ours"]
    if isinstance(recorded, dict):
        found = [f"{where}.{key}: missing" for key in recorded if key not in ours and key not in LEFT_OUT]
        for key in sorted(recorded.keys() & ours.keys()):
            found += differences(recorded[key], ours[key], f"{where}.{key}")
        return found
    if isinstance(recorded, list) and recorded and ours:
        return differences(recorded[0], ours[0], f"{where}[0]")
    return []


@pytest.mark.parametrize(
    ("pattern", "ours"),
    [
        (r"/repos/[^/]+/[^/]+", "/repos/alice/compiler"),
        (r"/users/[^/]+", "/users/alice"),
        (r"/users/[^/]+/following", "/users/alice/following"),
        (r"/users/[^/]+/repos(\?.*)?", "/users/alice/repos"),
    ],
)
def test_keys_and_kinds_are_those_recorded(crowd, answers, pattern, ours):
    recorded = [each for each in answers if re.fullmatch(pattern, each.path) and each.status == 200]
    assert recorded
    body = requests.get(crowd.url + ours, timeout=30).json()
    found = {problem for each in recorded for problem in differences(each.body, body)}
    assert found == set()


def test_difference_would_be_seen():
    found = differences({"a": 1, "b": [{"c": "x"}], "d": 2}, {"a": "1", "b": [{}]})
    assert found == ["$.d: missing", "$.a: int recorded, str ours", "$.b[0].c: missing"]


def test_links_have_the_recorded_form(crowd, answers):
    """Relations in the order recorded in 2024, addresses by number, parameters as they were asked."""
    middle = next(each for each in answers if each.path.endswith("comments?per_page=3&page=2"))
    first = next(each for each in answers if each.path.endswith("1136/comments?per_page=3"))
    login = max(crowd.hub.users, key=lambda user: len(user.followers)).login
    number = crowd.hub.user_number(login)

    def form(link: str) -> list[tuple[str, str]]:
        """(relation, parameters) with the last page's number left open."""
        found = re.findall(r'<[a-z]+://[^/]+/\w+/\d+/[^?]+\?([^>]+)>; rel="(\w+)"', link)
        return [
            (name, re.sub(r"page=\d+$", "page=N", query) if name == "last" else query)
            for query, name in found
        ]

    for recorded, page in ((first, ""), (middle, "&page=2")):
        ours = requests.get(f"{crowd.url}/user/{number}/followers?per_page=3{page}", timeout=30)
        assert form(ours.headers["Link"]) == form(recorded.headers["link"])


def test_rate_limit_and_cache_headers_are_those_recorded(crowd, answers):
    modern = next(
        each for each in answers if "x-ratelimit-resource" in each.headers and "etag" in each.headers
    )
    ours = requests.get(f"{crowd.url}/repos/alice/compiler", timeout=30).headers
    for name in ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-ratelimit-used"):
        assert modern.headers[name].isdigit()
        assert ours[name].isdigit()
    assert ours["X-RateLimit-Resource"] == modern.headers["x-ratelimit-resource"] == "core"
    assert ours["Content-Type"] == modern.headers["content-type"]
    tag = re.compile(r'W/"[0-9a-f]{64}"')
    assert tag.fullmatch(ours["ETag"])
    assert tag.fullmatch(modern.headers["etag"])


def test_graphql_headers_are_those_recorded(crowd, recorded):
    modern = next(each for each in exchanges(recorded, "POST") if each.path == "/graphql")
    body = {"query": "{ rateLimit { cost } }"}
    ours = requests.post(f"{crowd.url}/graphql", json=body, timeout=30).headers
    for name in ("x-ratelimit-resource", "content-type", "x-github-media-type"):
        assert ours[name] == modern.headers[name]
    assert "etag" not in {*ours, *modern.headers}
