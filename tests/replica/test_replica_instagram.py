"""The replica of Instagram beside recorded answers, and what it does to visitors who ask too much."""

import argparse
import csv
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from garner.errors import InputError
from replica import Replica
from replica import instagram as module
from replica.faults import Faults
from replica.instagram import Instagram
from replica.instagram_people import Person, Post, invent, number_of

HERE = Path(__file__).resolve().parent
APP = {"X-IG-App-ID": "936619743392459"}


def person(name: str, posts: int, **facts: object) -> Person:
    # The numbers are chosen so that all three kinds of posts occur.
    return Person(
        name, [Post(f"{number_of(name)}{n:04}", 9_000 - n, f"caption {n}") for n in range(posts)], **facts
    )


@pytest.fixture(scope="module")
def recorded() -> Path:
    shared = (
        Path(os.environ.get("GARNER_SHARED_DATA", HERE.parents[2] / "shared/data")) / "instagram_recorded"
    )
    if not shared.is_dir():
        pytest.skip(f"needs recorded answers in {shared}")
    return shared


@pytest.fixture
def api() -> Instagram:
    return Instagram([person("ann", 30), person("bob", 5, private=True), person("cat", 3, renamed="cat.new")])


@pytest.fixture
def url(api) -> Iterator[str]:
    with Replica(apis=[api]) as replica:
        yield replica.url


def profile(url: str, name: str, **options: object) -> requests.Response:
    options = {"headers": APP, "params": {"username": name}, "allow_redirects": False} | options
    return requests.get(f"{url}/api/v1/users/web_profile_info/", **options)


def posts(url: str, account: str, after: str | None = None, recorded_way: bool = False) -> requests.Response:
    variables = json.dumps({"id": account, "first": 12, "after": after})
    if recorded_way:
        query = {"query_hash": "42323d64886122307be10013ad2dcc44", "variables": variables}
        return requests.get(f"{url}/graphql/query/", params=query)
    return requests.post(f"{url}/graphql/query", data={"doc_id": "7950326061742207", "variables": variables})


def timeline(answer: requests.Response) -> dict:
    return answer.json()["data"]["user"]["edge_owner_to_timeline_media"]


def numbers(page: dict) -> list[str]:
    return [edge["node"]["id"] for edge in page["edges"]]


# Shapes


def differences(recorded: object, ours: object, where: str = "$") -> list[str]:
    """Where ours has other keys, in another order, or a value of another kind; null stands for any kind."""
    if recorded is None or ours is None:
        return []
    if type(recorded) is not type(ours):
        return [f"{where}: {type(recorded).__name__} recorded, {type(ours).__name__} ours"]
    if isinstance(recorded, dict):
        if list(recorded) != list(ours):
            return [f"{where}: recorded {list(recorded)}, ours {list(ours)}"]
        return [each for key in recorded for each in differences(recorded[key], ours[key], f"{where}.{key}")]
    if isinstance(recorded, list) and ours:
        kinds = {kind(each): each for each in ours}
        return [each for item in recorded for each in differences(item, kinds.get(kind(item)), f"{where}[]")]
    return []


def kind(item: object) -> str | None:
    """The kind of a post, or of a picture within one."""
    return item["node"].get("__typename") if isinstance(item, dict) and "node" in item else None


def test_a_profile_has_the_fields_of_the_recorded_one_in_their_order(recorded, url):
    assert differences(json.loads((recorded / "profile.json").read_text()), profile(url, "ann").json()) == []


def test_a_page_of_posts_has_the_fields_of_the_recorded_one_in_their_order(recorded, url):
    body = json.loads((recorded / "medias.json").read_text())
    page = posts(url, number_of("ann"), recorded_way=True)
    assert set(map(kind, timeline(page)["edges"])) == {"GraphImage", "GraphVideo", "GraphSidecar"}
    assert differences(body, page.json()) == []


def test_the_recorded_query_and_the_one_of_today_give_the_same(url):
    today, before = posts(url, number_of("ann")), posts(url, number_of("ann"), recorded_way=True)
    assert today.json() == before.json()


# What is found


def test_pages_follow_one_another_from_the_profile_to_the_last_post(api, url):
    page = timeline(profile(url, "ANN"))
    found = numbers(page)
    while page["page_info"]["has_next_page"]:
        page = timeline(posts(url, number_of("ann"), page["page_info"]["end_cursor"]))
        found += numbers(page)
    assert found == [post.id for post in person("ann", 30).posts]
    assert page["count"] == 30
    assert page["page_info"]["end_cursor"] is None


def test_the_profile_can_come_without_posts_as_recorded():
    with Replica(apis=[Instagram([person("ann", 30)], first_posts=0)]) as replica:
        page = timeline(profile(replica.url, "ann"))
    assert (page["count"], page["edges"], page["page_info"]["has_next_page"]) == (30, [], True)
    assert isinstance(page["page_info"]["end_cursor"], str)


