"""The crawl of Instagram, against the replica."""

import json
import logging
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
import zstandard
from instagram_study import NEWEST, Study, person, serve
from loopback import Clock

from garner.errors import ApiError, BlockedError, ConfigError, CredentialsError, InputError
from garner.http.client import connect
from garner.pseudonyms import Pseudonyms, naming_of, read_key
from garner.sources import instagram
from replica.faults import Faults
from replica.instagram_people import Person, Post, number_of

PEOPLE = [
    person("ann.lee", 30),
    person("bob_by", 5, private=True),
    person("cat99", 3, renamed="cat100"),
    person("dan.the.man", ["with @Ann.Lee and @nobody_listed", None, " ", "instagram.com/Fay.Fay ✨"]),
    person("eve.ning", [None] * 3),
    person("fay.fay", 60),
    person("ivo.void", 0),
]
NAMES = [each.name for each in PEOPLE] + ["gone.girl"]


@pytest.fixture(autouse=True)
def clock(monkeypatch) -> Clock:
    """Hours pass in no time."""
    clock = Clock()
    monkeypatch.setattr(instagram, "connect", partial(connect, clock=clock))
    return clock


def names_of(study: Study) -> Pseudonyms:
    return naming_of(True, study.key)


def asked(api) -> list[str]:
    return [request.path for request in api.requests]


# What comes out


def test_a_document_is_one_caption_of_one_user_with_its_time_and_id(tmp_path):
    with serve(person("ann", ["hello", "older"])) as api:
        study = Study(tmp_path, api.url, ["@Ann"])
        documents = study.run()
    names = names_of(study)
    user, post = names.user("ann"), names.number("post", f"{number_of('ann')}00000")
    assert [document.text for document in documents] == ["hello", "older"]
    assert documents[0].id == f"{user}:{post}"
    assert documents[0].group == user
    assert documents[0].labels == ()
    assert documents[0].origin == {"user": user, "post_id": post, "time": "2023-11-14T22:13:20Z"}


def test_so_many_posts_of_a_user_as_asked_for_and_those_without_a_caption_count(tmp_path):
    texts = [None if number % 2 else f"post {number}" for number in range(40)]
    with serve(person("ann", texts), person("bob", 40)) as api:
        study = Study(tmp_path, api.url, ["ann", "bob"], posts_per_user=20)
        documents = study.run()
    found = Counter(document.group for document in documents)
    assert found == {names_of(study).user("ann"): 10, names_of(study).user("bob"): 20}
    assert len(api.requests) == 4  # the profile brings twelve posts, one more page the rest


def test_who_cannot_be_read_or_has_no_caption_is_listed_with_reason_and_time(tmp_path):
    with serve(*PEOPLE) as api:
        study = Study(tmp_path, api.url, NAMES)
        documents = study.run()
    names, failures = names_of(study), study.failures()
    wanted = {
        "bob_by": "private",
        "cat99": "renamed",
        "eve.ning": "no caption",
        "ivo.void": "no caption",
        "gone.girl": "gone",
    }
    assert {item: failure["reason"] for item, failure in failures.items()} == {
        names.user(name): reason for name, reason in wanted.items()
    }
    assert all(failure["detail"] and failure["time"].endswith("Z") for failure in failures.values())
    assert {document.group for document in documents} == {
        names.user(name) for name in ("ann.lee", "dan.the.man", "fay.fay")
    }


def test_results_do_not_depend_on_the_order_of_the_list(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with serve(*PEOPLE) as api:
        first = Study(tmp_path / "a", api.url, NAMES)
        first.run()
        second = Study(tmp_path / "b", api.url, NAMES[::-1])
        second.key.parent.mkdir()
        second.key.write_text(first.key.read_text())
        second.key.chmod(0o600)
        second.run()
    assert first.sealed() == second.sealed()


def test_the_export_holds_one_json_a_user(tmp_path):
    with serve(*PEOPLE) as api:
        study = Study(tmp_path, api.url, NAMES)
        study.run()
    exported = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "results/users").iterdir()}
    names = names_of(study)
    assert set(exported) == {
        names.user(name) for name in ("ann.lee", "dan.the.man", "eve.ning", "fay.fay", "ivo.void")
    }
    assert exported[names.user("eve.ning")] == {"user": names.user("eve.ning"), "posts": 3, "captions": []}
    assert [set(caption) for caption in exported[names.user("ann.lee")]["captions"]] == [
        {"id", "time", "text"}
    ] * 30


def test_without_export_no_user_has_a_file(tmp_path):
    with serve(*PEOPLE) as api:
        Study(tmp_path, api.url, NAMES, export=None).run()
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == [
        "documents.parquet",
        "failures.json",
    ]


