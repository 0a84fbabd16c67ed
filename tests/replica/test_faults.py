"""Fault scripts: what they say, whom they meet, and what each fault looks like on the wire."""

import http.client
import json
import time
from email.utils import parsedate_to_datetime

import pytest
import requests

from garner.errors import InputError
from replica import Replica
from replica.api import Api
from replica.exchange import Reply
from replica.faults import Faults
from replica.troubles import TROUBLES


def get(replica, path: str = "/users/bob", **options) -> requests.Response:
    return requests.get(replica.url + path, timeout=30, allow_redirects=False, **options)


def statuses(replica, count: int) -> list[int]:
    return [get(replica).status_code for _ in range(count)]


# --- the script ---


def test_script_is_read_from_yaml_or_json(tmp_path, serve):
    fault = {"do": "status", "status": 503, "at": [2]}
    for name, text in (
        ("faults.yaml", "seed: 7\nfaults:\n  - {do: status, status: 503, at: [2]}\n"),
        ("faults.json", json.dumps({"seed": 7, "faults": [fault]})),
    ):
        (tmp_path / name).write_text(text)
        replica = serve(faults=Faults.read(tmp_path / name))
        assert statuses(replica, 3) == [200, 503, 200]
        assert replica.faults.met == [(2, "status")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("faults: [", "line 1 is no YAML"),
        ("- do: reset_before", "holds something else than `seed` and `faults`"),
        ("faults: 3", "`seed` is a whole number and `faults` a list"),
        ("faults:\n  - do: expldoe\n", "line 2: `do` names no fault. Choose of bomb, clock,"),
        ("faults:\n- do: html\n- do: bomb\n  mb: 3\n", "line 3: bomb has no option 'mb'. Choose of api, at,"),
        ("faults:\n- do: bomb\n  mib: many\n", "line 2: mib is 'many'. Expected int."),
        ("faults:\n- do: html\n  at: 0\n", "line 2: at is 0. Expected a number of a request, from 1"),
        ("faults:\n- do: html\n  every: 0\n", "line 2: every is 0. Expected a whole number above 0"),
        ("faults:\n- do: html\n  chance: 2\n", "line 2: chance is 2. Expected a number from 0 to 1"),
        ("faults:\n- do: status\n", "line 2: status needs the option 'status'"),
    ],
)
def test_script_that_cannot_be_used_is_refused_with_line_and_cure(tmp_path, text, said):
    (tmp_path / "faults.yaml").write_text(text)
    with pytest.raises(InputError) as refused:
        Faults.read(tmp_path / "faults.yaml")
    assert str(tmp_path / "faults.yaml") in str(refused.value)
    assert said in str(refused.value)


def test_script_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.yaml can't be read"):
        Faults.read(tmp_path / "nowhere.yaml")


def test_fault_that_no_api_can_meet_is_refused_before_any_request(folder):
    with pytest.raises(InputError, match="no API cannot meet 'login'"):
        Replica(folder, faults=Faults.of({"do": "login"})).__enter__()
    with pytest.raises(InputError, match="no API 'gitlab' is mounted"):
        Replica(folder, faults=Faults.of({"do": "html", "api": "gitlab"})).__enter__()


# --- who meets a fault ---


@pytest.mark.parametrize(
    ("when", "hit"),
    [
        ({"at": 2}, [2]),
        ({"at": [1, 4]}, [1, 4]),
        ({"from": 3}, [3, 4, 5, 6]),
        ({"from": 2, "to": 3}, [2, 3]),
        ({"every": 3}, [1, 4]),
        ({"from": 2, "every": 2}, [2, 4, 6]),
        ({}, [1, 2, 3, 4, 5, 6]),
    ],
)
def test_requests_meet_faults_by_their_number(serve, when, hit):
    replica = serve(faults=Faults.of({"do": "html", **when}))
    for _ in range(6):
        get(replica)
    assert [number for number, _ in replica.faults.met] == hit


def test_chance_follows_from_seed_and_number_alone(serve):
    def met(seed: int) -> list:
        replica = serve(faults=Faults.of({"do": "html", "chance": 0.3}, seed=seed))
        for _ in range(40):
            get(replica)
        return replica.faults.met

    assert met(1) == met(1) != met(2)
    assert 4 <= len(met(1)) <= 24


