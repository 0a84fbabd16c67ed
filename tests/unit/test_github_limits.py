import pytest
import requests
from requests.structures import CaseInsensitiveDict

from garner.http.dialect import Limited, Reply, Standing
from garner.sources.github_limits import GitHubLimits

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT
GITHUB = GitHubLimits()


def reply(status: int = 200, text: str = "{}", **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, CaseInsensitiveDict(named), text, "https://api.github.com/", None, NOW)


def quota(remaining: str, reset: float | None = 100) -> dict[str, str]:
    told = {"X_RateLimit_Remaining": remaining, "X_RateLimit_Limit": "60"}
    return told if reset is None else told | {"X_RateLimit_Reset": str(int(NOW + reset))}


def test_token_is_sent_as_bearer():
    request = requests.Request("GET", "http://127.0.0.1/").prepare()
    GITHUB.sign(request, "hush")
    assert request.headers["Authorization"] == "Bearer hush"


def test_quota_and_its_renewal_are_read_by_the_clock_of_github():
    assert GITHUB.standing(reply(**quota("7"))) == Standing(7, 60, 101)
    assert GITHUB.standing(reply(**quota("7"), Date="Tue, 14 Nov 2023 22:14:20 GMT")).renewed_in == 41
    assert GITHUB.standing(reply(**quota("7", -500))).renewed_in == 1, (
        "never at once, or a wrong clock would make a busy loop"
    )
    assert GITHUB.standing(reply(**quota("7", 1e9))).renewed_in == 3600
    assert GITHUB.standing(reply(**quota("7", None))) == Standing(7, 60, None)
    assert GITHUB.standing(reply()) is None


@pytest.mark.parametrize("status", [403, 429])
@pytest.mark.parametrize(
    ("message", "remaining", "used_up"),
    [
        ("API rate limit exceeded for user ID 1.", "0", True),
        ("API rate limit already exceeded for user ID 1.", "3", True),
        ("You have exceeded a secondary rate limit.", "40", False),
        ("You have triggered an abuse detection mechanism.", "9", False),
    ],
)
def test_quota_of_the_hour_is_told_from_a_secondary_limit(status, message, remaining, used_up):
    refusal = GITHUB.refusal(reply(status, f'{{"message": "{message}"}}', **quota(remaining)))
    assert isinstance(refusal, Limited)
    assert message in str(refusal)
    assert (refusal.whole_pool, refusal.seconds) == ((False, 101) if used_up else (True, None))


def test_refusal_with_a_retry_after_is_a_pause_for_all():
    refusal = GITHUB.refusal(reply(429, "", Retry_After="5", **quota("0")))
    assert (refusal.whole_pool, refusal.seconds) == (True, None)


def test_forbidden_is_told_from_limited():
    assert GITHUB.refusal(reply(403, '{"message": "Repository access blocked"}')) is None
    assert GITHUB.refusal(reply(403, '{"message": "Repository access blocked"}', **quota("0"))) is None
    assert isinstance(GITHUB.refusal(reply(403, '{"message": "Please wait"}', Retry_After="5")), Limited)


@pytest.mark.parametrize(
    ("text", "limited"),
    [
        ('{"errors": [{"type": "RATE_LIMITED", "message": "wait"}]}', True),
        ('{"errors": [{"message": "You have exceeded a secondary rate limit."}]}', True),
        ('{"errors": [{"type": "NOT_FOUND", "message": "no user"}]}', False),
        ('{"errors": "rate limit"}', False),
        ('{"errors": [null]}', False),
        ("[]", False),
        ("<html>rate limit</html>", False),
    ],
)
def test_limit_of_graphql_stands_in_a_body_with_status_200(text, limited):
    assert isinstance(GITHUB.refusal(reply(200, text)), Limited) is limited
