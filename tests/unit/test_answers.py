import pytest
from requests.structures import CaseInsensitiveDict

from garner.errors import (
    ApiError,
    CredentialsError,
    ForbiddenError,
    GoneError,
    MalformedError,
    TransientError,
)
from garner.http import answers
from garner.http.dialect import Limited, Reply

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


def reply(status: int = 200, text: str = "", headers=(), token: str | None = None) -> Reply:
    return Reply(status, CaseInsensitiveDict(headers), text, "https://api.example.org/", token, NOW)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "30"}, 30),
        ({"retry-after": "0"}, 0),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "999999999999999"}, 86400),
        ({"Retry-After": "Tue, 14 Nov 2023 22:14:20 GMT"}, 61),
        ({"Retry-After": "Tue, 14 Nov 2023 20:00:00 GMT"}, 0),
        ({"Retry-After": "Tue, 14 Nov 2023 22:14:20 GMT", "Date": "Tue, 14 Nov 2023 22:14:00 GMT"}, 21),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(headers, seconds):
    assert answers.retry_after(reply(headers=headers)) == seconds


@pytest.mark.parametrize(
    ("status", "headers", "meaning"),
    [
        (429, {}, Limited),
        (403, {"Retry-After": "5"}, Limited),
        (403, {}, ForbiddenError),
        (403, {"X-RateLimit-Remaining": "0"}, ForbiddenError),
        (401, {}, CredentialsError),
        (404, {}, GoneError),
        (410, {}, GoneError),
        (451, {}, GoneError),
        (408, {}, TransientError),
        (503, {}, TransientError),
        (418, {}, ApiError),
        (301, {}, ApiError),
    ],
)
def test_status_means_the_same_for_every_api(status, headers, meaning):
    refusal = answers.refusal(reply(status, '{"message": "no"}', headers))
    assert isinstance(refusal, meaning)
    assert type(refusal) in (meaning, answers.BusyError)
    assert str(refusal).startswith(f"{status} 'no'")


def test_refused_token_is_named_by_its_place_and_a_missing_one_by_its_setting():
    assert "tokens, line 2" in str(answers.refusal(reply(401, token="tokens, line 2")))
    assert "run.tokens" in str(answers.refusal(reply(401)))


def test_malformed_body_is_quoted_shortly():
    with pytest.raises(MalformedError, match="no JSON") as error:
        answers.body_of(reply(text="<html>" + "x" * 9999), dict)
    assert len(str(error.value)) < 300
    with pytest.raises(MalformedError, match="no JSON list"):
        answers.body_of(reply(text="{}"), list)


def test_nothing_of_a_body_is_quoted_where_people_wrote_it():
    headers = {"Content-Type": "text/html; charset=utf-8"}
    with pytest.raises(MalformedError, match=r"no JSON: \(10 characters, 'text/html'\)"):
        answers.body_of(reply(text="Ann writes", headers=headers), dict, quotes=False)
    assert "Ann" not in str(answers.refusal(reply(404, '{"message": "Ann"}', headers), quotes=False))


@pytest.mark.parametrize(
    ("link", "there"),
    [
        ('<https://a/?page=2>; rel="next", <https://a/?page=9>; rel="last"', True),
        ('<https://a/?page=1>; rel="prev"', False),
        ("", False),
        ("nonsense;;,", False),
    ],
)
def test_next_page_is_told_by_the_header(link, there):
    assert answers.has_next(reply(headers={"Link": link})) is there
