import json

import pytest
from github_study import hub, repository, serve
from loopback import OFFLINE, Clock, Reply
from loopback import serve as serve_replies

from garner.errors import ApiError, MalformedError, TransientError
from garner.http.client import connect
from garner.sources.github_graphql import GraphQL
from garner.sources.github_limits import GitHubLimits
from garner.sources.github_records import Page


def graphql(url: str, clock: Clock | None = None) -> GraphQL:
    return GraphQL(connect(url, OFFLINE, GitHubLimits(), clock=clock or Clock()), f"{url}/graphql")


def pages(login: str) -> list[Page]:
    return [Page("following", login), Page("repositories", login)]


def answer(body: dict) -> Reply:
    return Reply(200, json.dumps(body).encode())


def test_many_users_with_all_that_is_theirs_come_in_one_request():
    logins = [f"u{index:02}" for index in range(50)]
    made_up = hub(dict.fromkeys(logins, logins[:3]), {login: [repository(login, "x")] for login in logins})
    with serve(made_up) as api:
        one = graphql(api.url)
        one.fetch(pages("u00"))
        records = one.fetch(page for login in logins for page in pages(login))
        assert len(api.requests) == 2
        assert api._quota.standing(None, "graphql").used == 1 + 6, "points"
    assert len(records) == 2 * 20
    assert records[1]["repositories"][0]["languages"] == {"Python": 1000}


def test_first_request_costs_one_point_as_the_quota_is_not_known_yet():
    logins = [f"u{index:02}" for index in range(50)]
    with serve(hub({login: [] for login in logins})) as api:
        graphql(api.url).fetch(page for login in logins for page in pages(login))
        assert api._quota.standing(None, "graphql").used == 1


def test_request_is_no_dearer_than_what_the_quota_has_left():
    logins = [f"u{index:02}" for index in range(50)]
    with serve(hub({login: [] for login in logins}), quota=3) as api:
        one = graphql(api.url)
        for _ in range(2):
            one.fetch(page for login in logins for page in pages(login))
        assert api._quota.standing(None, "graphql").used == 3


def test_later_pages_of_everything_go_by_cursor_and_ride_in_one_request():
    owned = [repository("ann", f"r{index:03}") for index in range(40)]
    owned[0] = repository("ann", "r000", languages={f"L{index}": 1 for index in range(120)})
    with serve(hub({"ann": [f"f{index:03}" for index in range(150)]}, {"ann": owned})) as api:
        one = graphql(api.url)
        following, repositories = one.fetch(pages("ann"))
        babel = repositories["repositories"][0]
        assert (len(following["following"]), len(repositories["repositories"]), len(babel["languages"])) == (
            100,
            30,
            100,
        )
        rest = one.fetch(
            [
                Page("following", "ann", following["next"]),
                Page("repositories", "ann", repositories["next"]),
                Page("languages", "ann/r000", babel["more_languages"]),
            ]
        )
        assert len(api.requests) == 2
    assert [
        len(next(value for value in record.values() if isinstance(value, list | dict))) for record in rest
    ] == [50, 10, 20]
    assert [record["next"] for record in rest] == [None, None, None]


def test_user_who_is_gone_costs_the_others_nothing():
    with serve(hub({"ann": ["bob"], "cat": []})) as api:
        records = graphql(api.url).fetch([*pages("ann"), *pages("ghost"), *pages("cat")])
    assert [(record["user"], record.get("status")) for record in records] == [
        ("ann", None),
        ("ann", None),
        ("ghost", "gone"),
        ("cat", None),
        ("cat", None),
    ]


def test_forbidden_and_unheard_of_reasons_are_kept():
    errors = [
        {"type": "FORBIDDEN", "path": ["a0"], "message": "SAML"},
        {"type": "DMCA", "path": ["a1", "languages"], "message": "blocked"},
    ]
    with serve_replies(answer({"data": {"a0": None, "a1": None}, "errors": errors})) as api:
        records = graphql(api.url).fetch([Page("listed", "a/b"), Page("languages", "c/d")])
    assert records == [{"listed": "a/b", "status": "forbidden"}, {"repository": "c/d", "status": "dmca"}]


