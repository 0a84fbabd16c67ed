import ast
import logging
import os
from email.utils import formatdate
from pathlib import Path

import pytest
import requests
from loopback import OFFLINE, Clock, Reply, serve

import garner.http.transport
import garner.jobs
from garner.errors import (
    ApiError,
    BlockedError,
    ConfigError,
    CredentialsError,
    ForbiddenError,
    GoneError,
    Interrupted,
    MalformedError,
    QuotaError,
    TransientError,
)
from garner.http.client import ATTEMPTS, BACKOFF, Client, DateReached, connect
from garner.http.dialect import Limited
from garner.sources.github_limits import GitHubLimits

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


@pytest.fixture
def client(tmp_path, clock):
    """Makes clients of an API, as the sources do, with the tokens given."""

    def make(url: str, *secrets: str, dialect=None, until=None, headers=None, **operational) -> Client:
        tokens = None
        if secrets:
            tokens = tmp_path / "tokens.txt"
            tokens.write_text("\n".join(secrets))
            tokens.chmod(0o600)
        settings = OFFLINE | {"tokens": tokens, "contact": "me@example.org"} | operational
        return connect(url, settings, dialect or GitHubLimits(), headers, until, clock)

    return make


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


def test_used_up_quota_is_waited_out_by_the_clock_of_the_api(client, clock, lines):
    with serve(used_up(clock, renewed_in=600), OK) as api:
        assert get(client(api.url, SECRET), api.url) == {"fine": True}
    assert 600 <= clock.slept <= 602
    assert any("waiting until" in line and "10 min" in line for line in lines)


def test_quota_that_an_answer_leaves_at_zero_is_waited_out_before_the_next_request(client, clock):
    with serve(Reply(headers=limits(clock, 0, renewed_in=30)), OK) as api:
        one = client(api.url, SECRET)
        get(one, api.url)
        assert clock.slept == 0
        get(one, api.url)
    assert 30 <= clock.slept <= 32
    assert len(api.requests) == 2


def test_on_quota_stop_says_when_to_run_again_and_sends_nothing_more(client, clock):
    with serve(used_up(clock), OK) as api:
        one = client(api.url, SECRET, on_quota="stop")
        for _ in range(2):
            with pytest.raises(
                QuotaError, match=r"used up until 20\d\d-\d\d-\d\d .*run the same command again"
            ):
                get(one, api.url)
        assert len(api.requests) == 1
    assert clock.slept == 0
    assert QuotaError.exit_code == 75


def test_quota_of_zero_is_asked_about_again_each_time_it_would_be_renewed(client, clock):
    zero = limits(clock, 0, renewed_in=3600, limit=0)
    refusal = Reply(403, b'{"message": "API rate limit exceeded"}', zero)
    with serve(refusal, refusal, OK) as api:
        get(client(api.url), api.url)
        assert len(api.requests) == 3
    assert 7200 <= clock.slept <= 7210


def test_other_token_goes_on_where_one_is_used_up(client, clock):
    with serve(used_up(clock), OK) as api:
        get(client(api.url, SECRET, OTHER), api.url)
    assert [request.headers["authorization"] for request in api.requests] == [
        f"Bearer {SECRET}",
        f"Bearer {OTHER}",
    ]
    assert clock.slept == 0


def test_limit_without_a_time_of_renewal_is_given_a_minute(client, clock):
    refusal = Reply(
        403, b'{"message":"API Rate Limit Exceeded for 127.0.0.1"}', {"x-ratelimit-remaining": "0"}
    )
    with serve(refusal, OK) as api:
        get(client(api.url), api.url)
    assert clock.slept == pytest.approx(60)


def test_nonsense_in_the_headers_of_a_quota_does_no_harm(client, clock):
    far = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1507651200000", "Date": "soon"}
    odd = {"X-RateLimit-Remaining": "many", "X-RateLimit-Reset": "-5"}
    with serve(Reply(headers=far), Reply(headers=odd), OK) as api:
        one = client(api.url)
        for _ in range(3):
            get(one, api.url)
    assert clock.slept <= 3601, "asked again after an hour at the latest"


# Pauses


def test_retry_after_in_seconds_is_waited_for(client, clock):
    with serve(Reply(429, b"slow down", {"Retry-After": "17"}), OK) as api:
        get(client(api.url), api.url)
    assert clock.slept == pytest.approx(17)


