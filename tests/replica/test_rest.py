"""The REST answers, against GitHub's official OpenAPI description and its documented behaviour."""

import re

import pytest
import requests
from descriptions import Description
from urllib3.util import SKIP_HEADER

PATHS = [
    ("/users/{username}", "/users/alice"),
    ("/users/{username}", "/users/reader-0001"),
    ("/user/{account_id}", "/user/{alice}"),
    ("/users/{username}/following", "/users/alice/following"),
    ("/users/{username}/followers", "/users/bob/followers"),
    ("/users/{username}/repos", "/users/alice/repos"),
    ("/repos/{owner}/{repo}", "/repos/alice/compiler"),
    ("/repos/{owner}/{repo}", "/repos/alice/empty"),
    ("/repos/{owner}/{repo}", "/repos/bob/snake"),
    ("/repos/{owner}/{repo}/languages", "/repos/alice/compiler/languages"),
    ("/rate_limit", "/rate_limit"),
]


@pytest.fixture(scope="module")
def description(node_modules) -> Description:
    return Description(node_modules)


def get(replica, path: str, **options) -> requests.Response:
    return requests.get(replica.url + path, timeout=30, **options)


@pytest.mark.parametrize(("described", "asked"), PATHS)
def test_body_is_what_the_official_description_says(crowd, description, described, asked):
    answer = get(crowd, asked.replace("{alice}", str(crowd.hub.user_number("alice"))))
    assert answer.status_code == 200
    assert description.problems(described, answer.json()) == []


@pytest.mark.parametrize(
    ("described", "asked"),
    [
        ("/users/{username}", "/users/nobody-here"),
        ("/user/{account_id}", "/user/1"),
        ("/repos/{owner}/{repo}", "/repos/alice/gone"),
    ],
)
def test_missing_item_is_404_with_the_described_error(crowd, description, described, asked):
    answer = get(crowd, asked)
    assert answer.status_code == 404
    assert answer.json()["message"] == "Not Found"
    assert answer.json()["status"] == "404"
    assert description.problems(described, answer.json(), 404) == []


def test_description_would_refuse_a_wrong_body(crowd, description):
    body = get(crowd, "/repos/alice/compiler").json()
    missing = {key: value for key, value in body.items() if key != "clone_url"}
    assert description.problems("/repos/{owner}/{repo}", missing)
    assert description.problems("/repos/{owner}/{repo}", {**body, "size": "12"})
    assert description.problems("/repos/{owner}/{repo}", {**body, "size": None})
    assert description.problems("/repos/{owner}/{repo}", {**body, "invented": 1})


def test_repository_says_what_git_says(crowd):
    body = get(crowd, "/repos/alice/compiler").json()
    assert body["license"]["spdx_id"] == "MIT"
    assert (body["language"], body["default_branch"]) == ("C", "main")
    assert body["pushed_at"] == "2023-11-14T22:13:22Z"
    assert body["clone_url"] == f"{crowd.url}/alice/compiler.git"
    assert get(crowd, "/repos/alice/compiler/languages").json() == {"C": 40 * 29 + 7}


def test_empty_repository_has_no_language_and_no_licence(crowd):
    body = get(crowd, "/repos/alice/empty").json()
    assert (body["language"], body["license"], body["size"]) == (None, None, 0)
    assert get(crowd, "/repos/alice/empty/languages").json() == {}


def test_names_are_found_whatever_their_case(crowd):
    assert get(crowd, "/users/ALICE").json()["login"] == "alice"
    assert get(crowd, "/repos/Alice/WEBSITE").json()["full_name"] == "alice/Website"


def relations(answer: requests.Response) -> list[str]:
    return re.findall(r'rel="(\w+)"', answer.headers.get("Link", ""))


def test_pages_join_by_link_to_the_whole_list(crowd):
    login = max(crowd.hub.users, key=lambda user: len(user.followers)).login
    expected = crowd.hub.user(login).followers
    assert len(expected) >= 5
    answer = get(crowd, f"/users/{login}/followers?per_page=2")
    assert relations(answer) == ["next", "last"]
    last = answer.links["last"]["url"]
    found, seen = [], []
    while True:
        found += [user["login"] for user in answer.json()]
        seen.append(relations(answer))
        if "next" not in answer.links:
            break
        answer = requests.get(answer.links["next"]["url"], timeout=30)
    assert found == expected
    assert answer.url == last
    assert all(each == ["prev", "next", "last", "first"] for each in seen[1:-1])
    assert seen[-1] == ["prev", "first"]


def test_link_goes_by_number_and_keeps_the_parameters(crowd):
    answer = get(crowd, "/users/alice/repos?sort=pushed&per_page=1&page=2")
    number = crowd.hub.user_number("alice")
    assert answer.links["next"]["url"] == f"{crowd.url}/user/{number}/repos?sort=pushed&per_page=1&page=3"


@pytest.mark.parametrize("size", ["0", "-1", "x", "", "101", "9" * 5000])
def test_odd_page_sizes_fall_back_as_on_github(crowd, size):
    answer = get(crowd, f"/users/alice/repos?per_page={size}&page={size}x")
    assert len(answer.json()) == 3


def test_page_beyond_the_last_is_empty(crowd):
    answer = get(crowd, "/users/alice/repos?page=9")
    assert answer.json() == []
    assert relations(answer) == ["prev", "first"]


def test_repositories_are_sorted_as_asked(crowd):
    def names(query: str) -> list[str]:
        return [each["name"] for each in get(crowd, f"/users/alice/repos?{query}").json()]

    assert names("") == ["compiler", "empty", "Website"]
    assert names("direction=desc") == ["Website", "empty", "compiler"]
    assert names("sort=pushed")[-1] == "empty"
    assert names("type=member") == []


def test_unchanged_answer_is_304_and_costs_nothing(serve):
    replica = serve(quota=2)
    first = get(replica, "/users/alice")
    assert (first.headers["X-RateLimit-Used"], first.headers["X-RateLimit-Remaining"]) == ("1", "1")
    for _ in range(3):
        again = get(replica, "/users/alice", headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["X-RateLimit-Used"] == "1"
    other = get(replica, "/users/bob", headers={"If-None-Match": first.headers["ETag"]})
    assert (other.status_code, other.headers["X-RateLimit-Remaining"]) == (200, "0")


def test_used_up_quota_is_403_with_nothing_remaining(serve, description):
    replica = serve(quota=1)
    assert get(replica, "/users/alice").status_code == 200
    refused = get(replica, "/repos/alice/compiler")
    assert refused.status_code == 403
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert refused.headers["X-RateLimit-Resource"] == "core"
    assert "rate limit exceeded" in refused.json()["message"]
    assert description.problems("/repos/{owner}/{repo}", refused.json(), 403) == []


def test_rate_limit_itself_is_free_and_true(serve):
    replica = serve(quota=10)
    get(replica, "/users/alice")
    for _ in range(3):
        core = get(replica, "/rate_limit").json()["resources"]["core"]
    assert (core["limit"], core["used"], core["remaining"]) == (10, 1, 9)


def test_request_without_user_agent_is_refused(crowd):
    assert get(crowd, "/users/alice", headers={"User-Agent": SKIP_HEADER}).status_code == 403


@pytest.mark.parametrize(
    "path", ["/", "/users", "/users/alice/secrets", "/repos/alice", "/repos/alice/compiler/x"]
)
def test_everything_else_is_404(crowd, path):
    assert get(crowd, path).status_code == 404
    assert requests.post(crowd.url + "/users/alice", json={}, timeout=30).status_code == 404
