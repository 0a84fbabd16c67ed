"""Tokens, trouble made on purpose, the log, and how the replica begins and ends."""

import http.client
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from garner.errors import InputError
from replica import Replica
from replica.api import Api
from replica.exchange import Reply


def get(replica, path: str, **options) -> requests.Response:
    return requests.get(replica.url + path, timeout=30, **options)


@pytest.mark.parametrize("scheme", ["Bearer {}", "token {}", "bearer {}"])
def test_known_tokens_have_a_quota_each(serve, scheme):
    replica = serve(tokens=["one", "two"], quota=100)
    for token in ("one", "two"):
        answer = get(replica, "/users/bob", headers={"Authorization": scheme.format(token)})
        assert (answer.status_code, answer.headers["X-RateLimit-Used"]) == (200, "1")
        assert answer.headers["X-RateLimit-Limit"] == "100"


def test_unknown_token_is_401_everywhere(serve):
    replica = serve(tokens=["one"])
    for path in ("/users/bob", "/rate_limit", "/bob/snake.git/info/refs?service=git-upload-pack"):
        answer = get(replica, path, headers={"Authorization": "Bearer other"})
        assert (answer.status_code, answer.json()["message"]) == (401, "Bad credentials")


def test_strangers_have_60_requests_and_no_graphql(serve):
    replica = serve(tokens=["one"])
    assert get(replica, "/users/bob").headers["X-RateLimit-Limit"] == "60"
    answer = requests.post(f"{replica.url}/graphql", json={"query": "{ rateLimit { cost } }"}, timeout=30)
    assert answer.status_code == 401


def test_token_appears_in_no_answer_record_or_log(serve, tmp_path):
    replica = serve(tokens=["s3cret"], quota=1, log=tmp_path / "log")
    headers = {"Authorization": "Bearer s3cret"}
    answers = [get(replica, "/users/bob", headers=headers) for _ in range(2)]
    assert answers[1].status_code == 403
    told = [answer.text + str(answer.headers) for answer in answers]
    assert "s3cret" not in "".join(told) + str(replica.records) + (tmp_path / "log").read_text()


def test_requests_are_recorded_in_memory_and_in_the_log(serve, tmp_path):
    replica = serve(log=tmp_path / "log.jsonl")
    get(replica, "/users/bob/repos?per_page=2")
    query = {"query": '{ user(login: "bob") { login } }'}
    requests.post(f"{replica.url}/graphql", json=query, timeout=30)
    get(replica, "/bob/snake.git/info/refs?service=git-upload-pack")
    assert replica.requests == [
        ("GET", "/users/bob/repos?per_page=2", "core"),
        ("POST", "/graphql", "graphql"),
        ("GET", "/bob/snake.git/info/refs?service=git-upload-pack", "git"),
    ]
    logged = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert logged == replica.records
    assert [each["status"] for each in logged] == [200, 200, 200]
    assert json.loads(logged[1]["body"]) == query


def test_intercept_answers_in_place_of_the_replica(serve):
    def blocked(request):
        if request.path == "/repos/bob/snake":
            return 451, {"Content-Type": "application/json"}, b'{"message": "Repository access blocked"}'
        return None

    replica = serve(intercept=blocked)
    answer = get(replica, "/repos/bob/snake")
    assert (answer.status_code, answer.json()["message"]) == (451, "Repository access blocked")
    assert get(replica, "/repos/carol/gems").status_code == 200
    assert [each["status"] for each in replica.records] == [451, 200]
    replica.intercept = lambda request: (502, {}, b"")
    assert get(replica, "/repos/carol/gems").status_code == 502


def test_intercept_can_cut_an_answer_off(serve):
    def half():
        yield b'{"login": '
        raise ConnectionResetError

    replica = serve(intercept=lambda request: (200, {"Content-Type": "application/json"}, half()))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        get(replica, "/users/bob")


def test_connection_is_kept_whatever_was_answered(serve):
    replica = serve()
    connection = http.client.HTTPConnection(replica.url.removeprefix("http://"), timeout=30)
    headers = {"User-Agent": "test"}
    for method, path, body, status in [
        ("GET", "/users/bob", None, 200),
        ("POST", "/users/bob", b"x" * 70_000, 404),
        ("HEAD", "/users/bob", None, 200),
        ("DELETE", "/repos/bob/snake", None, 404),
        ("GET", "/bob/snake.git/info/refs?service=git-upload-pack", None, 200),
        ("GET", "/users/alice", None, 200),
    ]:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        assert answer.status == status
        answer.read()
        assert connection.sock is not None