def test_retry_after_as_a_date_is_waited_for_by_the_clock_of_the_api(client, clock):
    ahead = clock.now + 9999
    headers = {"Date": formatdate(ahead, usegmt=True), "Retry-After": formatdate(ahead + 90, usegmt=True)}
    with serve(Reply(403, b'{"message": "secondary rate limit"}', headers), OK) as api:
        get(client(api.url), api.url)
    assert 90 <= clock.slept <= 92


def test_secondary_limit_that_names_no_time_is_given_one_minute_then_two_then_four(client, clock):
    refusal = Reply(403, b'{"message": "You have exceeded a secondary rate limit."}', limits(clock, 59))
    with serve(refusal, refusal, refusal, OK, refusal, OK) as api:
        one = client(api.url)
        get(one, api.url)
        assert clock.slept == pytest.approx(60 + 120 + 240)
        get(one, api.url)
    assert clock.slept == pytest.approx(420 + 60), "an answer in between begins anew"


def test_short_pause_is_waited_for_with_on_quota_stop_and_a_long_one_is_not(client, clock):
    with serve(Reply(429, b"", {"Retry-After": "60"}), OK, Reply(429, b"", {"Retry-After": "7200"})) as api:
        one = client(api.url, on_quota="stop")
        get(one, api.url)
        with pytest.raises(QuotaError, match="asks for a pause"):
            get(one, api.url)
    assert clock.slept == pytest.approx(60)


def test_limit_that_a_source_finds_in_a_good_body_is_waited_for(client, clock):
    def check(body: dict) -> None:
        if body.get("slow"):
            raise Limited("not so fast", 25)

    with serve(Reply(body=b'{"slow": true}'), OK) as api:
        assert get(client(api.url), api.url, check=check) == {"fine": True}
    assert clock.slept == pytest.approx(25)


def test_limit_in_the_body_of_a_good_answer_is_obeyed(client, clock):
    body = b'{"data": null, "errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]}'
    with serve(Reply(body=body, headers=limits(clock, 3, renewed_in=40)), OK) as api:
        assert get(client(api.url), api.url) == {"fine": True}
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


def test_recorded_abuse_answer_of_github_is_waited_out(client, clock):
    good, refused = recorded("SpecificExceptions.testAuthenticatedRateLimitExceeded")
    with serve(refused, good) as api:
        assert get(client(api.url), api.url)["total_count"] == 31140
    assert clock.slept == pytest.approx(60), "its Retry-After"


def test_recorded_used_up_quota_of_github_is_waited_out(client, clock):
    good, refused = recorded("SpecificExceptions.testRateLimitExceeded")
    with serve(refused, good) as api:
        assert get(client(api.url), api.url)["login"] == "jacquev6"
    assert clock.slept == pytest.approx(60), "it names no time of renewal"


def test_recorded_502_of_github_is_tried_again(client, clock):
    *bad, good = recorded("Retry.testReturnsRepoAfter3Retries")
    assert [reply.status for reply in bad] == [502, 502, 502]
    with serve(*bad, good) as api:
        assert get(client(api.url), api.url)["full_name"] == "PyGithub/PyGithub"


def test_recorded_first_page_has_a_next_one_and_the_last_has_none(client, clock):
    pages = recorded("PaginatedList.testIteration")
    with serve(*pages) as api:
        one = client(api.url)
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
def test_fault_is_tried_again(client, clock, fault):
    with serve(fault, fault, OK) as api:
        assert get(client(api.url), api.url) == {"fine": True}
        assert len(api.requests) == 3


def test_storm_that_outlasts_every_attempt_is_a_typed_error_that_says_what_to_do(client, clock, lines):
    with serve(Reply(503, b'{"message": "No server is available"}')) as api:
        with pytest.raises(TransientError, match=r"503 'No server is available'.*same command again"):
            get(client(api.url), api.url)
        assert len(api.requests) == ATTEMPTS
    assert sum("failed, attempt" in line for line in lines) == ATTEMPTS - 1


