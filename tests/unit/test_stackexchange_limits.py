import json

import pytest
import requests

from garner.errors import ApiError, CredentialsError, TransientError
from garner.http.dialect import Limited, Reply, Standing
from garner.sources.stackexchange_limits import StackExchangeLimits

LIMITS = StackExchangeLimits()


def reply(body: object, status: int = 200, token: str | None = "keys, line 2") -> Reply:
    text = body if isinstance(body, str) else json.dumps(body)
    return Reply(status, {}, text, "https://api.stackexchange.com/2.3/questions", token, 0.0)


def refused(number: int, name: str, message: str, status: int = 400) -> object:
    body = {"error_id": number, "error_message": message, "error_name": name}
    return LIMITS.refusal(reply(body, status))


def test_key_goes_into_the_query():
    request = requests.Request("GET", "https://a.org/2.3/questions", params={"site": "scifi"}).prepare()
    LIMITS.sign(request, "a+b/(=")
    assert request.url == "https://a.org/2.3/questions?site=scifi&key=a%2Bb%2F%28%3D"


def test_quota_and_backoff_are_read_from_the_body():
    answer = reply({"items": [], "has_more": False, "backoff": 10, "quota_max": 300, "quota_remaining": 7})
    assert LIMITS.standing(answer) == Standing(7, 300)
    assert LIMITS.pause(answer) == 10


@pytest.mark.parametrize("body", ["<html>", [], {"items": []}, {"quota_max": "x", "quota_remaining": -1}])
def test_answer_that_tells_nothing_of_limits(body):
    assert LIMITS.standing(reply(body)) is None
    assert LIMITS.pause(reply(body)) is None
    assert LIMITS.refusal(reply(body)) is None


@pytest.mark.parametrize("status", [200, 400, 429, 502])
def test_throttle_says_for_how_long_whatever_the_status(status):
    message = "too many requests from this IP, more requests available in 85909 seconds"
    limit = refused(502, "throttle_violation", message, status)
    assert isinstance(limit, Limited)
    assert (limit.seconds, limit.whole_pool) == (85909, True)
    assert message in str(limit)


def test_violated_backoff_names_no_time():
    limit = refused(502, "throttle_violation", "Violation of backoff parameter")
    assert (limit.seconds, limit.whole_pool) == (None, True)


@pytest.mark.parametrize("name", ["internal_error", "temporarily_unavailable"])
def test_passing_errors_are_tried_again(name):
    assert isinstance(refused(500, name, "sorry"), TransientError)


def test_unknown_key_is_named_by_its_place():
    error = refused(400, "bad_parameter", "`key` doesn't match a known application")
    assert isinstance(error, CredentialsError)
    assert "keys, line 2: put a valid key there" in str(error)


def test_what_needs_a_key_says_where_to_put_one():
    error = refused(403, "access_denied", "page above 25 requires access token or app key")
    assert isinstance(error, CredentialsError)
    assert "run.tokens.stackexchange" in str(error)


def test_any_other_error_is_final_and_names_the_settings():
    error = refused(400, "bad_parameter", "No site found for name `foo`")
    assert type(error) is ApiError
    assert "No site found for name `foo`. Are the settings scrape.api and scrape.site right?" in str(error)
