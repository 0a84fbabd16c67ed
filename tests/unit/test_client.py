import ast
import logging
import os
from email.utils import formatdate
from pathlib import Path

import pytest
import requests
from loopback import Clock, Reply, serve

import garner.answers
import garner.jobs
from garner.answers import Limited
from garner.client import ATTEMPTS, LONGEST_BACKOFF, Client, DateReached
from garner.credentials import Pool, Token
from garner.errors import (
    ApiError,
    ConfigError,
    CredentialsError,
    ForbiddenError,
    GoneError,
    Interrupted,
    MalformedError,
    QuotaError,
    TransientError,
)

SECRET = "ghp_0123456789abcdef"
OTHER = "ghp_fedcba9876543210"
OK = Reply(body=b'{"fine": true}')


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lines() -> list[str]:
    """What is logged, whatever another test has done to the logger."""
    found: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    handler, log = Keep(), logging.getLogger("garner")
    level = log.level
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    yield found
    log.removeHandler(handler)
    log.setLevel(level)


def client(clock: Clock, *secrets: str, on_quota: str = "wait", **options) -> Client:
    tokens = [Token(secret, f"tokens.txt, line {line}") for line, secret in enumerate(secrets, start=1)]
    return Client(Pool(tokens), "me@example.org", on_quota, clock=clock, **options)


def get(of: Client, url: str, **options) -> dict | list:
    return of.request("GET", f"{url}/thing", **{"resource": "core", "expect": dict} | options).body


def limits(clock: Clock, remaining: int, renewed_in: float = 600, limit: int = 60) -> dict[str, str]:
    """The quota headers of an API whose clock is five hours ahead of ours."""
    now = clock.now + 5 * 3600
    return {
        "Date": formatdate(now, usegmt=True),
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": str(int(now + renewed_in)),
    }


def used_up(clock: Clock, **options) -> Reply:
    return Reply(403, b'{"message": "API rate limit exceeded for user ID 1."}', limits(clock, 0, **options))


# Quota


def test_used_up_quota_is_waited_out_by_the_clock_of_the_api(clock, lines):
    with serve(used_up(clock, renewed_in=600), OK) as api:
        assert get(client(clock, SECRET), api.url) == {"fine": True}
    assert 600 <= clock.slept <= 602
    assert any("waiting until" in line and "10 min" in line for line in lines)


def test_quota_that_an_answer_leaves_at_zero_is_waited_out_before_the_next_request(clock):
    with serve(Reply(headers=limits(clock, 0, renewed_in=30)), OK) as api:
        one = client(clock, SECRET)
        get(one, api.url)
        assert clock.slept == 0
        get(one, api.url)
    assert 30 <= clock.slept <= 32
    assert len(api.requests) == 2


def test_on_quota_stop_says_when_to_run_again_and_sends_nothing_more(clock):
    with serve(used_up(clock), OK) as api:
        one = client(clock, SECRET, on_quota="stop")
        for _ in range(2):
            with pytest.raises(
                QuotaError, match=r"used up until 20\d\d-\d\d-\d\d .*run the same command again"
            ):
                get(one, api.url)
        assert len(api.requests) == 1
    assert clock.slept == 0
    assert QuotaError.exit_code == 75


def test_quota_of_zero_is_asked_about_again_each_time_it_would_be_renewed(clock):
    zero = limits(clock, 0, renewed_in=3600, limit=0)
    refusal = Reply(403, b'{"message": "API rate limit exceeded"}', zero)
    with serve(refusal, refusal, OK) as api:
        get(client(clock), api.url)
        assert len(api.requests) == 3
    assert 7200 <= clock.slept <= 7210


def test_other_token_goes_on_where_one_is_used_up(clock):
    with serve(used_up(clock), OK) as api:
        get(client(clock, SECRET, OTHER), api.url)
    assert [request.headers["authorization"] for request in api.requests] == [
        f"Bearer {SECRET}",
        f"Bearer {OTHER}",
    ]
    assert clock.slept == 0


def test_limit_without_a_time_of_renewal_is_given_a_minute(clock):
    refusal = Reply(
        403, b'{"message":"API Rate Limit Exceeded for 127.0.0.1"}', {"x-ratelimit-remaining": "0"}
    )
    with serve(refusal, OK) as api:
        get(client(clock), api.url)
    assert clock.slept == pytest.approx(60)