def test_private_renamed_and_deleted_people_are_told_apart(api, url):
    private = profile(url, "bob").json()["data"]["user"]
    assert private["is_private"]
    assert private["edge_owner_to_timeline_media"] == {
        "count": 5,
        "page_info": {"has_next_page": False, "end_cursor": None},
        "edges": [],
    }
    assert profile(url, "cat").json()["data"]["user"]["username"] == "cat.new"
    api.delete("ann")
    assert profile(url, "ann").status_code == 404
    assert posts(url, number_of("ann")).json() == {"data": {"user": None}, "status": "ok"}


def test_a_profile_is_refused_to_who_does_not_ask_as_a_page_of_the_site_does(url):
    assert profile(url, "ann", headers={}).status_code == 400


# Walls


def test_beyond_the_limits_visitors_are_asked_to_wait():
    now = [1000.0]
    with Replica(
        apis=[Instagram([person("ann", 3)], limits=[(1, 30), (3, 3600)], clock=lambda: now[0])]
    ) as replica:

        def statuses(*moments: float) -> list[int]:
            answered = []
            for now[0] in moments:
                answered.append(profile(replica.url, "ann").status_code)
            return answered

        assert statuses(1000, 1029, 1030, 1060, 1090, 4599, 4600) == [200, 401, 200, 200, 401, 401, 200]
        now[0] = 4601
        assert profile(replica.url, "ann").json() == {
            "message": "Please wait a few minutes before you try again.",
            "require_login": True,
            "igweb_rollout": True,
            "status": "fail",
        }


def test_an_unknown_session_is_sent_to_the_login_page():
    api = Instagram([person("ann", 3)], sessions=["one", "two"])
    with Replica(apis=[api]) as replica:
        assert profile(replica.url, "ann", cookies={"sessionid": "two"}).status_code == 200
        api.expire(1)
        refused = profile(replica.url, "ann", cookies={"sessionid": "two"})
        assert (refused.status_code, refused.headers["Location"]) == (302, "/accounts/login/")
        assert "loginForm" in requests.get(f"{replica.url}/accounts/login/").text
        assert profile(replica.url, "ann").status_code == 200


def test_a_query_that_the_site_retired_is_asked_to_wait_for_ever(url):
    refused = requests.post(f"{url}/graphql/query", data={"doc_id": "1", "variables": "{}"})
    assert refused.status_code == 401


# What the fault script asks for


def test_faults_of_a_script_are_met(api, url):
    body = posts(url, number_of("ann")).json()
    assert [len(found) for found in api.lists(body)] == [12]
    assert api.refuse(None).status == 401
    assert (api.refuse(90).status, api.refuse(90).headers["Retry-After"]) == (429, "90")
    api.exhaust(60)
    assert profile(url, "ann").status_code == 401


def test_a_cursor_can_be_made_to_loop():
    faults = Faults.of({"do": "loop", "at": 2})
    with Replica(apis=[Instagram([person("ann", 30)])], faults=faults) as replica:
        after = timeline(profile(replica.url, "ann"))["page_info"]["end_cursor"]
        looped = timeline(posts(replica.url, number_of("ann"), after))["page_info"]
        calm = timeline(posts(replica.url, number_of("ann"), after))["page_info"]
    assert looped == {"has_next_page": True, "end_cursor": after}
    assert calm["end_cursor"] != after


# Made-up people


def test_equal_seeds_give_equal_people_and_others_give_others():
    assert invent(20, seed=1) == invent(20, seed=1)
    assert invent(20, seed=1) != invent(20, seed=2)


def test_made_up_people_are_of_both_sides_of_21_and_write_like_it():
    people = invent(400, posts=20)
    assert all(13 <= person.age <= 17 or 23 <= person.age <= 48 for person in people)
    young = [person for person in people if person.age < 21]
    assert 150 < len(young) < 250
    assert any(person.private for person in people)
    assert any(person.renamed for person in people)

    def share(group: list[Person], phrase: str) -> float:
        texts = [post.text for each in group for post in each.posts if post.text]
        return sum(phrase in text for text in texts) / len(texts)

    grown = [person for person in people if person.age > 21]
    assert share(young, "besties") > 3 * share(grown, "besties")
    assert share(grown, "office") > 3 * share(young, "office")


def test_the_command_line_makes_people_and_writes_whom_to_crawl(tmp_path):
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    assert module.from_arguments(parser.parse_args([])) is None
    given = [
        "--instagram",
        "7",
        "--instagram-lists",
        str(tmp_path / "lists"),
        "--instagram-limits",
        "1/30,60/3600",
    ]
    api = module.from_arguments(parser.parse_args(given))
    assert str(api) == "7 people of Instagram"
    names = (tmp_path / "lists/users.txt").read_text().split()
    with open(tmp_path / "lists/ages.csv", newline="") as file:
        ages = list(csv.DictReader(file))
    assert [row["user.name"] for row in ages] == names
    assert all(int(row["labeled age"]) for row in ages)
    for wrong in (["--instagram", "0"], ["--instagram", "1", "--instagram-limits", "x"]):
        with pytest.raises(InputError, match=wrong[-2]):
            module.from_arguments(parser.parse_args(wrong))
