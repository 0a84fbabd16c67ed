"""Answers that are not what was asked for, on a server that a test drives."""

import json

import pytest
from loopback import Loopback, Reply, serve
from stackexchange_study import HOST, operational, row

from garner.errors import MalformedError
from garner.http.client import connect
from garner.sources import stackexchange_api
from garner.sources.stackexchange_api import Api
from garner.sources.stackexchange_frontier import Window
from garner.sources.stackexchange_limits import StackExchangeLimits
from replica import questions


def item(number: int, created: int) -> dict:
    return questions.item(row(number, created), HOST)


def page(*items: object, has_more: object = False, **changes: object) -> Reply:
    body = {"items": list(items), "has_more": has_more, "quota_max": 300, "quota_remaining": 200} | changes
    return Reply(body=json.dumps({key: value for key, value in body.items() if value is not ...}).encode())


@pytest.fixture
def api(monkeypatch):
    """`api(*replies)` gives the API of a server, where a bad answer is final, and the server."""
    servers = []

    def start(*replies: Reply) -> tuple[Api, Loopback]:
        server = serve(*replies)
        servers.append(server)
        loopback = server.__enter__()
        client = connect(loopback.url, operational(), StackExchangeLimits())
        ask = client.request
        monkeypatch.setattr(client, "request", lambda *given, **named: ask(*given, attempts=1, **named))
        return Api(client, f"{loopback.url}/2.3", "scifi"), loopback

    yield start
    for server in servers:
        server.__exit__(None, None, None)


def read(api: Api, window: Window) -> dict:
    (record,) = api.fetch_window([window])
    return record | {"questions": [each["id"] for each in record["questions"]]}


def test_last_second_of_a_page_is_left_to_the_next_one(api):
    asked, _ = api(page(item(1, 10), item(2, 12), item(3, 12), has_more=True))
    found = read(asked, Window(10, 100))
    assert found == {"from": 10, "to": 12, "page": 1, "questions": [1], "failures": []}


def test_last_page_closes_the_window(api):
    asked, _ = api(page(item(1, 10), item(2, 12)))
    assert read(asked, Window(10, 100))["to"] == 100


def test_page_of_one_second_is_kept_and_covers_nothing(api):
    asked, _ = api(page(item(1, 10), item(2, 10), has_more=True))
    assert read(asked, Window(10, 100, 2)) == {
        "from": 10,
        "to": 10,
        "page": 2,
        "questions": [1, 2],
        "failures": [],
    }


def test_bounds_are_asked_a_second_wider_and_only_what_is_within_is_kept(api):
    asked, server = api(page(item(1, 9), item(2, 10), item(3, 99), item(4, 100)))
    assert read(asked, Window(10, 100))["questions"] == [2, 3]
    assert "fromdate=9&" in server.requests[0].path
    assert "todate=100&" in server.requests[0].path


def test_page_that_ends_beyond_the_window_closes_it(api):
    asked, _ = api(page(item(1, 10), item(2, 100), has_more=True))
    assert read(asked, Window(10, 100))["to"] == 100


def test_second_before_the_window_that_fills_a_page_is_turned_over(api):
    asked, _ = api(page(item(1, 9), item(2, 9), has_more=True))
    found = read(asked, Window(10, 100))
    assert (found["from"], found["to"], found["questions"]) == (10, 10, [])


def test_question_that_comes_twice_is_kept_once(api):
    asked, _ = api(page(item(1, 10), item(1, 10), item(2, 11)))
    assert read(asked, Window(10, 100))["questions"] == [1, 2]


@pytest.mark.parametrize(
    "answer",
    [
        page(has_more=True),
        page(item(1, 10), has_more=...),
        page(item(1, 10), has_more="yes"),
        page(items=...),
        page(items={}),
        page("a"),
        page(item(1, 10) | {"question_id": "1"}),
        page(item(1, 10) | {"creation_date": None}),
        page(item(1, 10) | {"creation_date": True}),
        page(item(1, 8)),
        page(item(1, 101)),
        page(item(1, 20), item(2, 10)),
    ],
)
def test_answer_of_another_shape_or_to_another_question_is_malformed(api, answer):
    asked, _ = api(answer)
    with pytest.raises(MalformedError):
        asked.fetch_window([Window(10, 100)])


def test_ids_are_asked_in_one_request_and_the_missing_ones_are_gone(api):
    asked, server = api(page(item(5, 10), item(3, 20)))
    (record,) = asked.fetch_ids([[3, 4, 5]])
    assert server.requests[0].path.startswith("/2.3/questions/3;4;5?")
    assert record["asked"] == [3, 4, 5]
    assert [each["id"] for each in record["questions"]] == [5, 3]
    assert [(each["id"], each["reason"]) for each in record["failures"]] == [(4, "gone")]


@pytest.mark.parametrize("answer", [page(item(5, 1), has_more=True), page(item(7, 1))])
def test_answer_to_other_ids_is_malformed(api, answer):
    asked, _ = api(answer)
    with pytest.raises(MalformedError):
        asked.fetch_ids([[3, 5]])


def test_pages_are_as_large_as_the_api_allows(api):
    asked, server = api(page())
    asked.fetch_window([Window(0, 100)])
    assert "pagesize=100" in server.requests[0].path
    assert "fromdate" not in server.requests[0].path
    assert stackexchange_api.FILTER == "withbody"
