import pytest
from requests.structures import CaseInsensitiveDict

from garner import answers
from garner.answers import Limited
from garner.credentials import ANONYMOUS
from garner.errors import ForbiddenError, MalformedError

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "30"}, 30),
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "999999999999999"}, 86400),
        ({"Retry-After": "Tue, 14 Nov 2023 22:14:20 GMT"}, 61),
        ({"Retry-After": "Tue, 14 Nov 2023 20:00:00 GMT"}, 0),
        ({"Retry-After": "Tue, 14 Nov 2023 22:14:20 GMT", "Date": "Tue, 14 Nov 2023 22:14:00 GMT"}, 21),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(headers, seconds):
    assert answers.retry_after(headers, NOW) == seconds


def test_renewal_is_counted_from_the_clock_of_the_api():
    headers = {"X-RateLimit-Reset": str(int(NOW) + 100)}
    assert answers.renewed_in(headers, NOW) == 101
    assert answers.renewed_in(headers | {"Date": "Tue, 14 Nov 2023 22:14:20 GMT"}, NOW) == 41
    assert answers.renewed_in(headers, NOW + 500) == 1, (
        "never at once, or a wrong clock would make a busy loop"
    )
    assert answers.renewed_in({}, NOW) is None


@pytest.mark.parametrize(
    ("message", "remaining", "used_up"),
    [
        ("API rate limit exceeded for user ID 1.", "0", True),
        ("API rate limit already exceeded for user ID 1.", "3", True),
        ("You have exceeded a secondary rate limit.", "40", False),
        ("You have triggered an abuse detection mechanism.", None, False),
        ("", "0", True),
        ("", None, False),
    ],
)
def test_quota_of_the_hour_is_told_from_a_moments_pause(message, remaining, used_up):
    limit = Limited(message)
    limit.headers = CaseInsensitiveDict({"x-ratelimit-remaining": remaining} if remaining else {})
    assert answers.is_used_up(limit) is used_up


def test_forbidden_is_told_from_limited():
    def meaning(message: str, headers: dict) -> type:
        text = f'{{"message": "{message}"}}'
        return type(answers.refusal(403, headers, text, ANONYMOUS, NOW))

    assert meaning("Repository access blocked", {}) is ForbiddenError
    assert meaning("Repository access blocked", {"X-RateLimit-Remaining": "0"}) is ForbiddenError
    assert meaning("Please wait", {"Retry-After": "5"}) is Limited
    assert meaning("API rate limit exceeded", {}) is Limited


def test_malformed_body_is_quoted_shortly():
    with pytest.raises(MalformedError, match="no JSON") as error:
        answers.parse("<html>" + "x" * 9999, dict)
    assert len(str(error.value)) < 300
    with pytest.raises(MalformedError, match="no JSON list"):
        answers.parse("{}", list)