def test_withheld_items_of_a_page_are_passed_over():
    following = {"nodes": [None, {"login": "bob"}], "pageInfo": {"hasNextPage": False, "endCursor": None}}
    with serve_replies(answer({"data": {"a0": {"login": "ann", "following": following}}})) as api:
        (record,) = graphql(api.url).fetch([Page("following", "ann")])
    assert record["following"] == ["bob"]


LIMITED = {"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded for user ID 1."}]}
SECONDARY = {"errors": [{"message": "You have exceeded a secondary rate limit. Please wait."}]}
GOOD = {"data": {"a0": {"login": "ann"}}}


@pytest.mark.parametrize("body", [LIMITED, SECONDARY])
def test_limit_told_in_a_good_answer_is_waited_out(body):
    clock = Clock()
    with serve_replies(answer(body), answer(GOOD)) as api:
        assert graphql(api.url, clock).fetch([Page("account", "ann")]) == [{"user": "ann"}]
    assert clock.slept == pytest.approx(60)


@pytest.mark.parametrize(
    "error",
    [
        {"message": "Something went wrong while executing your query. This may be the result of a timeout"},
        {"type": "SERVICE_UNAVAILABLE", "message": "try later"},
        {"type": "RESOURCE_LIMITS_EXCEEDED", "path": ["a0"], "message": "too much"},
        {"path": ["a0"], "locations": [{}], "message": "internal"},
    ],
)
def test_failure_inside_github_is_tried_again(error):
    with serve_replies(answer({"data": None, "errors": [error]}), answer(GOOD)) as api:
        assert graphql(api.url).fetch([Page("account", "ann")]) == [{"user": "ann"}]


@pytest.mark.parametrize(
    "error",
    [
        {
            "message": "Field 'x' doesn't exist",
            "extensions": {"code": "undefinedField"},
            "path": ["query", "x"],
        },
        {"message": "Cannot query field", "locations": [{"line": 1}]},
        {"type": "MAX_NODE_LIMIT_EXCEEDED", "message": "too many nodes"},
    ],
)
def test_refused_query_is_an_error_at_once(error):
    with serve_replies(answer({"errors": [error]})) as api:
        with pytest.raises(ApiError, match="the query is refused"):
            graphql(api.url).fetch([Page("account", "ann")])
        assert len(api.requests) == 1


def test_failing_request_is_sent_by_halves_until_it_passes_or_one_user_alone_fails():
    fails = Reply(502, b"")
    with serve_replies(*[fails] * 2, answer({"data": {"a0": {"login": "ann"}}})) as api:
        records = graphql(api.url).fetch([Page("account", login) for login in ("ann", "bob", "cat")])
        assert [request.body.count(b"user(") for request in api.requests] == [3, 3, 1]
    assert records == [{"user": "ann"}]
    with serve_replies(fails) as api, pytest.raises(TransientError):
        graphql(api.url).fetch([Page("account", "ann")])


@pytest.mark.parametrize(
    "body", [{}, {"data": None}, {"data": {}}, {"data": {"a0": {"following": {}}}}, {"errors": 1}]
)
def test_answer_of_another_shape_is_a_typed_error(body):
    with serve_replies(answer(body)) as api, pytest.raises(MalformedError, match="another shape"):
        graphql(api.url).fetch([Page("following", "ann")])


def test_hostile_names_stay_within_their_quotes():
    with serve(hub({"ann": []})) as api:
        records = graphql(api.url).fetch(
            [Page("account", 'x") { id } viewer { login } #'), Page("account", "ann")]
        )
    assert [record.get("status") for record in records] == ["gone", None]
