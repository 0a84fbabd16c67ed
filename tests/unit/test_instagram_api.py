"""What is asked of Instagram, and how its answers are read."""

import copy
import json
import os
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from loopback import Clock, Reply, serve

from garner.http.client import ATTEMPTS, connect
from garner.pseudonyms import PlainNames
from garner.sources.instagram_api import HEADERS, Api
from garner.sources.instagram_frontier import User
from garner.sources.instagram_limits import InstagramLimits
from replica.instagram_people import Person, Post
from replica.instagram_shapes import page as timeline
from replica.instagram_shapes import posts as page_body
from replica.instagram_shapes import profile as profile_body

ANN = Person("ann", [Post(str(100 - number), 1000 - number, f"text {number}") for number in range(30)])


def fetch(*bodies: object, user: User | None = None):
    """The record that the answers make, and the requests that were sent."""
    replies = [Reply(body=json.dumps(body).encode()) for body in bodies]
    operational = {"tokens": None, "contact": "me@example.org", "on_quota": "wait"}
    with serve(*replies) as loopback:
        client = connect(loopback.url, operational, InstagramLimits(), headers=HEADERS, clock=Clock())
        api = Api(client, loopback.url, PlainNames(), clock=lambda: 0.0)
        (record,) = api.fetch([user or User("ann", "ann")])
    return record, loopback.requests


def on_page(cursor: str | None, seen: str = "") -> User:
    return User("ann", "ann", next=json.dumps([ANN.id, cursor]), seen=set(seen.split()))


def with_posts(**changes: object) -> dict:
    return profile_body(ANN, timeline(ANN, 0, 12) | changes)


def test_a_profile_is_asked_by_name_as_the_sites_own_pages_do():
    record, (request,) = fetch(with_posts())
    assert request.method == "GET"
    assert urlsplit(request.path).path == "/api/v1/users/web_profile_info/"
    assert parse_qs(urlsplit(request.path).query) == {"username": ["ann"]}
    assert request.headers["x-ig-app-id"] == HEADERS["X-IG-App-ID"]
    assert request.headers["user-agent"].startswith("garner/")
    assert "cookie" not in request.headers
    assert (record["user"], record["count"], record["time"]) == ("ann", 30, "1970-01-01T00:00:00Z")
    assert record["posts"][0] == {"id": "100", "time": 1000, "text": "text 0"}
    assert len(record["posts"]) == 12
    assert json.loads(record["next"])[0] == ANN.id


def test_further_pages_are_asked_by_account_and_cursor():
    record, (request,) = fetch(page_body(timeline(ANN, 12, 12)), user=on_page("QVFB"))
    assert (request.method, request.path) == ("POST", "/graphql/query")
    form = parse_qs(request.body.decode())
    variables = json.loads(form["variables"][0])
    assert form["doc_id"] == ["7950326061742207"]
    assert (variables["id"], variables["after"], variables["first"]) == (ANN.id, "QVFB", 12)
    assert [post["id"] for post in record["posts"]] == [str(88 - number) for number in range(12)]
    assert set(record) == {"user", "posts", "next"}


def test_a_profile_that_comes_without_posts_is_followed_by_the_first_page():
    record, _ = fetch(with_posts(edges=[]))
    assert record["posts"] == []
    assert json.loads(record["next"]) == [ANN.id, None]
    record, _ = fetch(with_posts(edges=[], count=0))
    assert record["next"] is None


def test_the_last_page_and_an_empty_one_name_no_next():
    assert fetch(page_body(timeline(ANN, 24, 12)), user=on_page("x"))[0]["next"] is None
    empty = timeline(ANN, 12, 12) | {"edges": []}
    assert fetch(page_body(empty), user=on_page("x"))[0] == {"user": "ann", "posts": [], "next": None}


def test_a_cursor_that_leads_back_is_asked_for_again_and_in_the_end_given_up():
    good = timeline(ANN, 12, 12)
    looping = copy.deepcopy(good)
    looping["page_info"]["end_cursor"] = "x"
    record, requests = fetch(page_body(looping), page_body(good), user=on_page("x"))
    assert len(record["posts"]) == 12
    assert len(requests) == 2
    seen = " ".join(edge["node"]["id"] for edge in good["edges"])
    record, requests = fetch(page_body(good), user=on_page("x", seen))
    assert record["status"] == "malformed"
    assert len(requests) == ATTEMPTS


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body.pop("data"),
        lambda body: body["data"]["user"].pop("id"),
        lambda body: body["data"]["user"].update(id="1/../2"),
        lambda body: body["data"]["user"].update(username=None),
        lambda body: body["data"]["user"]["edge_owner_to_timeline_media"].update(edges=[{"node": None}]),
        lambda body: body["data"]["user"]["edge_owner_to_timeline_media"]["page_info"].update(
            end_cursor=None
        ),
        lambda body: body["data"]["user"]["edge_owner_to_timeline_media"]["edges"][3]["node"].update(id="x"),
        lambda body: body["data"]["user"]["edge_owner_to_timeline_media"]["edges"][3]["node"].update(
            taken_at_timestamp=10**12
        ),
        lambda body: body["data"]["user"]["edge_owner_to_timeline_media"]["edges"][3]["node"].update(
            edge_media_to_caption={"edges": [{"node": {"text": 5}}]}
        ),
    ],
)
def test_an_answer_of_another_shape_is_tried_again_and_nothing_of_it_is_told(spoil, caplog):
    spoiled = with_posts()
    spoil(spoiled)
    record, requests = fetch(spoiled, with_posts())
    assert len(record["posts"]) == 12
    assert len(requests) == 2
    assert "ann" not in caplog.text
    assert "another shape" in caplog.text
    assert fetch(spoiled)[0]["status"] == "malformed"


def test_the_recorded_answers_are_read():
    shared = Path(os.environ.get("GARNER_SHARED_DATA", Path(__file__).parents[2].parent / "shared/data"))
    folder = shared / "instagram_recorded"
    if not folder.is_dir():
        pytest.skip(f"needs recorded answers in {folder}")
    profile = json.loads((folder / "profile.json").read_text())
    account = profile["data"]["user"]["id"]
    record, _ = fetch(profile, user=User("public_profile", "public_profile"))
    assert (record["count"], record["posts"], json.loads(record["next"])) == (419, [], [account, None])
    medias = json.loads((folder / "medias.json").read_text())
    user = User("public_profile", "public_profile", next=record["next"])
    record, _ = fetch(medias, user=user)
    found = medias["data"]["user"]["edge_owner_to_timeline_media"]
    assert [post["text"] for post in record["posts"]] == [
        edge["node"]["edge_media_to_caption"]["edges"][0]["node"]["text"] for edge in found["edges"]
    ]
    assert [post["time"] for post in record["posts"]] == [
        edge["node"]["taken_at_timestamp"] for edge in found["edges"]
    ]
    assert json.loads(record["next"]) == [account, found["page_info"]["end_cursor"]]