def test_nonsense_in_the_headers_of_a_quota_does_no_harm(clock):
    far = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1507651200000", "Date": "soon"}
    odd = {"X-RateLimit-Remaining": "many", "X-RateLimit-Reset": "-5"}
    with serve(Reply(headers=far), Reply(headers=odd), OK) as api:
        one = client(clock)
        for _ in range(3):
            get(one, api.url)
    assert clock.slept <= 3601, "asked again after an hour at the latest"


# Pauses


def test_retry_after_in_seconds_is_waited_for(clock):
    with serve(Reply(429, b"slow down", {"Retry-After": "17"}), OK) as api:
        get(client(clock), api.url)
    assert clock.slept == pytest.approx(17)


def test_retry_after_as_a_date_is_waited_for_by_the_clock_of_the_api(clock):
    ahead = clock.now + 9999
    headers = {"Date": formatdate(ahead, usegmt=True), "Retry-After": formatdate(ahead + 90, usegmt=True)}
    with serve(Reply(403, b'{"message": "secondary rate limit"}', headers), OK) as api:
        get(client(clock), api.url)
    assert 90 <= clock.slept <= 92


def test_secondary_limit_that_names_no_time_is_given_one_minute_then_two_then_four(clock):
    refusal = Reply(403, b'{"message": "You have exceeded a secondary rate limit."}', limits(clock, 59))
    with serve(refusal, refusal, refusal, OK, refusal, OK) as api:
        one = client(clock)
        get(one, api.url)
        assert clock.slept == pytest.approx(60 + 120 + 240)
        get(one, api.url)
    assert clock.slept == pytest.approx(420 + 60), "an answer in between begins anew"


def test_short_pause_is_waited_for_with_on_quota_stop_and_a_long_one_is_not(clock):
    with serve(Reply(429, b"", {"Retry-After": "60"}), OK, Reply(429, b"", {"Retry-After": "7200"})) as api:
        one = client(clock, on_quota="stop")
        get(one, api.url)
        with pytest.raises(QuotaError, match="asks for a pause"):
            get(one, api.url)
    assert clock.slept == pytest.approx(60)


def test_limit_in_the_body_of_a_good_answer_is_obeyed(clock):
    def check(body: dict) -> None:
        if body.get("slow"):
            raise Limited("API rate limit exceeded")

    with serve(Reply(body=b'{"slow": true}', headers=limits(clock, 3, renewed_in=40)), OK) as api:
        assert get(client(clock), api.url, check=check) == {"fine": True}
    assert 40 <= clock.slept <= 42, "three points may be too few for what was asked"


# What was recorded of the real API


