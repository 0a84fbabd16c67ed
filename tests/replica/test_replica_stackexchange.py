"""The replica of the Stack Exchange API, held against recorded answers of the real one."""

import argparse
import json
import os
from pathlib import Path

import pytest
import requests

from garner.errors import InputError
from replica import Replica, questions, stackexchange
from replica.stackexchange import StackExchange

HOST = "stackoverflow.com"
# What the recording's own filter brought.
RECORDED = [
    "tags",
    "owner",
    "is_answered",
    "view_count",
    "answer_count",
    "score",
    "last_activity_date",
    "creation_date",
    "question_id",
    "body_markdown",
    "link",
    "title",
    "body",
    "last_edit_date",
    "accepted_answer_id",
    "closed_date",
    "closed_reason",
    "protected_date",
    "bounty_amount",
    "bounty_closes_date",
    "community_owned_date",
    "migrated_to",
    "locked_date",
]


@pytest.fixture(scope="session")
def pages() -> Path:
    shared = Path(os.environ.get("GARNER_SHARED_DATA", Path(__file__).resolve().parents[3] / "shared/data"))
    if not (shared / "stackexchange_pages").is_dir():
        pytest.skip(f"needs recorded pages in {shared / 'stackexchange_pages'}")
    return shared / "stackexchange_pages"


@pytest.fixture(scope="session")
def bodies(pages) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted(pages.glob("6*.json"))]


def made_up(count: int = 260) -> list[dict]:
    rows = [
        {
            "question_id": number,
            "title": f"Q & A {number}",
            "body": f"<p>{number}</p>",
            "tags": [f"t{number % 3}", "x"],
        }
        for number in range(1, count + 1)
    ]
    return questions.items(rows, HOST)


@pytest.fixture
def serve():
    running: list[Replica] = []

    def start(items: list[dict] | None = None, **settings: object) -> Replica:
        api = StackExchange(made_up() if items is None else items, **settings)
        running.append(Replica(apis=[api]).__enter__())
        return running[-1]

    yield start
    for replica in running:
        replica.__exit__(None, None, None)


def get(replica: Replica, path: str = "questions", **parameters: object) -> tuple[int, dict]:
    answer = requests.get(f"{replica.url}/2.3/{path}", params={"site": "stackoverflow"} | parameters)
    return answer.status_code, answer.json()


def ids(replica: Replica, path: str = "questions", **parameters: object) -> list[int]:
    status, body = get(replica, path, **parameters)
    assert status == 200, body
    return [each["question_id"] for each in body["items"]]


def test_recorded_pages_come_back_as_they_were_recorded(serve, pages, bodies):
    replica = serve(questions.load(pages, HOST), filters={"recorded": RECORDED})
    recorded = {item["question_id"]: item for body in bodies for item in body["items"]}
    served = {}
    for number in range(1, 15):
        status, body = get(replica, filter="recorded", pagesize=100, page=number)
        assert status == 200
        assert list(body) == list(bodies[0])  # the wrapper
        served |= {item["question_id"]: item for item in body["items"]}
    assert json.dumps(served, sort_keys=True) == json.dumps(recorded, sort_keys=True)
    assert [list(served[number]) for number in recorded] == [list(recorded[number]) for number in recorded]


def test_order_by_activity_is_the_recorded_one(serve, pages, bodies):
    items = [item for body in bodies[:20] for item in body["items"]]
    replica = serve(items)
    served = [number for page in range(1, 7) for number in ids(replica, pagesize=100, page=page)]
    times = {item["question_id"]: item["last_activity_date"] for item in items}
    assert [times[number] for number in served] == sorted(times.values(), reverse=True)


def test_refusal_has_the_recorded_shape(serve, pages):
    recorded = json.loads((pages / "throttle_650.json").read_text())
    status, body = get(serve(quota=0))
    assert status == 400
    assert body.keys() == recorded.keys()
    assert body["error_id"] == recorded["error_id"]
    assert body["error_name"] == recorded["error_name"]
    assert body["error_message"] == recorded["error_message"].replace("85909", "86400")


def test_question_that_is_made_up_has_the_fields_and_types_of_a_recorded_one(bodies):
    item = made_up(1)[0]
    for recorded in (each for body in bodies for each in body["items"]):
        always = set(RECORDED[:12]) - {"body_markdown"}
        assert always <= recorded.keys()
        assert {key: type(recorded[key]) for key in always} == {key: type(item[key]) for key in always}
    assert item.keys() - set(RECORDED) == {"content_license"}  # of version 2.3
    owner = next(
        each["owner"] for body in bodies for each in body["items"] if "accept_rate" not in each["owner"]
    )
    assert list(item["owner"]) == list(owner)


