"""Bare git repositories for tests, also such as no honest git would make."""

import os
import subprocess
from pathlib import Path

SYMLINK, SUBMODULE, FILE = b"120000", b"160000", b"100644"
_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_DATE": "1700000000 +0000",
    "GIT_COMMITTER_DATE": "1700000000 +0000",
    **{f"GIT_{who}_{what}": "test" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


def run(repository: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(
        command, input=stdin, capture_output=True, check=True, env=_ENVIRONMENT
    ).stdout.strip()


def make_empty(repository: Path) -> Path:
    repository.mkdir(parents=True)
    run(repository, "init", "--quiet", "--bare", "--initial-branch=main", "--template=")
    return repository


def make(repository: Path, files: dict[str, bytes]) -> str:
    """A repository of ordinary files on the branch `main`; returns the commit."""
    make_empty(repository)
    stream = b"commit refs/heads/main\ncommitter test <test> 1700000000 +0000\ndata 0\n"
    for path, content in files.items():
        stream += b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(content), content)
    run(repository, "fast-import", "--quiet", stdin=stream)
    return run(repository, "rev-parse", "main").decode()


def make_odd(repository: Path, entries: list[tuple[bytes, bytes, bytes]]) -> str:
    """A repository whose one tree holds (mode, name, content or commit) as given; returns the commit."""
    make_empty(repository)
    tree = b""
    for mode, name, content in sorted(entries, key=lambda entry: entry[1]):
        blob = (
            content if mode == SUBMODULE else run(repository, "hash-object", "-w", "--stdin", stdin=content)
        )
        tree += mode + b" " + name + b"\0" + bytes.fromhex(blob.decode())
    top = run(repository, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=tree)
    commit = run(repository, "commit-tree", "-m", "odd", top.decode())
    run(repository, "update-ref", "refs/heads/main", commit.decode())
    return commit.decode()
