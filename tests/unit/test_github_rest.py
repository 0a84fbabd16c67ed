import ast
import json
import os
from pathlib import Path

import pytest
from github_study import hub, serve
from loopback import OFFLINE, Clock, Reply
from loopback import serve as serve_replies

from garner.errors import MalformedError, TransientError
from garner.http.client import connect
from garner.sources.github_limits import GitHubLimits
from garner.sources.github_records import Page
from garner.sources.github_rest import Rest


def rest(url: str) -> Rest:
    return Rest(connect(url, OFFLINE, GitHubLimits(), clock=Clock()), url)


def recorded(name: str, path: str) -> Reply:
    """The recorded answer of the real API to `GET path`."""
    folder = Path(os.environ.get("GARNER_SHARED_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
    file = folder / "github_recorded" / "pygithub" / f"{name}.txt"
    if not file.exists():
        pytest.skip(f"{file} is not here")
    lines = file.read_text().split("\n")
    start = next(index for index in range(0, len(lines) - 9, 11) if lines[index + 4] == path)
    headers = {name: value for name, value in ast.literal_eval(lines[start + 8]) if name == "Link"}
    return Reply(int(lines[start + 7]), lines[start + 9].encode(), headers)


def test_recorded_repository_of_github_is_read():
    answer = recorded("GraphQl.testPaginationAndRestIntegration", "/repos/PyGithub/PyGithub")
    with serve_replies(answer) as api:
        (record,) = rest(api.url).fetch([Page("listed", "PyGithub/PyGithub")])
    assert record["found"] == {
        "repository": "PyGithub/PyGithub",
        "clone_url": "https://github.com/PyGithub/PyGithub.git",
        "default_branch": "main",
        "fork": False,
        "archived": False,
        "stars": json.loads(answer.body)["stargazers_count"],
        "size_kib": json.loads(answer.body)["size"],
        "licence": "LGPL-3.0",
        "languages": None,
        "more_languages": None,
    }


def test_only_the_first_page_asked_for_is_sent_for_and_the_next_goes_by_number():
    crowd = [f"f{index:03}" for index in range(150)]
    with serve(hub({"ann": crowd})) as api:
        one = rest(api.url)
        (first,) = one.fetch(iter([Page("following", "ann"), Page("repositories", "ann")]))
        (second,) = one.fetch(iter([Page("following", "ann", first["next"])]))
        assert len(api.requests) == 2
    assert (len(first["following"]), first["after"], first["next"]) == (100, None, "rest:2")
    assert (len(second["following"]), second["after"], second["next"]) == (50, "rest:2", None)


def test_next_page_is_asked_of_the_api_and_not_of_the_address_in_the_answer():
    evil = Reply(200, b"[]", {"Link": '<https://evil.example.org/steal?page=2>; rel="next"'})
    with serve_replies(evil) as api:
        (record,) = rest(api.url).fetch([Page("following", "ann")])
        rest(api.url).fetch([Page("following", "ann", record["next"])])
        assert [request.path.split("&page=")[1] for request in api.requests] == ["1", "2"]


def test_organisation_is_no_user_in_either_protocol():
    body = json.dumps({"login": "psf", "type": "Organization"}).encode()
    with serve_replies(Reply(200, body)) as api:
        assert rest(api.url).fetch([Page("account", "psf")]) == [{"user": "psf", "status": "gone"}]


@pytest.mark.parametrize(
    ("page", "subject"),
    [
        (Page("account", "ann"), {"user": "ann"}),
        (Page("following", "ann"), {"user": "ann"}),
        (Page("languages", "ann/x"), {"repository": "ann/x"}),
        (Page("listed", "ann/x"), {"listed": "ann/x"}),
    ],
)
@pytest.mark.parametrize(("status", "reason"), [(404, "gone"), (451, "gone"), (403, "forbidden")])
def test_what_is_gone_or_forbidden_is_a_record(page, subject, status, reason):
    with serve_replies(Reply(status, b'{"message": "no"}')) as api:
        assert rest(api.url).fetch([page]) == [subject | {"status": reason}]


@pytest.mark.parametrize("body", [b"[1]", b'[{"name": "x"}]', b"[null]"])
def test_answer_of_another_shape_is_a_typed_error(body):
    with (
        serve_replies(Reply(200, body)) as api,
        pytest.raises(MalformedError, match="another shape"),
    ):
        rest(api.url).fetch([Page("repositories", "ann")])


def test_outage_is_no_record():
    with serve_replies(Reply(500)) as api, pytest.raises(TransientError):
        rest(api.url).fetch([Page("account", "ann")])