def test_faults_are_narrowed_to_paths_and_apis(serve):
    class Other(Api):
        name, prefixes = "other", ("/other/",)

        def reply(self, request):
            return Reply(200, {}, b"other")

    faults = Faults.of(
        {"do": "status", "status": 500, "paths": "/users/*"},
        {"do": "status", "status": 503, "api": "other"},
    )
    replica = serve(apis=[Other()], faults=faults)
    seen = [get(replica, path).status_code for path in ("/users/bob", "/repos/bob/snake", "/other/one")]
    assert seen == [500, 200, 503]
    assert replica.requests[-1].resource == "other"


def test_git_meets_no_faults(serve):
    replica = serve(faults=Faults.of({"do": "reset_before"}))
    assert get(replica, "/bob/snake.git/info/refs?service=git-upload-pack").status_code == 200


def test_first_fault_with_an_answer_wins_and_the_others_are_met_besides(serve):
    faults = Faults.of({"do": "exhaust"}, {"do": "html"}, {"do": "status", "status": 500})
    replica = serve(faults=faults)
    assert get(replica).status_code == 200
    assert replica.faults.met == [(1, "exhaust"), (1, "html")]


# --- what each looks like ---


def one(serve, **fault):
    return serve(faults=Faults.of(fault | {"at": 1}), quota=100)


@pytest.mark.parametrize("do", ["reset_before", "reset_amid"])
def test_connection_is_reset(serve, do):
    replica = one(serve, do=do)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        get(replica)
    assert get(replica).status_code == 200
    assert [each["status"] for each in replica.records] == [0 if do == "reset_before" else 200, 200]


@pytest.mark.parametrize("do", ["truncated", "malformed"])
def test_json_is_none_though_the_answer_is_whole(serve, do):
    answer = get(one(serve, do=do))
    assert answer.status_code == 200
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_too_many_names_its_pause_in_seconds_as_a_date_or_not_at_all(serve):
    assert get(one(serve, do="too_many", seconds=7)).headers["Retry-After"] == "7"
    answer = get(one(serve, do="too_many", seconds=90, date=True))
    pause = parsedate_to_datetime(answer.headers["Retry-After"]) - parsedate_to_datetime(
        answer.headers["Date"]
    )
    assert answer.status_code == 429
    assert 89 <= pause.total_seconds() <= 91
    assert "Retry-After" not in get(one(serve, do="too_many")).headers


def test_github_refuses_in_its_own_words(serve):
    answer = get(one(serve, do="refuse", seconds=3))
    assert (answer.status_code, answer.headers["Retry-After"]) == (403, "3")
    assert "secondary rate limit" in answer.json()["message"]
    assert get(one(serve, do="refuse", status=429)).status_code == 429


def test_quota_ends_and_comes_back(serve):
    replica = one(serve, do="exhaust", seconds=1)
    first, second = get(replica), get(replica)
    assert (first.status_code, first.headers["X-RateLimit-Remaining"]) == (403, "0")
    assert second.status_code == 403
    time.sleep(max(0, int(second.headers["X-RateLimit-Reset"]) - time.time()))
    assert get(replica).status_code == 200


def test_clock_of_the_server_jumps_with_the_times_that_it_names(serve):
    replica = serve(faults=Faults.of({"do": "clock", "by": 86400, "at": 2}))
    before, after = get(replica), get(replica)
    days = parsedate_to_datetime(after.headers["Date"]) - parsedate_to_datetime(before.headers["Date"])
    assert days.days == 1
    assert int(after.headers["X-RateLimit-Reset"]) - int(before.headers["X-RateLimit-Reset"]) == 86400


def test_body_drips(serve):
    begin = time.monotonic()
    assert get(one(serve, do="drip", pieces=5, seconds=0.05)).json()["login"] == "bob"
    assert time.monotonic() - begin >= 0.25


def test_items_stand_on_a_page_twice(serve):
    calm = get(serve(), "/users/alice/repos").json()
    doubled = get(one(serve, do="duplicate", share=1), "/users/alice/repos").json()
    assert sorted(each["name"] for each in doubled) == sorted(2 * [each["name"] for each in calm])
    query = {"query": '{ user(login: "alice") { repositories(first: 9) { nodes { name } } } }'}
    answer = requests.post(one(serve, do="duplicate", share=1).url + "/graphql", json=query, timeout=30)
    assert len(answer.json()["data"]["user"]["repositories"]["nodes"]) == 2 * len(calm)


