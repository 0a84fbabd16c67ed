"""Faults that a crawl survives: it ends in the same bytes as a calm one, and asks little more.

Each drill runs for every source. An item lost or doubled would show in the bytes, and what is asked again in
the number of requests.
"""

import contextlib
import io

import pyarrow.parquet
import pytest
from drills import LONG, ODD, TOKENS, crawl, only

from garner.errors import ApiError
from replica.exchange import Reply, Request

# Requests that meet a fault which one more request mends.
HERE = [{"at": 2}, {"from": 3, "every": 7, "to": 60}]


def scattered(do: str, **options: object) -> list[dict]:
    return [{"do": do, **options, **where} for where in HERE]


# --- the connection ---


def test_reset_before_a_body_loses_nothing(survives):
    survives(*scattered("reset_before"))


@pytest.mark.parametrize("after", [0, 0.5, 0.999])
def test_reset_amid_a_body_loses_nothing(survives, after):
    survives(*scattered("reset_amid", after=after))


def test_slow_drip_is_waited_for(survives):
    survives({"do": "drip", "at": [1, 2, 4], "pieces": 10, "seconds": 0.02}, extra=0)


def test_answer_that_drips_without_end_is_given_up_and_asked_for_again(survives, monkeypatch):
    monkeypatch.setattr("garner.http.transport.LONGEST_REQUEST", 0.7)
    survives({"do": "drip", "at": 2, "pieces": 1000, "seconds": 0.05}, extra=1)


@pytest.mark.parametrize("by", [-50, -1, 1, 5000])
def test_wrong_content_length_loses_nothing(survives, by):
    survives(*scattered("length", by=by))


# --- the body ---


@pytest.mark.parametrize("after", [0, 0.5, 0.98])
def test_truncated_json_is_asked_for_again(survives, after):
    survives(*scattered("truncated", after=after))


@pytest.mark.parametrize("body", ['{"data": [,]}', "null", "17", '"text"', "\\u0000", "[" * 100_000, "NaN"])
def test_malformed_json_is_asked_for_again(survives, body):
    survives(*scattered("malformed", body=body))


def test_html_page_with_status_200_is_no_answer(survives):
    survives(*scattered("html"))


def test_gzip_bomb_is_not_unpacked(survives):
    survives({"do": "bomb", "mib": 128, "at": [2, 5]})


# --- the status ---


@pytest.mark.parametrize("status", [500, 502, 503])
def test_storm_of_5xx_is_waited_out(survives, status):
    storm = survives({"do": "status", "status": status, "from": 3, "to": 10})
    assert storm.clock.slept >= 1 + 2 + 4, "each wait is longer than the one before"


def test_429_is_waited_out_for_the_seconds_that_it_names(survives):
    assert survives({"do": "too_many", "seconds": 90, "at": [2, 3]}).clock.slept >= 180


def test_429_is_waited_out_until_the_date_that_it_names(survives):
    assert survives({"do": "too_many", "seconds": 90, "date": True, "at": 2}).clock.slept >= 89


def test_429_that_names_no_time_is_waited_out(survives):
    assert survives({"do": "too_many", "at": 2}).clock.slept >= 30


# --- limits ---


@pytest.mark.parametrize("status", [403, 429])
@pytest.mark.parametrize("seconds", [None, 45])
def test_secondary_limit_is_waited_out(survives, status, seconds):
    limited = survives({"do": "refuse", "status": status, "seconds": seconds, "at": 3})
    assert limited.clock.slept >= 45


def test_quota_that_ends_in_the_middle_of_a_page_is_waited_out(survives):
    assert survives({"do": "exhaust", "seconds": 1800, "at": 3}, extra=6).clock.slept >= 1800


def test_limits_in_the_own_words_of_the_api_are_waited_out(survives):
    assert survives({"do": "refuse", "seconds": 45, "at": [2, 4]}).clock.slept >= 90


@only("instagram")
def test_page_that_asks_to_log_in_is_a_pause(survives):
    assert survives({"do": "login", "at": [2, 5]}).clock.slept >= 60


@pytest.mark.parametrize("by", [-86400, 86400])
def test_clock_of_the_server_that_jumps_does_no_harm(survives, by):
    jumped = survives({"do": "clock", "by": by, "at": 2}, {"do": "exhaust", "seconds": 60, "at": 4}, extra=3)
    assert 60 <= jumped.clock.slept <= 3700, "an hour at the longest, whatever the clocks say"


