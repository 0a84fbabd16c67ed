"""The crawl of GitHub, against the replica."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from github_study import hub, operational, repository, rows, scrape, seal, serve, study, varied_hub

from garner.crawl import Journal
from garner.errors import (
    ConfigError,
    CredentialsError,
    DiskFullError,
    Interrupted,
    MalformedError,
    QuotaError,
)
from replica import Replica

PROTOCOLS = ["graphql", "rest"]


def users(folder: Path) -> dict[str, dict]:
    return {row["user"]: row for row in rows(folder, "users")}


def repositories(folder: Path) -> dict[str, dict]:
    return {row["repository"]: row for row in rows(folder, "repositories")}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr("backoff.full_jitter", lambda bound: 0.0)


# What comes out


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_users_stand_in_breadth_first_order_with_who_led_to_them(tmp_path, protocol):
    follows = {"ann": ["dan", "Bob"], "Bob": ["eve", "ann"], "dan": ["eve", "cat"], "eve": [], "cat": ["zoe"]}
    with serve(hub(follows, {"Bob": [repository("Bob", "one")]})) as api:
        scrape(study(api.url, protocol, seeds=["ANN"]), tmp_path / "state")
    assert [(row["user"], row["depth"], row["found_via"]) for row in rows(tmp_path, "users")] == [
        ("ann", 0, None),
        ("Bob", 1, "ann"),
        ("dan", 1, "ann"),
        ("eve", 2, "Bob"),
        ("cat", 2, "dan"),
        ("zoe", 3, "cat"),
    ]
    assert users(tmp_path)["Bob"] == {
        "user": "Bob",
        "depth": 1,
        "order": 1,
        "found_via": "ann",
        "status": "ok",
        "repositories": 1,
        "following": 2,
    }


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_repository_has_all_that_the_later_stages_need(tmp_path, protocol):
    owned = [
        repository(
            "ann", "Beta", languages={"Python": 20, "C": 10}, stars=3, fork=True, default_branch="dev"
        ),
        repository("ann", "alpha", languages={}, head=None, size_kib=0, licence=None, archived=True),
    ]
    with serve(hub({"ann": []}, {"ann": owned})) as api:
        scrape(study(api.url, protocol, seeds=["ann"]), tmp_path / "state")
        url = api.url
    first, second = rows(tmp_path, "repositories")
    assert first == {
        "repository": "ann/Beta",
        "owner": "ann",
        "clone_url": f"{url}/ann/Beta.git",
        "default_branch": "dev",
        "fork": True,
        "archived": False,
        "stars": 3,
        "size_kib": 10,
        "licence": "MIT",
        "languages": [("C", 10), ("Python", 20)],
        "order": 0,
    }
    assert (second["repository"], second["archived"], second["licence"]) == ("ann/alpha", True, None)
    assert second["default_branch"] is None, "an empty repository has no branch, whatever REST says"


def test_graphql_and_rest_give_the_same_bytes_and_graphql_asks_far_less(tmp_path):
    with serve(varied_hub(many=True), quota=100_000) as api:
        by_graphql = scrape(study(api.url, "graphql"), tmp_path / "graphql/state")
        asked = len(api.requests)
        by_rest = scrape(study(api.url, "rest"), tmp_path / "rest/state")
        assert len(api.requests) - asked > 10 * asked
    assert by_graphql == by_rest
    found = users(tmp_path / "rest")
    assert len(found) == 150
    assert found["User00"]["following"] > 120, "every page of whom a user follows"
    assert found["User00"]["repositories"] >= 140, "every page of what a user owns"
    assert max(len(row["languages"]) for row in rows(tmp_path / "rest", "repositories")) == 130
    assert {row["licence"] for row in rows(tmp_path / "rest", "repositories")} == {"MIT", None}


def test_finished_crawl_sends_nothing_more(tmp_path):
    with serve(varied_hub()) as api:
        first = scrape(study(api.url), tmp_path / "state")
        asked = len(api.requests)
        assert scrape(study(api.url), tmp_path / "state") == first
        assert len(api.requests) == asked


def test_changed_filter_fetches_nothing_again(tmp_path):
    with serve(varied_hub()) as api:
        scrape(study(api.url), tmp_path / "state")
        everything = rows(tmp_path, "repositories")
        asked = len(api.requests)
        for changes, keeps in [
            ({"forks": False}, lambda row: not row["fork"]),
            ({"archived": False}, lambda row: not row["archived"]),
            ({"minimum_stars": 4}, lambda row: row["stars"] >= 4),
            ({"maximum_size_kib": 5}, lambda row: row["size_kib"] <= 5),
            ({"licences": ["mit", "Apache-2.0"]}, lambda row: row["licence"] == "MIT"),
            ({"languages": ["go", "lua"]}, lambda row: not {"Go", "Lua"}.isdisjoint(dict(row["languages"]))),
        ]:
            scrape(study(api.url, **changes), tmp_path / "state")
            expected = [row for row in everything if keeps(row)]
            assert rows(tmp_path, "repositories") == expected
            assert 0 < len(expected) < len(everything), changes
        assert len(api.requests) == asked


# Where it ends


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_crawl_ends_after_so_many_users_and_goes_on_when_more_are_wanted(tmp_path, protocol):
    with serve(varied_hub(), quota=100_000) as api:
        whole = scrape(study(api.url, protocol), tmp_path / "whole/state")
        order = [row["user"] for row in rows(tmp_path / "whole", "users")]
        asked = len(api.requests)
        for wanted in (3, 21):
            scrape(study(api.url, protocol, users=wanted), tmp_path / "state")
            assert list(users(tmp_path)) == order[:wanted]
        asked_for_21 = len(api.requests) - asked
        assert asked_for_21 <= asked
        scrape(study(api.url, protocol, users=7), tmp_path / "state")
        assert list(users(tmp_path)) == order[:7]
        assert {row["owner"] for row in rows(tmp_path, "repositories")} <= set(order[:7])
        assert len(api.requests) - asked == asked_for_21, "fewer users need no request"
        assert scrape(study(api.url, protocol), tmp_path / "state") == whole


def test_crawl_ends_with_the_user_whose_repositories_reach_the_number(tmp_path):
    owned = {
        login: [repository(login, f"r{index}") for index in range(3)]
        for login in ("ann", "bob", "cat", "dan")
    }
    with serve(hub({"ann": ["bob", "cat", "dan"]}, owned)) as api:
        scrape(study(api.url, seeds=["ann"], repositories=5), tmp_path / "state")
    assert list(users(tmp_path)) == ["ann", "bob"]
    assert len(repositories(tmp_path)) == 6


def test_day_that_has_come_ends_the_crawl_and_seals_what_there_is(tmp_path):
    with serve(varied_hub()) as api:
        with pytest.raises(ConfigError, match=r"stop_after\.date"):
            scrape(study(api.url, date="2020-01-01"), tmp_path / "state")
        assert api.requests == []
        scrape(study(api.url, users=5), tmp_path / "state")
        asked = len(api.requests)
        scrape(study(api.url, date="2020-01-01"), tmp_path / "state")
        assert len(api.requests) == asked
    assert len(users(tmp_path)) >= 5


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_excluded_people_are_never_asked_about_and_leave_no_trace(tmp_path, protocol):
    follows = {"ann": ["bob", "cat"], "bob": ["dan"], "cat": ["eve"]}
    owned = {login: [repository(login, "one"), repository(login, "two")] for login in ("ann", "bob", "cat")}
    with serve(hub(follows, owned)) as api:
        settings = study(api.url, protocol, exclude=("BOB", "Cat/ONE"), seeds=["ann"])
        scrape(settings, tmp_path / "state")
        assert "bob" not in json.dumps([api.requests, [each.get("body") for each in api.records]]).lower()
        everyone = study(api.url, protocol, seeds=["ann"])
        scrape(everyone, tmp_path / "later/state")
        assert "bob" in users(tmp_path / "later")
        asked = len(api.requests)
        scrape(settings, tmp_path / "later/state")
        assert len(api.requests) == asked
    for folder in (tmp_path, tmp_path / "later"):
        assert list(users(folder)) == ["ann", "cat", "eve"], "nor is dan there, whom bob alone follows"
        assert list(repositories(folder)) == ["ann/one", "ann/two", "cat/two"]
    assert seal(settings, tmp_path / "state") == seal(settings, tmp_path / "later/state")


# Bad input


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_seeds_that_do_not_exist_are_an_error_only_if_none_does(tmp_path, protocol):
    with serve(hub({"ann": []})) as api:
        with pytest.raises(ConfigError, match=r"scrape\.seeds.*ghost \(gone\), phantom \(gone\)"):
            scrape(study(api.url, protocol, seeds=["ghost", "phantom"]), tmp_path / "state")
        assert not (tmp_path / "results").exists()
        scrape(study(api.url, protocol, seeds=["ghost", "ann"]), tmp_path / "state")
    assert {row["user"]: row["status"] for row in rows(tmp_path, "users")} == {"ghost": "gone", "ann": "ok"}


@pytest.mark.parametrize("exclude", [(), ("ann",)])
def test_crawl_without_seeds_says_so_before_any_request(tmp_path, exclude):
    with serve(hub({"ann": []})) as api:
        with pytest.raises(ConfigError, match=r"scrape\.seeds names nobody"):
            scrape(study(api.url, seeds=list(exclude), exclude=exclude), tmp_path / "state")
        assert api.requests == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_user_deleted_between_two_pages_is_recorded_and_the_crawl_goes_on(tmp_path, protocol):
    made_up = hub({"ann": ["bob", "cat"], "bob": [f"b{index:03}" for index in range(150)], "cat": ["dan"]})

    with serve(made_up) as api:

        def delete_before_page_two(request):
            if "page=2" in request.query or b"after:" in request.body:
                made_up._users.pop("bob", None)

        api.intercept = delete_before_page_two
        scrape(study(api.url, protocol, seeds=["ann"]), tmp_path / "state")
    assert users(tmp_path)["bob"]["status"] == "gone"
    assert list(users(tmp_path)) == ["ann", "bob", "cat", "dan"]


# A cursor of GraphQL names an item (`cursor:v2:` and a number, as recorded), but that of the replica a place.
@pytest.mark.parametrize(("protocol", "change"), [("graphql", "new"), ("rest", "new"), ("rest", "gone")])
def test_nothing_is_lost_or_doubled_where_pages_shift_between_two_requests(tmp_path, protocol, change):
    followed = [f"b{index:03}" for index in range(250)]
    owned = [repository("ann", f"r{index:03}") for index in range(250)]
    made_up = hub({"ann": followed}, {"ann": [repository("ann", "a-new-one"), *owned]})
    ann = made_up.user("ann")
    newcomer = ann.repositories.pop(0)
    with serve(made_up, quota=100_000) as api:

        def shift_before_page_two(request):
            if "page=2" in request.query or b"after:" in request.body:
                api.intercept = None
                if change == "gone":
                    del ann.following[:3], ann.repositories[:3]
                else:
                    ann.following[:0] = ["b000"]
                    ann.repositories[:0] = [newcomer]

        api.intercept = shift_before_page_two
        scrape(study(api.url, protocol, seeds=["ann"], users=1), tmp_path / "state")
    found = [each["repository"] for each in rows(tmp_path, "repositories")]
    assert set(found) >= {each.full_name for each in owned[3:]}
    assert len(found) == len(set(found)) == users(tmp_path)["ann"]["repositories"]
    assert users(tmp_path)["ann"]["following"] == 250


@pytest.mark.parametrize(("status", "reason"), [(404, "gone"), (451, "gone"), (403, "forbidden")])
def test_repository_that_is_gone_or_blocked_is_recorded_with_its_reason(tmp_path, status, reason):
    with serve(hub({"ann": []}, {"ann": [repository("ann", "bad"), repository("ann", "good")]})) as api:
        body = json.dumps({"message": "Repository access blocked"}).encode()
        api.intercept = lambda request: (status, {}, body) if "/ann/bad/" in request.path else None
        scrape(study(api.url, "rest", seeds=["ann"]), tmp_path / "state")
    assert list(repositories(tmp_path)) == ["ann/good"]
    (found,) = [each for each in Journal(tmp_path / "state", api.url) if "status" in each]
    assert (found["repository"], found["status"]) == ("ann/bad", reason)


def test_wrong_token_is_named_by_file_and_line(tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("# mine\nghp_wrong\n")
    tokens.chmod(0o600)
    with serve(hub({"ann": []}), tokens=["right"]) as api:
        with pytest.raises(CredentialsError, match=f"{tokens}, line 2") as error:
            scrape(study(api.url, seeds=["ann"]), tmp_path / "state", tokens=tokens)
        assert "ghp_wrong" not in str(error.value)
        tokens.write_text("right\n")
        scrape(study(api.url, seeds=["ann"]), tmp_path / "state", tokens=tokens)
    assert b"right" not in b"".join(path.read_bytes() for path in tmp_path.rglob("*.parquet"))


def test_answers_of_another_api_are_not_mixed_in(tmp_path):
    with serve(hub({"ann": []})) as api:
        scrape(study(api.url, seeds=["ann"]), tmp_path / "languages/scrape")
        with pytest.raises(ConfigError, match="make reset STUDY=languages STAGE=scrape"):
            scrape(study(api.url + "/api/v3", seeds=["ann"]), tmp_path / "languages/scrape")


@pytest.mark.parametrize(
    "body", [b"{}", b'{"data": null}', b'{"data": {"a0": 5}}', b'{"data": {"a0": {"login": 1}}}']
)
def test_answer_of_another_shape_is_a_typed_error(tmp_path, body):
    with serve(hub({"ann": []})) as api:
        api.intercept = lambda request: (200, {}, body)
        with pytest.raises(MalformedError, match="another shape"):
            scrape(study(api.url, seeds=["ann"]), tmp_path / "state")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_repository_whose_name_could_lead_out_of_a_folder_is_refused(tmp_path, protocol):
    owned = {"bob": [repository("bob", "..")], "cat": [repository("cat", "one")]}
    with serve(hub({"ann": ["bob", "cat"]}, owned)) as api:
        scrape(study(api.url, protocol, seeds=["ann"]), tmp_path / "state")
    assert users(tmp_path)["bob"]["status"] == "malformed"
    assert list(repositories(tmp_path)) == ["cat/one"]


# Interruptions

CHILD = """
import json, sys
from pathlib import Path
from garner.sources import open_source
settings, state, operational = json.loads(sys.argv[1])
open_source(settings, Path(state), operational).crawl()
"""


def start_crawl(settings: dict, state: Path, **options: object) -> subprocess.Popen:
    arguments = json.dumps([settings, str(state), operational()])
    path = os.pathsep.join([str(Path(__file__).parents[2] / "scripts"), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, arguments],
        env={**os.environ, "PYTHONPATH": path},
        stderr=subprocess.PIPE,
        **options,
    )


def asked(record: dict) -> set[str]:
    """What one request asked for: its address, or the lines of its query, but for their aliases."""
    if "body" not in record:
        return {record["path"]}
    try:
        query = json.loads(record["body"])["query"]
    except json.JSONDecodeError:
        return set()  # killed before the whole of it was sent
    return {line.partition(": ")[2] for line in query.split("\n") if ": " in line}


def crawl_and_kill(api: Replica, settings: dict, state: Path, after: int, delay: float) -> list[set[str]]:
    """Kill a crawl `delay` seconds after this many requests came in; what each of them asked for."""
    begin = len(api.records)
    came = []

    def count_and_kill(request) -> None:
        came.append(request)
        if len(came) == after:
            threading.Timer(delay, child.send_signal, [signal.SIGKILL]).start()

    api.intercept = count_and_kill
    child = start_crawl(settings, state)
    _, error = child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL, error.decode()
    deadline = time.monotonic() + 10
    while len(api.records) < begin + len(came) and time.monotonic() < deadline:
        time.sleep(0.01)  # the replica may still be at the request in flight
    api.intercept = None
    return [asked(record) for record in api.records[begin:]]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_killed_crawl_repeats_no_finished_request_and_ends_in_the_same_bytes(tmp_path, protocol):
    chance = random.Random(7)
    kills = 4
    with serve(varied_hub(users=60 if protocol == "graphql" else 15), quota=100_000) as api:
        settings = study(api.url, protocol)
        calm = scrape(settings, tmp_path / "calm/state")
        most = max(1, len(api.requests) // kills - 1)
        api.records.clear()
        finished: set[str] = set()
        for _ in range(kills):
            after, delay = chance.randint(1, most), chance.choice([0, 0.001, 0.005])
            requests = crawl_and_kill(api, settings, tmp_path / "state", after, delay)
            assert finished.isdisjoint(set().union(*requests)), "a finished request was repeated"
            finished.update(*requests[:-1])
        begin = len(api.records)
        assert scrape(settings, tmp_path / "state") == calm
        assert finished.isdisjoint(set().union(*map(asked, api.records[begin:])))
        if protocol == "rest":
            repeated = Counter(record["path"] for record in api.records)
            assert sum(repeated.values()) - len(repeated) <= kills, "at most the request in flight, each time"


@contextmanager
def stopped_after(requests: int, api: Replica, monkeypatch) -> Iterator[None]:
    """A SIGTERM comes while this many requests are answered."""
    end = len(api.requests) + requests
    with monkeypatch.context() as patched:
        patched.setattr("garner.crawl.stop_requested", lambda: len(api.requests) == end)
        yield


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_crawl_stopped_at_any_request_goes_on_to_the_same_bytes(tmp_path, protocol, monkeypatch):
    with serve(varied_hub(users=12), quota=100_000) as api:
        calm = scrape(study(api.url, protocol), tmp_path / "calm/state")
        total = len(api.requests)
        for stop in range(1, total, 1 if protocol == "graphql" else 9):
            state = tmp_path / f"{stop}/state"
            begin = len(api.requests)
            with (
                stopped_after(stop, api, monkeypatch),
                pytest.raises(Interrupted, match="same command again"),
            ):
                scrape(study(api.url, protocol), state)
            assert scrape(study(api.url, protocol), state) == calm
            assert len(api.requests) - begin <= total + 1, "the first request after a start is a small one"


@pytest.mark.parametrize(("first", "second"), [("graphql", "rest"), ("rest", "graphql")])
def test_other_protocol_goes_on_where_one_stopped(tmp_path, first, second, monkeypatch):
    with serve(varied_hub(users=12, many=True), quota=100_000) as api:
        calm = scrape(study(api.url, second), tmp_path / "calm/state")
        with stopped_after(2, api, monkeypatch), pytest.raises(Interrupted):
            scrape(study(api.url, first), tmp_path / "state")
        assert scrape(study(api.url, second), tmp_path / "state") == calm


@pytest.mark.parametrize(("room", "file"), [(8_000, "index.sqlite"), (90_000, "open.jsonl")])
def test_full_disk_loses_nothing(tmp_path, room, file):
    def small_files_only():
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))

    with serve(varied_hub(users=90), quota=100_000) as api:
        calm = scrape(study(api.url, "rest"), tmp_path / "calm/state")
        total = len(api.requests)
        child = start_crawl(study(api.url, "rest"), tmp_path / "state", preexec_fn=small_files_only)
        _, error = child.communicate(timeout=60)
        assert child.returncode == 1
        assert f"{DiskFullError.__name__}: no space left to write {tmp_path}/state/{file}".encode() in error
        assert scrape(study(api.url, "rest"), tmp_path / "state") == calm
        assert len(api.requests) <= 2 * total + 1, "only the answer that found no room was asked for again"


def test_used_up_quota_stops_the_crawl_seals_nothing_and_loses_nothing(tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("one\ntwo\n")
    tokens.chmod(0o600)
    with serve(varied_hub(users=12), tokens=["one", "two"], quota=100_000) as api:
        scrape(study(api.url), tmp_path / "calm/state", tokens=tokens)
    with serve(varied_hub(users=12), tokens=["one", "two"], quota=2, window=1.0) as api:
        with pytest.raises(QuotaError, match=r"\(graphql\) is used up until"):
            scrape(study(api.url), tmp_path / "state", tokens=tokens, on_quota="stop")
        assert not (tmp_path / "results").exists()
        time.sleep(2.1)  # windows end with a whole second
        scrape(study(api.url), tmp_path / "state", tokens=tokens, on_quota="stop")
        lines = [line for record in api.records for line in asked(record)]
    assert rows(tmp_path, "users") == rows(tmp_path / "calm", "users")
    assert len(lines) == len(set(lines)), "nothing was fetched twice"


def test_used_up_quota_is_waited_out_and_then_the_crawl_goes_on(tmp_path):
    with serve(hub({"ann": ["bob"]}), quota=3, window=1.0) as api:
        scrape(study(api.url, "rest", seeds=["ann"]), tmp_path / "state")
        assert 403 not in [record["status"] for record in api.records], (
            "the headers told before a refusal did"
        )
    assert list(users(tmp_path)) == ["ann", "bob"]


def test_query_that_is_too_heavy_is_asked_in_smaller_ones(tmp_path):
    with serve(varied_hub(), quota=100_000) as api:
        calm = scrape(study(api.url), tmp_path / "calm/state")
        api.intercept = lambda request: (502, {}, b"") if request.body.count(b"user(") > 3 else None
        assert scrape(study(api.url), tmp_path / "state") == calm


def test_request_spends_no_more_points_than_the_formula_of_github_gives(tmp_path):
    with serve(varied_hub(), quota=100_000) as api:
        scrape(study(api.url), tmp_path / "state")
        spent = api._quota.standing(None, "graphql").used
        assert spent <= 6 * len(api.requests)
        assert max(record["body"].count("user(") for record in api.records) == 20