def test_pages_by_number_shift_and_lose_nothing(serve):
    replica = serve(faults=Faults.of({"do": "shift", "count": 1, "at": 2}))
    pages = [get(replica, f"/users/alice/repos?per_page=2&page={page}") for page in (1, 2)]
    names = [[each["name"] for each in page.json()] for page in pages]
    assert names[0][1] == names[1][0], "the last of the first page came again"
    assert names[0] + names[1][1:] == [each["name"] for each in get(serve(), "/users/alice/repos").json()]


def test_cursors_loop(serve):
    query = (
        '{ user(login: "alice") { repositories(first: 1 AFTER) '
        "{ nodes { name } pageInfo { endCursor hasNextPage } } } }"
    )

    def page(replica, after: str | None) -> dict:
        text = query.replace("AFTER", f', after: "{after}"' if after else "")
        answer = requests.post(f"{replica.url}/graphql", json={"query": text}, timeout=30).json()
        return answer["data"]["user"]["repositories"]["pageInfo"]

    replica = serve(faults=Faults.of({"do": "loop", "from": 2}))
    first = page(replica, None)["endCursor"]
    assert page(replica, first) == {"endCursor": first, "hasNextPage": True}
    link = get(one(serve, do="loop"), "/users/alice/repos?page=3").links["next"]["url"]
    assert link.endswith("/users/alice/repos?page=3")


def test_page_for_people_comes_with_status_200(serve):
    answer = get(one(serve, do="html"))
    assert (answer.status_code, answer.text[:9]) == (200, "<!DOCTYPE")


def test_bomb_is_small_on_the_wire(serve):
    answer = get(one(serve, do="bomb", mib=8), stream=True)
    assert int(answer.headers["Content-Length"]) < 20_000
    assert len(answer.content) == 8 * 2**20 + 2


@pytest.mark.parametrize("by", [-10, 10])
def test_content_length_is_wrong(serve, by):
    replica = one(serve, do="length", by=by)
    true = len(get(serve()).content)
    connection = http.client.HTTPConnection(replica.url.removeprefix("http://"), timeout=30)
    connection.request("GET", "/users/bob", headers={"User-Agent": "test"})
    answer = connection.getresponse()
    assert int(answer.headers["Content-Length"]) == true + by
    if by < 0:
        assert len(answer.read()) == true + by
    else:
        with pytest.raises(http.client.IncompleteRead):
            answer.read()


def test_redirect_leads_to_another_host_that_keeps_what_came(serve):
    replica = one(serve, do="redirect", status=307)
    answer = get(replica, "/users/bob?key=secret")
    assert (answer.status_code, "secret" in answer.headers["Location"]) == (307, False)
    assert answer.headers["Location"].startswith("http://localhost:")
    requests.get(answer.headers["Location"], headers={"Authorization": "Bearer x"}, timeout=30)
    (seen,) = replica.elsewhere
    assert (seen.path, seen.headers["authorization"]) == ("/users/bob", "Bearer x")
    assert "secret" not in str(replica.records)


def test_token_expires_among_good_ones(serve):
    replica = serve(tokens=["one", "two"], faults=Faults.of({"do": "expire", "number": 0, "at": 2}))
    ask = [
        get(replica, headers={"Authorization": f"Bearer {token}"}).status_code
        for token in ("one", "one", "two")
    ]
    assert ask == [200, 401, 200]


def test_deleted_users_and_repositories_are_gone_everywhere(serve):
    faults = Faults.of(
        {"do": "delete", "item": "bob", "at": 1}, {"do": "delete", "item": "alice/empty", "at": 1}
    )
    replica = serve(faults=faults)
    paths = ["/users/bob", "/repos/bob/snake", "/repos/alice/empty", "/users/alice"]
    assert [get(replica, path).status_code for path in paths] == [404, 404, 404, 200]
    for listing in ("/users/alice/following", "/users/carol/followers", "/users/alice/repos"):
        assert not {"bob", "empty"} & {
            each.get("login", each.get("name")) for each in get(replica, listing).json()
        }


def test_every_fault_is_documented(root):
    page = (root / "docs/crawling.md").read_text()
    for name, trouble in TROUBLES.items():
        assert trouble.__doc__
        assert f"`{name}`" in page