@pytest.mark.parametrize(
    ("settings", "bounds"),
    [
        (BACKOFF, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]),
        ({"mult": 2, "exp": 2, "max": 1000}, [2, 4, 16, 256, 1000, 1000]),
        ({"mult": 900, "exp": 50, "max": 7}, [7, 7, 7]),
    ],
)
def test_waits_between_attempts_grow_as_set_with_jitter_up_to_a_bound(
    client, clock, monkeypatch, settings, bounds
):
    found = []
    monkeypatch.setattr("backoff.full_jitter", lambda bound: found.append(bound) or bound / 2)
    with serve(Reply(500)) as api, pytest.raises(TransientError):
        get(client(api.url, backoff=settings), api.url, attempts=len(bounds) + 1)
    assert found == bounds
    assert clock.slept == pytest.approx(sum(bounds) / 2)


def test_retry_after_of_a_busy_server_is_the_shortest_wait(client, clock):
    with serve(Reply(503, b"", {"Retry-After": "120"}), OK) as api:
        get(client(api.url), api.url)
    assert clock.slept == pytest.approx(120)


def test_malformed_answers_end_in_a_typed_error(client, clock):
    with serve(Reply(200, b"<html>")) as api, pytest.raises(MalformedError, match="no JSON: '<html>'"):
        get(client(api.url), api.url)


def test_endless_answer_is_cut_off(client, clock, monkeypatch):
    monkeypatch.setattr(garner.http.transport, "LARGEST_SENT", 1 << 20)
    with serve(Reply(200, b" " * (3 << 20))) as api, pytest.raises(MalformedError, match="more than 1 MiB"):
        get(client(api.url), api.url, attempts=1)


def test_refused_connection_is_a_transient_error(client, clock):
    with serve(OK) as api:
        url = api.url
    with pytest.raises(TransientError, match="ConnectionError"):
        get(client(api.url), url, attempts=2)


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
def test_refusal_is_typed_and_not_tried_again(client, clock, status, body, error, reason):
    with serve(Reply(status, body)) as api:
        with pytest.raises(error, match=f"/thing: {status} ") as raised:
            get(client(api.url), api.url)
        assert len(api.requests) == 1
    assert raised.value.reason == reason


def test_last_request_of_a_quota_may_be_forbidden_for_another_reason(client, clock):
    refusal = Reply(403, b'{"message": "Resource not accessible"}', limits(clock, 0))
    with serve(refusal) as api, pytest.raises(ForbiddenError):
        get(client(api.url), api.url)


def test_wrong_token_is_named_by_file_and_line_and_never_shown(client, clock, lines):
    with serve(Reply(401, b'{"message": "Bad credentials"}')) as api:
        with pytest.raises(CredentialsError, match=r"tokens\.txt, line 1") as error:
            get(client(api.url, SECRET), api.url)
        assert len(api.requests) == 1
    assert SECRET not in str(error.value) + repr(error.value) + "".join(lines)
    assert error.value.__cause__ is None


def test_wrong_token_among_good_ones_is_dropped_with_a_warning(client, clock, lines):
    with serve(Reply(401, b'{"message": "Bad credentials"}'), OK) as api:
        one = client(api.url, SECRET, OTHER)
        get(one, api.url)
        get(one, api.url)
        assert [request.headers["authorization"][-4:] for request in api.requests] == ["cdef", "3210", "3210"]
    assert any("tokens.txt, line 1" in line for line in lines)
    assert SECRET not in "".join(lines)


def test_api_that_wants_a_token_says_which_setting_names_one(client, clock):
    with serve(Reply(401, b"")) as api, pytest.raises(CredentialsError, match=r"run\.tokens"):
        get(client(api.url), api.url)


# What is sent


def test_user_agent_names_the_project_and_the_contact(client, clock):
    with serve(OK) as api:
        get(client(api.url), api.url)
    assert api.requests[0].headers["user-agent"].startswith("garner/")
    assert "me@example.org" in api.requests[0].headers["user-agent"]


@pytest.mark.parametrize("contact", ["me\r\nX-Evil: 1", "mé@example.org"])
def test_contact_that_no_header_can_hold_is_refused(client, contact):
    with pytest.raises(ConfigError, match=r"run\.contact"):
        client("https://api.example.org", contact=contact)


@pytest.mark.parametrize("status", [301, 302, 307])
def test_token_stays_home_when_redirected_to_another_host(client, clock, status):
    with serve(OK) as other, serve(Reply(status, b"", {"Location": f"{other.url}/new"})) as api:
        get(client(api.url, SECRET), api.url)
        assert api.requests[0].headers["authorization"] == f"Bearer {SECRET}"
        assert "authorization" not in other.requests[0].headers