@pytest.mark.parametrize(
    "head",
    ["Content-Length: -5", "Content-Length: x", "Content-Length: 99999999999", "Transfer-Encoding: chunked"],
)
def test_body_of_no_or_monstrous_length_is_refused(crowd, head):
    name, _, value = head.partition(": ")
    connection = http.client.HTTPConnection(crowd.url.removeprefix("http://"), timeout=30)
    connection.putrequest("POST", "/graphql")
    connection.putheader(name, value)
    connection.endheaders(b"fffffffffff\r\n")
    assert connection.getresponse().status == 400


def test_ended_replica_answers_no_more_and_leaves_nothing_behind(folder):
    session = requests.Session()
    with Replica(folder) as replica:
        assert session.get(f"{replica.url}/users/bob", timeout=30).status_code == 200
        views = replica.hub.repositories[0].view
        assert views.exists()
    with pytest.raises(requests.exceptions.ConnectionError):
        session.get(f"{replica.url}/users/bob", timeout=30)
    assert not views.exists()


def test_facts_of_an_unknown_repository_are_an_error(folder):
    with pytest.raises(InputError, match="holds no bob/sneak"), Replica(folder, facts={"bob/sneak": {}}):
        pass


def run(root: Path, *arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "replica", *arguments],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_command_tells_its_address_and_ends_cleanly(root, folder, tmp_path, end):
    process = run(root, "--repositories", str(folder), "--tokens", "a,b", "--log", str(tmp_path / "log"))
    try:
        line = process.stdout.readline()
        url = line.split()[0]
        assert line == f"{url} answers for 5 repositories of 3 users\n"
        headers = {"Authorization": "Bearer b"}
        assert requests.get(f"{url}/users/bob", headers=headers, timeout=30).status_code == 200
        process.send_signal(end)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.communicate()
    assert json.loads((tmp_path / "log").read_text())["path"] == "/users/bob"


def test_command_names_the_layouts_where_a_folder_holds_no_repository(root, tmp_path):
    process = run(root, "--repositories", str(tmp_path))
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert said.strip() == (
        f"python -m replica: {tmp_path} holds no bare git directory. "
        "Expected any of owner/name.git, owner/name, owner+name/repo, owner+name.git or owner+name."
    )


def test_command_serves_several_apis_at_one_address_and_makes_trouble(root, folder, tmp_path):
    script = tmp_path / "faults.yaml"
    script.write_text("faults: [{do: status, status: 503, at: 2}]")
    options = ["--instagram", "3", "--instagram-lists", str(tmp_path), "--faults", str(script)]
    process = run(root, "--repositories", str(folder), *options)
    try:
        line = process.stdout.readline()
        url = line.split()[0]
        assert line == f"{url} answers for 3 people of Instagram and 5 repositories of 3 users\n"
        name = (tmp_path / "users.txt").read_text().split()[0]
        profile = f"{url}/api/v1/users/web_profile_info/?username={name}"
        paths = [f"{url}/users/bob", f"{url}/users/bob", profile]
        asked = [requests.get(path, headers={"X-IG-App-ID": "1"}, timeout=30).status_code for path in paths]
        assert asked == [200, 503, 200]
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "no API is asked for. Give --repositories DIR"),
        (["--instagram", "2", "--faults", "absent.yaml"], "the fault script absent.yaml can't be read"),
    ],
)
def test_command_says_what_is_missing(root, options, said):
    process = run(root, *options)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 1
    assert said in error


def test_paths_that_no_api_owns_are_404():
    class Other(Api):
        name, prefixes = "other", ("/other/",)

        def reply(self, request):
            return Reply(200, {}, b"{}")

    with Replica(apis=[Other()]) as replica:
        assert [get(replica, path).status_code for path in ("/other/one", "/users/bob")] == [200, 404]
        assert [each.resource for each in replica.requests] == ["other", "nobody"]


def test_command_names_a_port_that_is_taken(root, folder, crowd):
    port = crowd.url.rpartition(":")[2]
    process = run(root, "--repositories", str(folder), "--port", port)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert f"127.0.0.1:{port} cannot be listened on (Address already in use)" in said


def test_help_teaches_the_first_steps(root):
    process = run(root, "--help")
    said, _ = process.communicate(timeout=30)
    for taught in ("git clone", "POST /graphql", "owner+name/repo", "--tokens", "SIGTERM", "example:"):
        assert taught in said
