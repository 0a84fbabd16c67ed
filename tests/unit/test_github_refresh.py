"""Asking again: what has grown old, and what could not be had."""

import json
import shutil
from types import SimpleNamespace

import pytest
from github_study import hub, repository, rows, scrape, seal, serve, study, varied_hub

from garner.crawl import Journal
from garner.errors import ConfigError, Interrupted, TransientError

PROTOCOLS = ["graphql", "rest"]
DAY = 86400


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr("backoff.full_jitter", lambda bound: 0.0)


@pytest.fixture
def calendar(monkeypatch):
    """A day that the test turns."""
    today = SimpleNamespace(day=20_000)
    clock = SimpleNamespace(time=lambda: today.day * DAY)
    monkeypatch.setattr("garner.sources.github.time", clock)
    monkeypatch.setattr("garner.sources.github_records.time", clock)
    return today


def changed(made_up):
    """People come and go, and so do repositories."""
    users = {user.login: user for user in made_up.users}
    follows = {login: [*user.following] for login, user in users.items()}
    owned = {login: [*user.repositories] for login, user in users.items()}
    first, second, third = sorted(set(follows) - {"User00"}, key=str.lower)[:3]
    follows["User00"].append("newcomer")
    follows["newcomer"] = [third]
    owned["newcomer"] = [repository("newcomer", "one")]
    owned["User00"] = [*owned["User00"][1:], repository("User00", "new", languages={"Zig": 7})]
    del follows[first], owned[first]
    follows = {login: [other for other in each if other != first] for login, each in follows.items()}
    owned[second] = []
    return hub(follows, owned)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_refresh_comes_to_the_bytes_of_a_crawl_begun_anew(tmp_path, protocol, calendar):
    before = varied_hub(users=12, many=True)
    with serve(before, quota=100_000) as api:
        scrape(study(api.url, protocol, refresh_days=30), tmp_path / "state")
        asked = len(api.requests)
        after = changed(before)
        api.hub.__dict__.update(after.__dict__)
        calendar.day += 29
        scrape(study(api.url, protocol, refresh_days=30), tmp_path / "state")
        assert len(api.requests) == asked, "everything was fresh"
        calendar.day += 2
        refreshed = scrape(study(api.url, protocol, refresh_days=30), tmp_path / "state")
        assert refreshed == scrape(study(api.url, protocol), tmp_path / "anew/state")
        asked = len(api.requests)
        assert scrape(study(api.url, protocol, refresh_days=30), tmp_path / "state") == refreshed
        assert len(api.requests) == asked, "everything is fresh again"


def test_refresh_by_rest_costs_nothing_where_nothing_has_changed(tmp_path, calendar):
    with serve(varied_hub(users=12, many=True), quota=100_000) as api:
        settings = study(api.url, "rest", refresh_days=30)
        first = scrape(settings, tmp_path / "state")
        for _ in range(2):
            calendar.day += 31
            begin = len(api.records)
            assert scrape(settings, tmp_path / "state") == first
            assert {record["status"] for record in api.records[begin:]} == {304}
            assert not any("languages" in record["path"] for record in api.records[begin:])
        (tmp_path / "state/index.sqlite").unlink()
        assert seal(settings, tmp_path / "state") == first


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_interrupted_refresh_goes_on_and_repeats_nothing_fresh(tmp_path, protocol, calendar, monkeypatch):
    before = varied_hub(users=12)
    with serve(before, quota=100_000) as api:
        settings = study(api.url, protocol, refresh_days=30)
        old = scrape(settings, tmp_path / "first/state")
        api.hub.__dict__.update(changed(before).__dict__)
        calendar.day += 31
        shutil.copytree(tmp_path / "first", tmp_path / "calm")
        begin = len(api.requests)
        calm = scrape(settings, tmp_path / "calm/state")
        total = len(api.requests) - begin
        assert calm != old
        for stop in range(1, total, 1 if protocol == "graphql" else 7):
            folder = tmp_path / str(stop)
            shutil.copytree(tmp_path / "first", folder)
            begin = len(api.requests)
            with monkeypatch.context() as patched, pytest.raises(Interrupted):
                patched.setattr(
                    "garner.crawl.stop_requested", lambda end=begin + stop: len(api.requests) == end
                )
                scrape(settings, folder / "state")
            seal(settings, folder / "state")
            if stop % 2:
                (folder / "state/index.sqlite").unlink()
            assert scrape(settings, folder / "state") == calm
            assert len(api.requests) - begin <= total + 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_day_that_comes_amid_a_refresh_leaves_what_was_known(tmp_path, protocol, calendar, monkeypatch):
    with serve(varied_hub(users=12), quota=100_000) as api:
        old = scrape(study(api.url, protocol), tmp_path / "state")
        calendar.day += 31
        settings = study(api.url, protocol, refresh_days=30)
        end = len(api.requests) + 1
        with monkeypatch.context() as patched, pytest.raises(Interrupted):
            patched.setattr("garner.crawl.stop_requested", lambda: len(api.requests) == end)
            scrape(settings, tmp_path / "state")
        assert scrape(study(api.url, protocol, refresh_days=30, date="2020-01-01"), tmp_path / "state") == old


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("trouble", [(502, {}, b""), (200, {}, b"{"), (200, {}, b'{"data": {"a0": 7}}')])
def test_user_whose_query_always_fails_is_gone_round_and_tried_again_by_a_later_run(
    tmp_path, protocol, trouble
):
    follows = {"ann": ["bob", "cat"], "bob": ["dan"], "cat": ["eve"], "dan": ["ann"]}
    owned = {login: [repository(login, "one"), repository(login, "two")] for login in ("bob", "cat", "dan")}
    with serve(hub(follows, owned), quota=100_000) as api:
        settings = study(api.url, protocol, seeds=["ann"])
        calm = scrape(settings, tmp_path / "calm/state")

        def fail(request):
            return trouble if b"bob" in request.body or "/users/bob/" in request.path else None

        api.intercept = fail
        scrape(settings, tmp_path / "state")
        assert [(row["user"], row["status"]) for row in rows(tmp_path, "users")] == [
            ("ann", "ok"),
            ("bob", "transient" if trouble[0] == 502 else "malformed"),
            ("cat", "ok"),
            ("eve", "ok"),
        ]
        (failure,) = [each for each in Journal(tmp_path / "state", api.url) if "status" in each]
        assert failure["detail"]
        assert failure["time"] > 0
        api.intercept = None
        begin = len(api.requests)
        assert scrape(settings, tmp_path / "state") == calm
        again = json.dumps([api.requests[begin:], [each.get("body") for each in api.records[begin:]]])
        assert "bob" in again
        assert "dan" in again
        assert '"cat' not in again, "what was known is not asked again"
        assert "/cat/" not in again
        begin = len(api.requests)
        assert scrape(settings, tmp_path / "state") == calm
        assert len(api.requests) == begin