def test_body_comes_with_its_filter_alone_and_the_title_is_escaped(serve):
    replica = serve()
    _, body = get(replica)
    assert list(body) == ["items", "has_more", "quota_max", "quota_remaining"]
    assert "body" not in body["items"][0]
    assert body["items"][0]["title"].startswith("Q &amp; A ")
    _, body = get(replica, filter="withbody")
    assert body["items"][0]["body"].startswith("<p>")


def test_filter_brings_what_it_was_made_for(serve):
    replica = serve(filters={"!few": ["title", ".total", ".page"]})
    _, body = get(replica, filter="!few", pagesize=3)
    assert body == {
        "items": body["items"],
        "has_more": True,
        "quota_max": 300,
        "quota_remaining": 299,
        "page": 1,
        "total": 260,
    }
    assert [list(item) for item in body["items"]] == [["title"]] * 3


@pytest.mark.parametrize(
    ("parameters", "number", "name", "message"),
    [
        ({"site": "foo"}, 400, "bad_parameter", "No site found for name `foo`"),
        ({"site": ""}, 400, "bad_parameter", "site is required"),
        ({"key": "unknown"}, 400, "bad_parameter", "`key` doesn't match a known application"),
        ({"pagesize": 101}, 400, "bad_parameter", "pagesize"),
        ({"page": 0}, 400, "bad_parameter", "page"),
        ({"sort": "age"}, 400, "bad_parameter", "sort"),
        ({"fromdate": "soon"}, 400, "bad_parameter", "fromdate"),
        ({"filter": "!unknown"}, 400, "bad_parameter", "filter"),
        ({"page": 26}, 403, "access_denied", "page above 25 requires access token or app key"),
        ({"path": "questions/12,13"}, 404, "no_method", "no method found with this name"),
        ({"path": "users"}, 404, "no_method", "no method found with this name"),
        ({"path": "questions/" + ";".join(map(str, range(101)))}, 400, "bad_parameter", "ids"),
    ],
)
def test_errors_come_with_status_400_and_their_number_in_the_body(serve, parameters, number, name, message):
    status, body = get(serve(keys=["k"]), **parameters)
    assert (status, body) == (400, {"error_id": number, "error_message": message, "error_name": name})


def test_listing_is_sorted_bounded_and_cut_into_pages(serve):
    replica = serve()
    creation = {item["question_id"]: item["creation_date"] for item in made_up()}
    oldest = sorted(creation, key=lambda number: (creation[number], number))
    assert ids(replica, sort="creation", order="asc") == oldest[:30]
    assert ids(replica, sort="creation") == oldest[::-1][:30]
    assert ids(replica, sort="creation", order="asc", page=3, pagesize=100) == oldest[200:]
    first, last = creation[oldest[9]], creation[oldest[14]]
    within = [number for number in oldest if first <= creation[number] <= last]
    for bounds in ({"fromdate": first, "todate": last}, {"min": first, "max": last}):
        assert ids(replica, sort="creation", order="asc", **bounds) == within
    assert set(ids(replica, fromdate=first, todate=last)) == set(within)
    assert (
        ids(replica, tagged="t1;x", sort="creation", order="asc", pagesize=3)
        == [number for number in oldest if number % 3 == 1][:3]
    )


def test_there_is_more_until_the_last_page(serve):
    replica = serve()
    assert [get(replica, pagesize=100, page=page)[1]["has_more"] for page in (1, 2, 3, 4)] == [
        True,
        True,
        False,
        False,
    ]
    assert get(replica, pagesize=100, page=4)[1]["items"] == []


def test_questions_are_found_by_their_ids_those_that_are_gone_left_out(serve):
    replica = serve()
    replica.apis[0].delete("7")
    assert ids(replica, "questions/5;6;7;9999", sort="creation", order="asc") == [5, 6]
    assert 7 not in ids(replica, sort="creation", order="asc")
    with pytest.raises(InputError, match="has no question 7"):
        replica.apis[0].delete("7")


def test_key_opens_more_pages_and_more_requests_of_the_same_quota(serve):
    replica = serve(keys=["k"], quota=2, key_quota=5)
    assert get(replica)[1]["quota_remaining"] == 1
    status, body = get(replica, key="k", pagesize=10, page=26)
    assert (status, body["quota_max"], body["quota_remaining"]) == (200, 5, 3)
    status, body = get(replica)
    assert (status, body["error_name"]) == (400, "throttle_violation")
    assert get(replica, key="k")[0] == 200