def test_redirect_within_the_host_keeps_the_token(client, clock):
    with serve(Reply(301, b"", {"Location": "/new"}), OK) as api:
        get(client(api.url, SECRET), api.url)
        assert [request.path for request in api.requests] == ["/thing", "/new"]
        assert api.requests[1].headers["authorization"] == f"Bearer {SECRET}"


def test_passwords_of_a_netrc_are_not_sent(client, clock, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password hush\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with serve(OK) as api:
        requests.get(api.url)
        get(client(api.url), api.url)
        assert ["authorization" in request.headers for request in api.requests] == [True, False]


# An API that never relents


def test_refusals_without_end_are_a_block_once_all_pauses_were_in_vain(client, clock):
    with serve(Reply(429, b"please wait")) as api:
        with pytest.raises(BlockedError, match=r"refused 8 times in a row.*'please wait'"):
            get(client(api.url), api.url)
        assert len(api.requests) == 8
    minutes = [1, 2, 4, 8, 16, 32, 60]
    assert clock.slept == pytest.approx(60 * sum(minutes))
    assert BlockedError.exit_code == 75


class Gates(GitHubLimits):
    """An API that shows a page to log in, and answers a moment later."""

    quotes = False

    def refusal(self, reply):
        return BlockedError("a page to log in") if reply.text.startswith("<") else super().refusal(reply)

    def pause(self, reply):
        return reply.json.get("backoff")


GATE = Reply(200, b"<html>log in</html>")


def test_block_is_waited_out(client, clock):
    with serve(GATE, GATE, OK) as api:
        assert get(client(api.url, dialect=Gates()), api.url) == {"fine": True}
    assert clock.slept == pytest.approx(60 + 120)


def test_pause_that_a_good_answer_asks_for_comes_before_the_next_request(client, clock):
    with serve(Reply(body=b'{"backoff": 10}'), OK) as api:
        one = client(api.url, dialect=Gates(), on_quota="stop")
        assert get(one, api.url) == {"backoff": 10}
        assert clock.slept == 0
        get(one, api.url)
    assert clock.slept == pytest.approx(10)


@pytest.mark.parametrize("reply", [Reply(200, b"Ann writes"), Reply(404, b"Ann writes"), Reply(500, b"Ann")])
def test_no_message_quotes_what_people_wrote_where_the_dialect_forbids_it(client, clock, lines, reply):
    with serve(reply) as api, pytest.raises(ApiError) as error:
        get(client(api.url, dialect=Gates()), api.url, attempts=2)
    assert "Ann" not in str(error.value) + "".join(lines)


def test_no_message_holds_parameters_or_a_token(client, clock, lines):
    echo = Reply(400, f'{{"message": "key {SECRET} is unknown"}}'.encode())
    with serve(echo) as api, pytest.raises(ApiError, match="token") as refused:
        get(client(api.url, SECRET), api.url, params={"user": "ann"})
    with pytest.raises(TransientError, match="ConnectionRefusedError") as failed:
        get(client(api.url, SECRET), api.url + "?of=ann", params={"user": "ann"}, attempts=2)
    said = f"{refused.value} {failed.value} {lines}"
    assert SECRET not in said
    assert "ann" not in said


def test_token_is_not_sent_in_the_clear(client):
    with pytest.raises(ConfigError, match="over https alone"):
        client("http://api.example.org", SECRET)


# Proxies


def test_proxy_that_fails_rests_and_the_next_one_goes_on(client, clock, tmp_path, lines):
    with serve(OK) as gone:
        dead = gone.url
    with serve(OK) as proxy:
        path = tmp_path / "proxies"
        path.write_text(f"{dead.replace('http://', 'http://me:hush@')}\n{proxy.url}\n")
        path.chmod(0o600)
        one = client("http://api.example.org", proxies=path)
        assert get(one, "http://api.example.org") == {"fine": True}
        get(one, "http://api.example.org")
        assert [request.path for request in proxy.requests] == ["http://api.example.org/thing"] * 2
    assert sum("proxies, line 1 rests" in line for line in lines) == 1
    assert "hush" not in "".join(lines)


# Conditional requests


def test_answer_that_has_not_changed_is_told_from_a_new_one(client, clock):
    with serve(Reply(headers={"ETag": 'W/"1"'}), Reply(304), Reply(headers={"ETag": 'W/"2"'})) as api:
        one = client(api.url, SECRET)
        ask = {"resource": "core", "expect": dict}
        first = one.request("GET", api.url, **ask)
        second = one.request("GET", api.url, etag=first.etag, **ask)
        third = one.request("GET", api.url, etag=second.etag, **ask)
        sent = [request.headers.get("if-none-match") for request in api.requests]
    assert sent == [None, 'W/"1"', 'W/"1"']
    assert (second.not_modified, second.body, third.not_modified) == (True, None, False)
    assert third.etag != first.etag
    assert SECRET not in first.etag


def test_conditional_request_goes_by_the_token_that_got_the_etag_and_is_plain_without_it(client, clock):
    with serve(Reply(headers={"ETag": '"1"'} | limits(clock, 5)), OK) as api:
        etag = client(api.url, SECRET).request("GET", api.url, resource="core", expect=dict).etag
        get(client(api.url, OTHER, SECRET), api.url, etag=etag)
        get(client(api.url, OTHER), api.url, etag=etag)
        sent = [(r.headers["authorization"][-4:], r.headers.get("if-none-match")) for r in api.requests]
    assert sent == [("cdef", None), ("cdef", '"1"'), ("3210", None)]


# What is kept between runs


def test_restart_does_not_start_the_windows_anew(client, clock, tmp_path):
    with serve(OK) as api:
        for _ in range(3):  # each time as if by another process
            get(client(api.url, ratelimit=["2/1h"], clocks=tmp_path / "clocks"), api.url)
    assert clock.slept == pytest.approx(3600)


def test_used_up_quota_and_a_pause_are_remembered_after_a_restart(client, clock, tmp_path):
    with serve(used_up(clock, renewed_in=600), OK) as api:
        one = client(api.url, SECRET, on_quota="stop", clocks=tmp_path / "clocks")
        with pytest.raises(QuotaError):
            get(one, api.url)
        get(client(api.url, SECRET, clocks=tmp_path / "clocks"), api.url)
        assert len(api.requests) == 2
    assert 600 <= clock.slept <= 602
    assert SECRET not in "".join(path.read_text() for path in (tmp_path / "clocks").iterdir())


def test_windows_are_waited_for_also_with_on_quota_stop(client, clock):
    with serve(OK) as api:
        one = client(api.url, ratelimit=["1/30s", "2/1h"], on_quota="stop")
        for _ in range(3):
            get(one, api.url)
    assert clock.slept == pytest.approx(3600)


def test_redirect_takes_a_turn_of_its_own(client, clock):
    with serve(Reply(301, b"", {"Location": "/new"}), OK) as api:
        one = client(api.url, ratelimit=["1/30s"])
        get(one, api.url)
    assert clock.slept == pytest.approx(30)
    assert one.requests == 2


# The end


def test_request_to_stop_ends_a_long_wait_at_once(client, clock, monkeypatch):
    monkeypatch.setattr(garner.jobs._stop, "is_set", lambda: clock.slept >= 2)
    with serve(used_up(clock, renewed_in=3000)) as api, pytest.raises(Interrupted, match="Nothing is lost"):
        get(client(api.url, SECRET), api.url)
    assert clock.slept <= 3


def test_no_request_is_sent_on_the_day_or_later(client, clock):
    with serve(OK) as api:
        one = client(api.url, until=clock.now + 10)
        get(one, api.url)
        clock.now += 10
        with pytest.raises(DateReached):
            get(one, api.url)
        assert len(api.requests) == 1


def test_wait_beyond_the_day_is_not_begun(client, clock):
    with serve(used_up(clock, renewed_in=600)) as api, pytest.raises(DateReached):
        get(client(api.url, until=clock.now + 500), api.url)
    assert clock.slept == 0


def test_progress_tells_requests_and_what_is_left(client, clock):
    with serve(Reply(headers=limits(clock, 59))) as api:
        one = client(api.url, SECRET)
        assert one.progress("core") == "0 requests"
        get(one, api.url)
        assert one.progress("core") == "1 requests, 59 of the quota left"
        assert one.affordable("core") == 59
        assert one.affordable("graphql") is None
