"""What Instagram means by its refusals."""

import json

import pytest
from requests import PreparedRequest

from garner.errors import ApiError, BlockedError, CredentialsError
from garner.http.dialect import Limited, Reply
from garner.sources.instagram_limits import InstagramLimits

PROFILE = "https://www.instagram.com/api/v1/users/web_profile_info/?username=ann"
LOGIN = "https://www.instagram.com/accounts/login/?next=/api/v1/users/web_profile_info/%3Fusername%3Dann"
CHALLENGE = "https://www.instagram.com/challenge/?next=/api/v1/users/web_profile_info/%3Fusername%3Dann"
QUERY = "https://www.instagram.com/graphql/query"
HTML = "\n<!DOCTYPE html><html><body>ann</body></html>"
WAIT = {"message": "Please wait a few minutes before you try again.", "require_login": True, "status": "fail"}
CHECKPOINT = {
    "message": "checkpoint_required",
    "checkpoint_url": "https://i.instagram.com/challenge/?user=ann",
    "lock": True,
    "status": "fail",
}


def meaning(status: int, body: object, url: str = PROFILE, token: str | None = None):
    text = body if isinstance(body, str) else json.dumps(body)
    return InstagramLimits().refusal(Reply(status, {}, text, url, token, 0.0))


@pytest.mark.parametrize(
    ("status", "body", "url", "expected"),
    [
        (401, WAIT, PROFILE, Limited),
        (429, WAIT, QUERY, Limited),
        (429, HTML, PROFILE, Limited),
        (400, WAIT, QUERY, Limited),
        (401, {"message": "", "require_login": True, "status": "fail"}, PROFILE, BlockedError),
        (403, {"message": "login_required", "status": "fail"}, PROFILE, BlockedError),
        (403, "", QUERY, BlockedError),
        (200, HTML, PROFILE, BlockedError),
        (200, HTML, LOGIN, BlockedError),
        (200, HTML, CHALLENGE, BlockedError),
        (400, CHECKPOINT, PROFILE, BlockedError),
        (400, {"message": "challenge_required", "status": "fail"}, PROFILE, BlockedError),
        (400, {"message": "feedback_required", "spam": True, "status": "fail"}, PROFILE, BlockedError),
        (200, {"message": "checkpoint_required", "status": "fail"}, PROFILE, BlockedError),
        (404, HTML, QUERY, ApiError),
    ],
)
def test_a_refusal_is_a_limit_or_a_wall(status, body, url, expected):
    assert type(meaning(status, body, url)) is expected


@pytest.mark.parametrize(
    ("status", "body", "url"),
    [
        (401, {"require_login": True}, PROFILE),
        (200, HTML, LOGIN),
        (400, CHECKPOINT, PROFILE),
        (200, HTML, CHALLENGE),
    ],
)
def test_a_session_at_a_wall_is_named_by_its_place_and_left_alone(status, body, url):
    refused = meaning(status, body, url, token="sessions, line 2")
    assert isinstance(refused, CredentialsError)
    assert "sessions, line 2" in str(refused)


def test_a_session_that_is_refused_one_request_is_not_given_up():
    assert isinstance(meaning(403, "", QUERY, token="sessions, line 2"), BlockedError)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"data": {"user": None}, "status": "ok"}),
        (404, HTML),
        (400, {"message": "no"}),
        (503, HTML),
        (200, ""),
    ],
)
def test_all_else_is_left_to_the_client(status, body):
    assert meaning(status, body) is None


@pytest.mark.parametrize(
    ("headers", "seconds"), [({}, 900), ({"Retry-After": "40"}, 40), ({"Retry-After": "0"}, 0)]
)
def test_a_few_minutes_are_waited_for_unless_the_site_says_how_many(headers, seconds):
    assert InstagramLimits().refusal(Reply(429, headers, "", PROFILE, None, 0.0)).seconds == seconds


def test_no_message_repeats_what_the_site_said_of_anyone():
    for url in (PROFILE, LOGIN, CHALLENGE, QUERY):
        for status in (200, 400, 401, 403, 404, 429):
            for body in (HTML, WAIT, CHECKPOINT, {"message": "ann"}):
                assert "ann" not in str(meaning(status, body, url))


def test_a_session_goes_as_a_cookie_and_answers_are_never_quoted():
    request = PreparedRequest()
    request.prepare("GET", PROFILE)
    InstagramLimits().sign(request, "4711%3Aabc")
    assert request.headers["Cookie"] == "sessionid=4711%3Aabc"
    assert InstagramLimits.quotes is False