def test_repository_whose_languages_always_fail_is_gone_round_and_tried_again(tmp_path):
    owned = {"ann": [repository("ann", "bad"), repository("ann", "good")]}
    with serve(hub({"ann": []}, owned)) as api:
        settings = study(api.url, "rest", seeds=["ann"])
        calm = scrape(settings, tmp_path / "calm/state")
        api.intercept = lambda request: (502, {}, b"") if "/ann/bad/" in request.path else None
        scrape(settings, tmp_path / "state")
        assert [row["repository"] for row in rows(tmp_path, "repositories")] == ["ann/good"]
        api.intercept = None
        assert scrape(settings, tmp_path / "state") == calm


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_failing_refresh_keeps_what_was_known(tmp_path, protocol, calendar):
    with serve(varied_hub(users=12), quota=100_000) as api:
        settings = study(api.url, protocol, refresh_days=30)
        first = scrape(settings, tmp_path / "state")
        calendar.day += 31
        login = next(row["user"] for row in rows(tmp_path, "users") if row["order"] == 5)

        def fail(request):
            return (502, {}, b"") if login.encode() in request.body or login in request.path else None

        api.intercept = fail
        assert scrape(settings, tmp_path / "state") == first
        begin = len(api.requests)
        api.intercept = None
        assert scrape(settings, tmp_path / "state") == first
        assert 0 < len(api.requests) - begin < 12, "only that one is asked about again"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_outage_is_blamed_on_nobody(tmp_path, protocol):
    with serve(varied_hub(users=12), quota=100_000) as api:
        settings = study(api.url, protocol)
        calm = scrape(settings, tmp_path / "calm/state")
        begin = len(api.requests)
        api.intercept = lambda request: (502, {}, b"") if len(api.requests) > begin + 1 else None
        with pytest.raises(TransientError):
            scrape(settings, tmp_path / "state")
        assert not [each for each in Journal(tmp_path / "state", api.url) if "status" in each]
        api.intercept = None
        assert scrape(settings, tmp_path / "state") == calm


def test_seed_that_fails_is_an_error_until_it_is_had(tmp_path):
    with serve(hub({"ann": ["bob"]})) as api:
        settings = study(api.url, seeds=["ann"])
        api.intercept = lambda request: (502, {}, b"") if b"ann" in request.body else None
        for _ in range(2):
            with pytest.raises(TransientError, match=r"ann \(transient\)"):
                scrape(settings, tmp_path / "state")
        api.intercept = None
        scrape(settings, tmp_path / "state")
        assert [row["user"] for row in rows(tmp_path, "users")] == ["ann", "bob"]
        with pytest.raises(ConfigError, match=r"ghost \(gone\)"):
            scrape(study(api.url, seeds=["ghost"]), tmp_path / "state")
