"""A small folder of real git repositories, the replica over it, and GitHub's own descriptions of its API."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from git_repositories import write_repository

from replica import Replica

HERE = Path(__file__).resolve().parent
MIT = "Permission is hereby granted, free of charge, to any person obtaining a copy of this software and ..."
FILES = {
    "alice/compiler": {
        "LICENSE": MIT,
        "src/main.c": "int main(void) { return 0; }\n" * 40,
        "lib/a.h": "int a;\n",
    },
    "alice/Website": {"index.html": "<p>\n" * 30, "app.js": "let a = 1;\n" * 90, "vendor/b.js": "b" * 9999},
    "alice/empty": {},
    "bob/snake": {"snake.py": "print('snake')\n" * 50, "tool.sh": "echo\n", "data.bin": "\0" * 30_000},
    "carol/gems": {"gem.rb": "puts 1\n", "ünï code.rb": "puts 2\n"},
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("replica") / "repositories"
    for name, files in FILES.items():
        write_repository(folder / f"{name}.git", files, commits=3)
    return folder


@pytest.fixture(scope="session")
def crowd(folder) -> Iterator[Replica]:
    """A replica with enough users for many pages, and a quota that lasts; for tests that only read."""
    with Replica(folder, extra_users=40, quota=100_000) as running:
        yield running


@pytest.fixture
def serve(folder) -> Iterator[Callable[..., Replica]]:
    """`serve(**settings)` starts a replica for one test."""
    running: list[Replica] = []

    def start(**settings) -> Replica:
        running.append(Replica(folder, **settings).__enter__())
        return running[-1]

    yield start
    for replica in running:
        replica.__exit__(None, None, None)


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """GitHub's descriptions and client, installed as locked."""
    if not shutil.which("npm") or not shutil.which("node"):
        pytest.skip("needs node and npm, which bring GitHub's own descriptions of its API and its client")
    installed, lock = HERE / "node_modules/.package-lock.json", HERE / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        subprocess.run(["npm", "ci", "--loglevel=error"], cwd=HERE, check=True)
    return HERE / "node_modules"


@pytest.fixture(scope="session")
def recorded() -> Path:
    """Recorded answers of the real API, which lie outside the repository."""
    shared = Path(os.environ.get("GARNER_SHARED_DATA", HERE.parents[2] / "shared/data"))
    if not (shared / "github_recorded").is_dir():
        pytest.skip(f"needs recorded answers in {shared / 'github_recorded'}")
    return shared / "github_recorded"
