"""Clients that others wrote, walking the replica: PyGithub and GitHub's own @octokit/rest."""

import json
import subprocess
from pathlib import Path

import pytest
from github import Auth, BadCredentialsException, Github, RateLimitExceededException, UnknownObjectException

from replica import Replica


@pytest.fixture(scope="module")
def replica(folder):
    with Replica(folder, tokens=["one"], extra_users=20) as running:
        yield running


def expected(replica: Replica) -> dict:
    """What a walk from the first user must meet: everyone, with everything."""
    return {
        user.login: {
            "following": user.following,
            "repositories": sorted((each.full_name for each in user.repositories), key=str.lower),
        }
        for user in replica.hub.users
    }


def client(replica: Replica, token: str = "one", **options) -> Github:
    return Github(
        base_url=replica.url, auth=Auth.Token(token), retry=None, seconds_between_requests=0, **options
    )


def test_pygithub_walks_from_the_first_user_to_all_others(replica):
    github = client(replica, per_page=2)
    met, waiting = {}, [replica.hub.users[0].login]
    while waiting:
        login = waiting.pop()
        if login not in met:
            user = github.get_user(login)
            met[login] = {
                "following": [other.login for other in user.get_following()],
                "repositories": [repository.full_name for repository in user.get_repos()],
            }
            waiting += met[login]["following"]
    assert met == expected(replica)


def test_pygithub_reads_a_repository_and_its_languages(replica):
    repository = client(replica).get_repo("alice/compiler")
    assert (repository.owner.login, repository.license.spdx_id, repository.language) == ("alice", "MIT", "C")
    assert repository.get_languages()["C"] == 1167
    assert repository.clone_url == f"{replica.url}/alice/compiler.git"
    assert repository.pushed_at.isoformat() == "2023-11-14T22:13:22+00:00"
    assert not repository.fork


def test_pygithub_counts_pages_and_reads_them_backwards(replica):
    login = max(replica.hub.users, key=lambda user: len(user.followers)).login
    followers = client(replica, per_page=1).get_user(login).get_followers()
    logins = replica.hub.user(login).followers
    assert followers.totalCount == len(logins)
    assert [user.login for user in followers.reversed] == logins[::-1]


def test_pygithub_asks_by_graphql(replica):
    query = "query ($login: String!) { user(login: $login) { login followers { totalCount } } }"
    _, answer = client(replica).requester.graphql_query(query, {"login": "carol"})
    count = len(replica.hub.user("carol").followers)
    assert answer["data"]["user"] == {"login": "carol", "followers": {"totalCount": count}}


def test_pygithub_knows_every_refusal(replica, serve):
    with pytest.raises(UnknownObjectException):
        client(replica).get_user("nobody-here")
    with pytest.raises(BadCredentialsException):
        client(replica, "other").get_user("alice")
    poor = client(serve(tokens=["one"], quota=1))
    assert poor.get_rate_limit().rate.remaining == 1
    poor.get_user("alice")
    with pytest.raises(RateLimitExceededException):
        poor.get_user("bob")


def test_octokit_walks_from_the_first_user_to_all_others(replica, node_modules):
    script = Path(__file__).with_name("walk.mjs")
    first = replica.hub.users[0]
    command = ["node", script, replica.url, "one", first.login]
    done = subprocess.run(
        command, cwd=script.parent, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    met = json.loads(done.stdout)
    assert met["users"] == expected(replica)
    assert met["followers"] == met["graphql"] == first.followers
    assert met["repository"]["full_name"] == "alice/compiler"
    assert met["languages"] == {"C": 1167}
    assert met["unchanged"]["status"] == 304
    assert met["gone"] == {"status": 404, "message": "Not Found"}
    assert met["rate"]["limit"] == 5000
    assert met["rate"]["used"] + met["rate"]["remaining"] == 5000


def test_lock_of_node_packages_is_exact_and_names_no_address():
    folder = Path(__file__).parent
    wanted = json.loads((folder / "package.json").read_text())["dependencies"]
    packages = json.loads((folder / "package-lock.json").read_text())["packages"]
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert not any("resolved" in package for package in packages.values())
    assert all(package["integrity"] for name, package in packages.items() if name)