def test_a_post_that_another_account_wrote_is_not_taken_for_the_users_own(tmp_path):
    ann = Person("ann", [Post("12", NEWEST, "mine"), Post("11", NEWEST - 1, "theirs", by="bob")])
    with serve(ann) as api:
        documents = Study(tmp_path, api.url, ["ann"]).run()
    assert [document.text for document in documents] == ["mine"]


def test_captions_of_any_size_and_script_come_through(tmp_path):
    texts = ["é" * 2**20, "👩‍👩‍👧 שלום", "half \ud83d", "nul \x00 and \u2028 line"]
    with serve(person("ann", texts)) as api:
        documents = Study(tmp_path, api.url, ["ann"]).run()
    assert [document.text for document in documents] == [texts[0], texts[1], "half ?", texts[3]]


# Names


def test_no_name_or_number_of_anyone_reaches_the_disk_or_the_log(tmp_path, caplog):
    caplog.set_level(logging.DEBUG, "garner")
    faults = Faults.of(
        {"do": "reset_amid", "at": 2},
        {"do": "truncated", "at": 4},
        {"do": "malformed", "at": 6},
        {"do": "html", "at": 8},
        {"do": "refuse", "at": 10},
        {"do": "login", "at": 12},
        {"do": "status", "at": 14, "status": 503},
        {"do": "reset_before", "at": 16},
    )
    secrets = {*NAMES, "cat100", "nobody_listed", "fay.fay"}
    secrets |= {number_of(name) for name in NAMES} | {post.id for each in PEOPLE for post in each.posts}
    with serve(*PEOPLE, faults=faults) as api:
        study = Study(tmp_path, api.url, NAMES)
        study.run()
    assert len(faults.met) == 8
    (tmp_path / "users.txt").unlink()  # the one place where names may stand
    kept = {"log": "\n".join(each.getMessage() for each in caplog.records if each.name == "garner").encode()}
    for path in tmp_path.rglob("*"):
        kept[str(path)] = str(path).encode() + (contents(path) if path.is_file() else b"")
    found = {
        (where, secret)
        for where, data in kept.items()
        for secret in secrets
        if secret.encode() in data.lower()
    }
    assert found == set()


def contents(path: Path) -> bytes:
    if path.suffix == ".zst":
        return zstandard.ZstdDecompressor().decompress(path.read_bytes())
    if path.suffix == ".parquet":
        import pyarrow.parquet

        return json.dumps(pyarrow.parquet.read_table(path).to_pylist(), default=str).encode()
    return path.read_bytes()


def test_whoever_is_mentioned_is_called_as_they_are_elsewhere(tmp_path):
    with serve(*PEOPLE) as api:
        study = Study(tmp_path, api.url, ["dan.the.man"])
        documents = study.run()
    names = names_of(study)
    assert documents[0].text == f"with @{names.user('ann.lee')} and @{names.user('nobody_listed')}"
    assert documents[1].text == f"instagram.com/{names.user('fay.fay')} ✨"


def test_with_pseudonymise_false_everyone_keeps_their_name(tmp_path):
    with serve(*PEOPLE) as api:
        study = Study(tmp_path, api.url, ["dan.the.man"], pseudonymise=False)
        documents = study.run()
    assert documents[0].group == "dan.the.man"
    assert documents[0].text == "with @Ann.Lee and @nobody_listed"
    assert (tmp_path / "results/users/dan.the.man.json").exists()
    assert not study.key.exists()


def test_without_its_key_a_study_neither_crawls_nor_seals(tmp_path):
    with serve(*PEOPLE) as api:
        study = Study(tmp_path, api.url, NAMES)
        study.run()
        key = read_key(study.key)
        study.key.unlink()
        with pytest.raises(CredentialsError, match="can't go on"):
            study.source().crawl()
        with pytest.raises(CredentialsError, match="can't go on"):
            study.seal()
        study.key.write_text("00" * 32)
        study.key.chmod(0o600)
        with pytest.raises(CredentialsError, match="not the one"):
            study.source().crawl()
        study.key.write_text(key)
        assert study.run()


# Going on


def test_a_finished_crawl_asks_nothing_more(tmp_path):
    with serve(*PEOPLE) as api:
        study = Study(tmp_path, api.url, NAMES)
        study.run()
        before = len(api.requests)
        study.run()
    assert len(api.requests) == before


