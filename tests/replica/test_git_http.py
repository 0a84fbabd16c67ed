"""Real git against the replica, and what it must not be able to do."""

import gzip
import os
import subprocess
from pathlib import Path

import pytest
import requests
from git_repositories import write_repository

from replica import Replica

REFS, PACK = "info/refs?service=git-upload-pack", "git-upload-pack"
LIST_REFS = b"0014command=ls-refs\n00010000"
V2 = {"Content-Type": "application/x-git-upload-pack-request", "Git-Protocol": "version=2"}


def git(*arguments: str | Path, folder: Path | None = None) -> subprocess.CompletedProcess:
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_GLOBAL": os.devnull}
    command = ["git", *(["-C", folder] if folder else []), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def tails(replica: Replica) -> list[str]:
    """The git requests so far, in short; forgets them."""
    seen = [each.path.partition(".git/")[2] for each in replica.requests]
    replica.records.clear()
    return seen


@pytest.mark.parametrize("version", ["2", "0"])
def test_shallow_bare_clone_brings_the_head_in_few_requests(serve, tmp_path, folder, version):
    replica = serve()
    url = f"{replica.url}/alice/compiler.git"
    done = git(
        "-c", f"protocol.version={version}", "clone", "--bare", "--depth", "1", url, tmp_path / "clone"
    )
    assert done.returncode == 0, done.stderr
    assert tails(replica) == [REFS, PACK, PACK]
    head = git("rev-parse", "HEAD", folder=folder / "alice/compiler.git").stdout
    assert git("rev-parse", "HEAD", folder=tmp_path / "clone").stdout == head
    assert git("rev-list", "--count", "HEAD", folder=tmp_path / "clone").stdout == "1\n"
    assert "int main" in git("show", "HEAD:src/main.c", folder=tmp_path / "clone").stdout


def test_filtered_clone_leaves_large_files_out_and_fetches_them_only_where_asked(serve, tmp_path):
    replica = serve()
    clone = tmp_path / "clone"
    options = ("--bare", "--depth", "1", "--filter=blob:limit=10k")
    assert git("clone", *options, f"{replica.url}/bob/snake.git", clone).returncode == 0
    assert tails(replica) == [REFS, PACK, PACK]
    missing = git("rev-list", "--objects", "--missing=print", "HEAD", folder=clone).stdout
    assert missing.count("?") == 1
    assert tails(replica) == []
    # Git fetches what is missing as soon as it is looked at: the trap that a crawler has to step around.
    assert "30000" in git("ls-tree", "-r", "-l", "HEAD", folder=clone).stdout
    assert tails(replica) == [REFS, PACK]


def test_empty_repository_is_cloned(serve, tmp_path):
    done = git("clone", "--bare", f"{serve().url}/alice/empty.git", tmp_path / "clone")
    assert done.returncode == 0, done.stderr


def test_full_history_is_cloned_and_fetched_on(serve, tmp_path):
    url = f"{serve().url}/bob/snake"
    assert git("clone", "--depth", "1", url, tmp_path / "clone").returncode == 0
    assert git("fetch", "--unshallow", folder=tmp_path / "clone").returncode == 0
    assert git("rev-list", "--count", "HEAD", folder=tmp_path / "clone").stdout == "3\n"


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("chunked", [False, True])
def test_compressed_and_chunked_requests_are_understood(crowd, compressed, chunked):
    body = gzip.compress(LIST_REFS) if compressed else LIST_REFS
    headers = {**V2, **({"Content-Encoding": "gzip"} if compressed else {})}
    answer = requests.post(
        f"{crowd.url}/carol/gems.git/git-upload-pack",
        data=iter([body[:7], body[7:]]) if chunked else body,
        headers=headers,
        timeout=30,
    )
    assert answer.status_code == 200
    assert b"refs/heads/main" in answer.content


def test_nothing_can_be_pushed(serve, tmp_path, folder):
    before = git("rev-parse", "HEAD", folder=folder / "bob/snake.git").stdout
    replica = serve()
    clone = tmp_path / "clone"
    git("clone", f"{replica.url}/bob/snake.git", clone)
    git("-c", "user.name=x", "-c", "user.email=x", "commit", "--allow-empty", "-m", "x", folder=clone)
    done = git("push", "origin", "main", folder=clone)
    assert done.returncode != 0
    assert "403" in done.stderr
    assert git("rev-parse", "HEAD", folder=folder / "bob/snake.git").stdout == before
    answer = requests.post(f"{replica.url}/bob/snake.git/git-receive-pack", data=b"0000", timeout=30)
    assert answer.status_code == 403


def test_strangers_are_asked_who_they_are_before_a_repository_is_denied(serve):
    replica = serve(tokens=["one"])
    url = f"{replica.url}/alice/gone.git/{REFS}"
    assert requests.get(url, timeout=30).headers["WWW-Authenticate"] == 'Basic realm="GitHub"'
    assert requests.get(url, auth=("x", "one"), timeout=30).status_code == 404
    assert requests.get(url, auth=("x", "other"), timeout=30).status_code == 401
    known = f"{replica.url}/bob/snake.git/{REFS}"
    assert requests.get(known, auth=("x", "one"), timeout=30).status_code == 200
    assert requests.get(known, timeout=30).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["HEAD", "config", "objects/info/packs", "info/refs", "info/refs?service=git-upload-archive"],
)
def test_files_of_a_git_directory_are_not_given_out(crowd, path):
    answer = requests.get(f"{crowd.url}/bob/snake.git/{path}", timeout=30)
    assert answer.status_code in (403, 404)