def recorded(name: str) -> list[Reply]:
    """Exchanges of the real API, as replies."""
    folder = Path(os.environ.get("GARNER_SHARED_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
    path = folder / "github_recorded" / "pygithub" / f"{name}.txt"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    lines = path.read_text().split("\n")
    kept = ("date", "retry-after", "x-ratelimit-remaining", "x-ratelimit-limit", "x-ratelimit-reset", "link")
    replies = []
    for start in range(0, len(lines) - 9, 11):
        headers = {key: value for key, value in ast.literal_eval(lines[start + 8]) if key.lower() in kept}
        replies.append(Reply(int(lines[start + 7]), lines[start + 9].encode(), headers))
    return replies


def test_recorded_abuse_answer_of_github_is_waited_out(clock):
    good, refused = recorded("SpecificExceptions.testAuthenticatedRateLimitExceeded")
    with serve(refused, good) as api:
        assert get(client(clock), api.url)["total_count"] == 31140
    assert clock.slept == pytest.approx(60), "its Retry-After"


def test_recorded_used_up_quota_of_github_is_waited_out(clock):
    good, refused = recorded("SpecificExceptions.testRateLimitExceeded")
    with serve(refused, good) as api:
        assert get(client(clock), api.url)["login"] == "jacquev6"
    assert clock.slept == pytest.approx(60), "it names no time of renewal"


def test_recorded_502_of_github_is_tried_again(clock):
    *bad, good = recorded("Retry.testReturnsRepoAfter3Retries")
    assert [reply.status for reply in bad] == [502, 502, 502]
    with serve(*bad, good) as api:
        assert get(client(clock), api.url)["full_name"] == "PyGithub/PyGithub"


def test_recorded_first_page_has_a_next_one_and_the_last_has_none(clock):
    pages = recorded("PaginatedList.testIteration")
    with serve(*pages) as api:
        one = client(clock)
        found = [one.request("GET", api.url, resource="core", expect=list).has_next for _ in pages]
    assert found == ['rel="next"' in page.headers.get("Link", page.headers.get("link", "")) for page in pages]
    assert set(found) == {True, False}


# Faults


@pytest.mark.parametrize(
    "fault",
    [
        Reply(500, b"<html>oops</html>"),
        Reply(502),
        Reply(503, b""),
        Reply(408),
        Reply(200, b"<html>captive portal</html>"),
        Reply(200, b'{"fine": tr'),
        Reply(200, b""),
        Reply(200, b"[1]"),
        Reply(200, b"[" * 100_000),
        Reply(200, b'{"fine": true, "more": 1}', cut=10),
        Reply(200, b'{"fine": true}', {"Content-Encoding": "gzip"}),
        Reply(200, b"", cut=0, headers={"Content-Length": "5"}),
    ],
    ids=lambda reply: f"{reply.status}-{reply.body[:12]}-{reply.cut}",
)
def test_fault_is_tried_again(clock, fault):
    with serve(fault, fault, OK) as api:
        assert get(client(clock), api.url) == {"fine": True}
        assert len(api.requests) == 3


def test_storm_that_outlasts_every_attempt_is_a_typed_error_that_says_what_to_do(clock, lines):
    with serve(Reply(503, b'{"message": "No server is available"}')) as api:
        with pytest.raises(TransientError, match=r"503 'No server is available'.*same command again"):
            get(client(clock), api.url)
        assert len(api.requests) == ATTEMPTS
    assert sum("failed, attempt" in line for line in lines) == ATTEMPTS - 1


def test_waits_between_attempts_grow_with_jitter_up_to_a_bound(clock, monkeypatch):
    bounds = []
    monkeypatch.setattr("backoff.full_jitter", lambda bound: bounds.append(bound) or bound / 2)
    with serve(Reply(500)) as api, pytest.raises(TransientError):
        get(client(clock), api.url)
    assert bounds[:5] == [1, 2, 4, 8, 16]
    assert max(bounds) == LONGEST_BACKOFF
    assert clock.slept == pytest.approx(sum(bounds) / 2)


def test_retry_after_of_a_busy_server_is_the_shortest_wait(clock):
    with serve(Reply(503, b"", {"Retry-After": "120"}), OK) as api:
        get(client(clock), api.url)
    assert clock.slept == pytest.approx(120)


def test_malformed_answers_end_in_a_typed_error(clock):
    with serve(Reply(200, b"<html>")) as api, pytest.raises(MalformedError, match="no JSON: '<html>'"):
        get(client(clock), api.url)


def test_endless_answer_is_cut_off(clock, monkeypatch):
    monkeypatch.setattr(garner.answers, "LARGEST", 1 << 20)
    with serve(Reply(200, b" " * (3 << 20))) as api, pytest.raises(MalformedError, match="more than 1 MiB"):
        get(client(clock), api.url, attempts=1)


def test_refused_connection_is_a_transient_error(clock):
    with serve(OK) as api:
        url = api.url
    with pytest.raises(TransientError, match="ConnectionError"):
        get(client(clock), url, attempts=2)


# Refusals


@pytest.mark.parametrize(
    ("status", "body", "error", "reason"),
    [
        (404, b'{"message": "Not Found"}', GoneError, "gone"),
        (410, b"", GoneError, "gone"),
        (451, b'{"message": "Repository access blocked"}', GoneError, "gone"),
        (403, b'{"message": "Resource not accessible"}', ForbiddenError, "forbidden"),
        (422, b'{"message": "Validation Failed"}', ApiError, "error"),
        (304, b"", ApiError, "error"),
    ],
)
def test_refusal_is_typed_and_not_tried_again(clock, status, body, error, reason):
    with serve(Reply(status, body)) as api:
        with pytest.raises(error, match=f"/thing: {status} ") as raised:
            get(client(clock), api.url)
        assert len(api.requests) == 1
    assert raised.value.reason == reason


def test_last_request_of_a_quota_may_be_forbidden_for_another_reason(clock):
    refusal = Reply(403, b'{"message": "Resource not accessible"}', limits(clock, 0))
    with serve(refusal) as api, pytest.raises(ForbiddenError):
        get(client(clock), api.url)


def test_wrong_token_is_named_by_file_and_line_and_never_shown(clock, lines):
    with serve(Reply(401, b'{"message": "Bad credentials"}')) as api:
        with pytest.raises(CredentialsError, match=r"tokens\.txt, line 1") as error:
            get(client(clock, SECRET), api.url)
        assert len(api.requests) == 1
    assert SECRET not in str(error.value) + repr(error.value) + "".join(lines)
    assert error.value.__cause__ is None


def test_wrong_token_among_good_ones_is_dropped_with_a_warning(clock, lines):
    with serve(Reply(401, b'{"message": "Bad credentials"}'), OK) as api:
        one = client(clock, SECRET, OTHER)
        get(one, api.url)
        get(one, api.url)
        assert [request.headers["authorization"][-4:] for request in api.requests] == ["cdef", "3210", "3210"]
    assert any("tokens.txt, line 1" in line for line in lines)
    assert SECRET not in "".join(lines)


def test_api_that_wants_a_token_says_which_setting_names_one(clock):
    with serve(Reply(401, b"")) as api, pytest.raises(CredentialsError, match=r"run\.tokens"):
        get(client(clock), api.url)


# What is sent


def test_user_agent_names_the_project_and_the_contact(clock):
    with serve(OK) as api:
        get(client(clock), api.url)
    assert api.requests[0].headers["user-agent"].startswith("garner/")
    assert "me@example.org" in api.requests[0].headers["user-agent"]


@pytest.mark.parametrize("contact", ["me\r\nX-Evil: 1", "mé@example.org"])
def test_contact_that_no_header_can_hold_is_refused(contact):
    with pytest.raises(ConfigError, match=r"run\.contact"):
        Client(Pool([]), contact, "wait")


@pytest.mark.parametrize("status", [301, 302, 307])
def test_token_stays_home_when_redirected_to_another_host(clock, status):
    with serve(OK) as other, serve(Reply(status, b"", {"Location": f"{other.url}/new"})) as api:
        get(client(clock, SECRET), api.url)
        assert api.requests[0].headers["authorization"] == f"Bearer {SECRET}"
        assert "authorization" not in other.requests[0].headers


def test_redirect_within_the_host_keeps_the_token(clock):
    with serve(Reply(301, b"", {"Location": "/new"}), OK) as api:
        get(client(clock, SECRET), api.url)
        assert [request.path for request in api.requests] == ["/thing", "/new"]
        assert api.requests[1].headers["authorization"] == f"Bearer {SECRET}"


def test_passwords_of_a_netrc_are_not_sent(clock, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password hush\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with serve(OK) as api:
        requests.get(api.url)
        get(client(clock), api.url)
        assert ["authorization" in request.headers for request in api.requests] == [True, False]


# The end


def test_request_to_stop_ends_a_long_wait_at_once(clock, monkeypatch):
    monkeypatch.setattr(garner.jobs._stop, "is_set", lambda: clock.slept >= 2)
    with serve(used_up(clock, renewed_in=3000)) as api, pytest.raises(Interrupted, match="Nothing is lost"):
        get(client(clock, SECRET), api.url)
    assert clock.slept <= 3


def test_no_request_is_sent_on_the_day_or_later(clock):
    with serve(OK) as api:
        one = client(clock, until=clock.now + 10)
        get(one, api.url)
        clock.now += 10
        with pytest.raises(DateReached):
            get(one, api.url)
        assert len(api.requests) == 1


def test_wait_beyond_the_day_is_not_begun(clock):
    with serve(used_up(clock, renewed_in=600)) as api, pytest.raises(DateReached):
        get(client(clock, until=clock.now + 500), api.url)
    assert clock.slept == 0


def test_progress_tells_requests_and_what_is_left(clock):
    with serve(Reply(headers=limits(clock, 59))) as api:
        one = client(clock, SECRET)
        assert one.progress("core") == "0 requests"
        get(one, api.url)
        assert one.progress("core") == "1 requests, 59 of the quota left"
        assert one.affordable("core") == 59
        assert one.affordable("graphql") is None