@pytest.mark.parametrize("seed", range(3))
def test_an_interrupted_crawl_repeats_at_most_a_request_and_comes_to_the_same(tmp_path, monkeypatch, seed):
    chance = random.Random(seed)
    with serve(*PEOPLE) as api:
        calm = Study(tmp_path, api.url, NAMES)
        calm.run()
        needed, results = Counter(asked(api)), calm.sealed()
        for path in (calm.state, tmp_path / "results"):
            subprocess.run(["rm", "-r", path], check=True)
        api.records.clear()
        kills = 0

        class Killed(BaseException):
            pass

        append = instagram.Journal.append

        def deadly(journal, records):
            if chance.random() < 0.4:  # the request was answered, but nothing of it is kept
                raise Killed
            append(journal, records)
            if chance.random() < 0.4:
                raise Killed

        monkeypatch.setattr(instagram.Journal, "append", deadly)
        while True:
            try:
                calm.source().crawl()
                break
            except Killed:
                kills += 1
        monkeypatch.setattr(instagram.Journal, "append", append)
        calm.seal()
        repeated = Counter(asked(api)) - needed
    assert kills > 5
    assert calm.sealed() == results
    assert repeated.total() <= kills


def test_kill_9_loses_nothing_and_repeats_at_most_the_request_in_flight(tmp_path):
    people = [person(f"user{number}", 40) for number in range(6)]
    with serve(*people) as api:
        study = Study(tmp_path, api.url, [each.name for each in people])
        job = (
            "import json, sys, pathlib; sys.path[:0] = json.loads(sys.argv[1])\n"
            "from instagram_study import Study\n"
            "study = Study(pathlib.Path(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4]))\n"
            "study.source().crawl()"
        )
        names = json.dumps([each.name for each in people])
        command = [sys.executable, "-c", job, json.dumps(sys.path), str(tmp_path), api.url, names]
        kills = 0
        for goal in (3, 9, 14):
            process = subprocess.Popen(command, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
            while len(api.requests) < goal and process.poll() is None:
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            kills += process.wait() == -signal.SIGKILL
        documents = study.run()
    assert kills == 3
    assert len(documents) == 240
    assert len(api.requests) <= 6 * 4 + kills


def test_more_posts_a_user_are_fetched_from_where_the_crawl_stopped(tmp_path):
    with serve(*PEOPLE) as api:
        study = Study(tmp_path, api.url, ["fay.fay"], posts_per_user=12)
        assert len(study.run()) == 12
        assert len(api.requests) == 1
        study.scrape["posts_per_user"] = 40
        assert len(study.run()) == 40
        assert len(api.requests) == 4
        study.scrape["posts_per_user"] = 5
        assert len(study.run()) == 5
    assert len(api.requests) == 4


def test_an_edited_list_asks_for_the_new_names_alone(tmp_path):
    with serve(*PEOPLE) as api:
        study = Study(tmp_path, api.url, ["ann.lee", "dan.the.man"])
        study.run()
        before = len(api.requests)
        study.list_users(["eve.ning", "# nobody", "", "ANN.LEE # again"])
        documents = study.run()
    assert asked(api)[before:] == ["/api/v1/users/web_profile_info/?username=eve.ning"]
    assert {document.group for document in documents} == {names_of(study).user("ann.lee")}


def test_whoever_is_excluded_is_neither_asked_for_nor_kept(tmp_path):
    with serve(*PEOPLE) as api:
        study = Study(tmp_path, api.url, NAMES, exclude=["@Fay.Fay"])
        study.run()
        assert not any("fay" in path for path in asked(api))
        study.exclude = ["ann.lee"]
        documents = study.run()
    assert {document.group for document in documents} == {
        names_of(study).user(name) for name in ("dan.the.man", "fay.fay")
    }
    assert not (tmp_path / f"results/users/{names_of(study).user('ann.lee')}.json").exists()


def test_nothing_is_kept_of_who_is_deleted_between_two_pages(tmp_path):
    faults = Faults.of({"do": "delete", "at": 2, "item": "ann.lee"})
    with serve(*PEOPLE, faults=faults) as api:
        study = Study(tmp_path, api.url, ["ann.lee", "fay.fay"])
        documents = study.run()
    names = names_of(study)
    assert study.failures()[names.user("ann.lee")]["reason"] == "gone"
    assert {document.group for document in documents} == {names.user("fay.fay")}


def test_a_crawl_ends_with_so_many_users_of_the_list(tmp_path):
    with serve(*PEOPLE) as api:
        study = Study(tmp_path, api.url, NAMES, users=1)
        study.run()
        assert all("username=ann" in path or "graphql" in path for path in asked(api))
        assert len(api.requests) == 3


def test_from_the_last_day_on_nothing_is_asked_and_what_is_there_is_sealed(tmp_path, clock):
    with serve(*PEOPLE) as api:
        study = Study(tmp_path, api.url, ["ann.lee"])
        study.run()
        study.list_users(["ann.lee", "fay.fay"])
        study.scrape["stop_after"]["date"] = "2023-11-01"  # the clock shows the 14th
        assert len(study.run()) == 30
        assert len(api.requests) == 3
        study.scrape["stop_after"]["date"] = "2023-02-30"
        with pytest.raises(ConfigError, match=r"stop_after\.date"):
            study.source().crawl()


# Trouble


@pytest.mark.parametrize(
    "fault",
    [
        {"do": "reset_before"},
        {"do": "reset_amid"},
        {"do": "truncated"},
        {"do": "malformed"},
        {"do": "html"},
        {"do": "login"},
        {"do": "refuse"},
        {"do": "status", "status": 502},
        {"do": "bomb"},
        {"do": "length"},
        {"do": "duplicate"},
        {"do": "loop"},
    ],
    ids=lambda fault: fault["do"],
)
def test_a_crawl_among_faults_comes_to_the_same_as_a_calm_one(tmp_path, fault):
    (tmp_path / "calm").mkdir()
    with serve(*PEOPLE) as api:
        calm = Study(tmp_path / "calm", api.url, NAMES)
        calm.run()
    faults = Faults.of(fault | {"at": [2, 6, 11]})
    with serve(*PEOPLE, faults=faults) as api:
        study = Study(tmp_path, api.url, NAMES)
        study.key.parent.mkdir()
        study.key.write_text(calm.key.read_text())
        study.key.chmod(0o600)
        study.run()
    assert faults.met
    assert study.sealed() == calm.sealed()


def test_limits_of_the_site_are_waited_for(tmp_path, clock):
    with serve(*PEOPLE, limits=[(3, 600)], clock=clock.time) as api:
        documents = Study(tmp_path, api.url, NAMES).run()
    assert len(documents) == 82
    assert clock.slept > 600


def test_a_wall_that_stands_ends_the_crawl_as_blocked_and_the_next_run_goes_on(tmp_path):
    with serve(
        *PEOPLE, intercept=lambda request: (200, {"Content-Type": "text/html"}, b"<html>Log in")
    ) as api:
        study = Study(tmp_path, api.url, NAMES)
        with pytest.raises(BlockedError, match="web page in the place of an answer"):
            study.source().crawl()
        api.intercept = None
        assert len(study.run()) == 82


def test_a_session_goes_along_and_one_that_expired_is_left_behind(tmp_path):
    tokens = tmp_path / "sessions"
    tokens.write_text("old\nnew\n")
    tokens.chmod(0o600)
    with serve(*PEOPLE, sessions=["new"]) as api:
        study = Study(tmp_path, api.url, NAMES)
        study.operational["tokens"] = tokens
        assert len(study.run()) == 82
        tokens.write_text("old\n")
        study.list_users(["ann.lee", "somebody"])
        with pytest.raises(CredentialsError, match=r"sessions, line 1"):
            study.source().crawl()


def test_a_user_whose_answer_cannot_be_read_is_listed_and_the_crawl_goes_on(tmp_path):
    def refuse_ann(request):
        return (400, {}, b'{"message": "cannot use this schema"}') if "ann" in request.query else None

    with serve(*PEOPLE, intercept=refuse_ann) as api:
        study = Study(tmp_path, api.url, NAMES)
        documents = study.run()
    assert study.failures()[names_of(study).user("ann.lee")]["reason"] == "error"
    assert len(documents) == 52 + 10 - 10


def test_where_nobody_can_be_read_the_crawl_stops_and_asks_for_all_of_them_again(tmp_path):
    people = [person(f"user{number}") for number in range(9)]
    names = [each.name for each in people]
    with serve(*people, intercept=lambda request: (400, {}, b'{"message": "no"}')) as api:
        study = Study(tmp_path, api.url, names)
        with pytest.raises(ApiError, match="3 users in a row"):
            study.source().crawl()
        assert len(api.requests) == 3
        api.intercept = None
        assert len(study.run()) == 27
        assert asked(api)[3:] == [
            f"/api/v1/users/web_profile_info/?username={name}" for name in names[3:] + names[:3]
        ]
    assert study.failures() == {}


def test_where_there_is_no_caption_at_all_the_error_says_what_to_check(tmp_path):
    with serve(*PEOPLE) as api:
        study = Study(tmp_path, api.url, ["bob_by", "gone.girl"])
        with pytest.raises(InputError, match=r"of the 2 users in scrape\.users_file \(gone, private\)"):
            study.run()