def test_paths_cannot_climb(crowd, folder):
    (folder.parent / "secret.git").mkdir(exist_ok=True)
    for path in ("/bob/../../secret.git", "/bob/%2e%2e%2f%2e%2e%2fsecret.git", "/../secret.git"):
        request = requests.Request("GET", crowd.url).prepare()
        request.url = f"{crowd.url}{path}/{REFS}"  # as it stands, with no normalising
        assert requests.Session().send(request, timeout=30).status_code == 401


def test_configuration_and_hooks_of_a_served_folder_run_nothing(tmp_path):
    """With a signed commit and a configured `gpg.program` plain git runs a program to show the commit."""
    target = write_repository(tmp_path / "repositories/mallory/trap.git", {"a.py": "print(1)\n"})
    canary = tmp_path / "canary"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch '{canary}'\n")
    program.chmod(0o755)
    sign_head(target)
    lines = {
        "log.showSignature": "true",
        "gpg.program": program,
        "core.fsmonitor": program,
        "core.alternateRefsCommand": program,
        "uploadpack.packObjectsHook": program,
        "core.hooksPath": target / "hooks",
        "remote.origin.url": f"ext::{program}",
        "remote.origin.promisor": "true",
        "extensions.partialClone": "origin",
    }
    for name, value in lines.items():
        git("config", name, str(value), folder=target)
    for hook in ("post-upload-pack", "pre-receive", "reference-transaction", "post-checkout"):
        (target / "hooks" / hook).write_text(program.read_text())
        (target / "hooks" / hook).chmod(0o755)

    git("log", "-1", folder=target)
    assert canary.exists(), "the trap itself does not work, so the test would show nothing"
    canary.unlink()

    with Replica(tmp_path / "repositories") as replica:
        url = f"{replica.url}/mallory/trap.git"
        assert git("clone", "--bare", "--filter=blob:limit=1", url, tmp_path / "clone").returncode == 0
        assert requests.get(f"{replica.url}/repos/mallory/trap", timeout=30).json()["language"] == "Python"
    assert not canary.exists()


def sign_head(repository: Path) -> None:
    commit = git("cat-file", "commit", "HEAD", folder=repository).stdout
    head, _, message = commit.partition("\n\n")
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n aaaa\n -----END PGP SIGNATURE-----"
    signed = subprocess.run(
        ["git", "-C", repository, "hash-object", "-t", "commit", "-w", "--stdin"],
        input=f"{head}\n{signature}\n\n{message}",
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    git("update-ref", "refs/heads/main", signed, folder=repository)