def test_expired_key_is_an_unknown_one(serve):
    replica = serve(keys=["a", "b"])
    replica.apis[0].expire(0)
    assert get(replica, key="a")[1]["error_message"] == "`key` doesn't match a known application"
    assert get(replica, key="b")[0] == 200


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_used_up_quota_says_when_it_is_renewed(serve):
    clock = Clock()
    replica = serve(quota=1, clock=clock)
    get(replica)
    clock.now += 400
    assert "available in 86000 seconds" in get(replica)[1]["error_message"]
    clock.now += 86_000
    assert get(replica)[0] == 200
    replica.apis[0].exhaust(50)
    assert "available in 50 seconds" in get(replica)[1]["error_message"]


def test_pause_that_an_answer_asks_for_is_enforced_for_that_method(serve):
    clock = Clock()
    replica = serve(backoff=(2, 10), clock=clock)
    assert "backoff" not in get(replica)[1]
    assert get(replica)[1]["backoff"] == 10
    clock.now += 9
    status, body = get(replica)
    assert (status, body["error_id"], body["error_message"]) == (400, 502, "Violation of backoff parameter")
    assert get(replica, "sites")[0] == 200
    clock.now += 1
    assert get(replica)[0] == 200


def test_too_many_requests_in_a_second_close_the_door_for_half_a_minute(serve):
    clock = Clock()
    replica = serve(per_second=3, clock=clock)
    assert [get(replica)[0] for _ in range(4)] == [200, 200, 200, 400]
    clock.now += 29
    assert "available in 1 seconds" in get(replica)[1]["error_message"]
    clock.now += 1
    assert get(replica)[0] == 200


def test_new_questions_in_front_shift_the_pages_of_the_newest_first_alone(serve):
    replica = serve()
    newest, oldest = (
        ids(replica, sort="creation", order=order, pagesize=10, page=2) for order in ("desc", "asc")
    )
    replica.apis[0].shift(4)
    shifted = ids(replica, sort="creation", order="desc", pagesize=10, page=2)
    assert shifted[4:] == newest[:6]
    assert len(ids(replica, sort="creation", order="desc", pagesize=10)) == 6
    assert ids(replica, sort="creation", order="asc", pagesize=10, page=2) == oldest


def test_what_a_fault_script_needs():
    api = StackExchange(made_up(3))
    body = {"items": [1, 2], "has_more": False}
    assert api.lists(body) == [[1, 2]]
    assert api.lists({"error_id": 502}) == []
    api.loop(None, body)
    assert body["has_more"] is True
    assert json.loads(api.refuse(77).body)["error_message"].endswith("available in 77 seconds")
    assert json.loads(api.refuse(None).body)["error_name"] == "throttle_violation"


def test_site_is_described_for_clients_that_look_it_up(serve):
    (site,) = get(serve(), "sites")[1]["items"]
    assert site["api_site_parameter"] == "stackoverflow"
    assert site["site_url"] == "https://stackoverflow.com"


def test_thirty_thousand_questions_are_held_and_walked(serve):
    replica = serve(made_up(30_000), keys=["k"])
    assert str(replica.apis[0]) == "30,000 questions of stackoverflow"
    last = ids(replica, sort="creation", order="asc", pagesize=100, page=300, key="k")
    assert last[-1] in (29_999, 30_000)
    assert ids(replica, sort="creation", order="asc", pagesize=100, page=301, key="k") == []


def arguments(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    stackexchange.add_arguments(parser)
    return parser.parse_args(given)


def test_command_line_turns_it_on_by_its_questions(tmp_path):
    assert stackexchange.from_arguments(arguments()) is None
    (tmp_path / "1.json").write_text(json.dumps({"items": made_up(5), "has_more": False}))
    (tmp_path / "throttle.json").write_text(json.dumps({"error_id": 502}))
    api = stackexchange.from_arguments(
        arguments(
            "--stackexchange", str(tmp_path), "--stackexchange-site", "scifi", "--stackexchange-keys", "a,b"
        )
    )
    assert str(api) == "5 questions of scifi"


@pytest.mark.parametrize("name", ["absent.parquet", "empty"])
def test_questions_that_cannot_be_read_are_named(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=name):
        stackexchange.from_arguments(arguments("--stackexchange", str(tmp_path / name)))