@pytest.mark.parametrize("by", [-86400, 86400])
def test_own_clock_that_jumps_does_no_harm(subject, calm, tmp_path, by):
    with crawl(subject, tmp_path, {"do": "too_many", "seconds": 30, "at": [2, 4]}) as disturbed:
        # As when the machine is set right, or wakes up: `monotonic` goes on as it was.
        disturbed.clock.on_sleep = lambda: setattr(disturbed.clock, "jump", by)
        assert disturbed.run() == calm.sealed
    assert 60 <= disturbed.clock.slept <= 120


# --- pages ---


def test_duplicate_items_on_a_page_are_kept_once(survives):
    survives({"do": "duplicate"}, extra=0)


@only("github-rest", "stackexchange")
@pytest.mark.parametrize("count", [1, 30])
def test_shifting_pages_lose_and_double_nothing(survives, count):
    survives({"do": "shift", "count": count, "at": 3}, extra=3)


def test_cursor_that_loops_once_is_seen_through(survives):
    survives({"do": "loop", "at": [2, 4, 6]})


def test_cursor_that_loops_for_ever_is_told_and_the_next_run_goes_on(subject, calm, tmp_path):
    with crawl(subject, tmp_path, {"do": "loop", "from": 2}) as disturbed:
        with contextlib.suppress(ApiError):
            disturbed.run()
        assert len(disturbed.replica.requests) <= calm.requests + 200
        disturbed.replica.faults.end()
        assert disturbed.run() == calm.sealed


# --- who is asked, and who asks ---


def test_redirect_to_another_host_leaves_the_token_at_home(survives, tmp_path):
    statuses = [
        {"do": "redirect", "status": status, "at": at} for at, status in ((2, 302), (3, 307), (5, 308))
    ]
    there = survives(*statuses, tokens=True).replica.elsewhere
    told = "".join(f"{request.headers} {request.query} {request.body}" for request in there)
    assert not [token for token in TOKENS if token in told]


def test_expired_token_among_good_ones_is_left_out_and_named_by_its_line_alone(survives, caplog):
    expired = survives({"do": "expire", "number": 0, "at": 1}, tokens=True)
    assert f"{expired.tokens}, line 1" in caplog.text
    written = [path for path in expired.folder.rglob("*") if path.is_file() and path != expired.tokens]
    told = caplog.text.encode() + b"".join(path.read_bytes() for path in written)
    assert not [token for token in TOKENS if token.encode() in told]


# --- what there is ---


def table(sealed: bytes) -> list[dict]:
    return pyarrow.parquet.read_table(io.BytesIO(sealed)).to_pylist()


def items(sealed: dict[str, bytes]) -> dict[str, str]:
    """The documents or repositories that were sealed, and whose each is."""
    found = table(sealed.get("documents") or sealed["repositories"])
    return {row.get("id") or row["repository"]: row.get("group") or row["owner"] for row in found}


@only("github-rest", "stackexchange", "instagram")
@pytest.mark.parametrize("at", [2, 3])
def test_user_deleted_between_two_pages_is_all_that_is_missing(subject, calm, tmp_path, at):
    with crawl(subject, tmp_path, {"do": "delete", "item": subject.deleted, "at": at}) as disturbed:
        found, before = items(disturbed.run()), items(calm.sealed)
    missing = set(before) - set(found)
    assert missing
    assert set(found) < set(before)
    assert len({before[item] for item in missing}) == 1, "nobody else's"
    assert len(disturbed.replica.requests) <= calm.requests


@only("stackexchange", "instagram")
def test_unicode_and_a_text_of_a_megabyte_arrive_as_they_were(calm):
    texts = [document["text"] for document in table(calm.sealed["documents"])]
    assert any(ODD in text for text in texts)
    assert any(LONG in text for text in texts)


@only("stackexchange", "instagram")
def test_half_a_character_in_a_text_harms_nothing_else(subject, calm, tmp_path):
    with crawl(subject, tmp_path) as disturbed:
        (api,) = disturbed.replica.apis

        def cut(request: Request) -> Reply:
            reply = api.reply(request)
            cut = reply.body
            for whole in ("🦄".encode(), b"\\ud83e\\udd84"):  # as it is, or escaped
                cut = cut.replace(whole, b"\\ud83e")
            return reply._replace(body=cut)

        disturbed.replica.intercept = cut
        found = table(disturbed.run()["documents"])
    before = table(calm.sealed["documents"])
    assert [row["id"] for row in found] == [row["id"] for row in before]
    same = [old["text"] == new["text"] for old, new in zip(before, found, strict=True)]
    assert same.count(False) == 2, "the two texts that have that character"
