"""The bare git repositories of a folder, and what the API tells of each."""

import os
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from garner.errors import GitError, InputError
from garner.logs import log
from replica import languages, licences, safe_git

LAYOUTS = "owner/name.git, owner/name, owner+name/repo, owner+name.git or owner+name"
NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")
LICENCE_BYTES = 200_000  # no licence is longer
LAST_SECOND = 253_402_300_799  # of the year 9999; a commit may claim any date


@dataclass(frozen=True)
class Repository:
    """One repository. Git may be let into `view` alone; `head` is None while there is no commit."""

    owner: str
    name: str
    view: Path
    default_branch: str
    head: str | None
    pushed_at: str
    size_kib: int
    languages: dict[str, int]
    licence: licences.Licence | None
    stars: int
    fork: bool = False
    archived: bool = False

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"

    @property
    def language(self) -> str | None:
        return next(iter(self.languages), None)


def find_repositories(folder: Path) -> dict[tuple[str, str], Path]:
    """The git directory of each (owner, name) under `folder`, sorted. Raises InputError if there is none."""
    if not folder.is_dir():
        raise InputError(
            f"{folder} is no folder. Give a folder of bare git directories, laid out as {LAYOUTS}."
        )
    found: dict[tuple[str, str], Path] = {}
    seen: dict[str, Path] = {}
    for owner, name, path in candidates(folder):
        if not NAME.fullmatch(owner) or not NAME.fullmatch(name) or name in (".", ".."):
            log.warning("%a is left out: GitHub has no such name as %a", str(path), f"{owner}/{name}")
            continue
        twin = seen.setdefault(f"{owner}/{name}".lower(), path)
        if twin != path:
            raise InputError(f"{path} and {twin} are both {owner}/{name}. Remove one of them.")
        found[owner, name] = path
    if not found:
        raise InputError(f"{folder} holds no bare git directory. Expected any of {LAYOUTS}.")
    return dict(sorted(found.items()))


def candidates(folder: Path) -> Iterator[tuple[str, str, Path]]:
    for entry in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        if "+" in entry.name:
            owner, _, name = entry.name.removesuffix(".git").partition("+")
            for path in (entry, entry / "repo"):
                if safe_git.is_git_directory(path):
                    yield owner, name, path
        else:
            for path in sorted(entry.iterdir()):
                if safe_git.is_git_directory(path):
                    yield entry.name, path.name.removesuffix(".git"), path


def read_repository(owner: str, name: str, git_directory: Path, view: Path, seed: int) -> Repository:
    """Lay the view of a git directory at `view` and read what the API tells of it."""
    safe_git.make_view(git_directory, view)
    branch = re.sub(r"^ref: refs/heads/", "", (view / "HEAD").read_text(errors="replace").strip())
    head, pushed_at = last_commit(view, f"{owner}/{name}")
    files, licence = [], None
    try:
        files = list_files(view, f"{owner}/{name}") if head else []
        licence = find_licence(view, files)
    except GitError as error:
        log.warning("%s/%s is damaged, so git will fail to clone it: %s", owner, name, error)
    return Repository(
        owner=owner,
        name=name,
        view=view,
        default_branch="main" if branch == head else branch,
        head=head,
        pushed_at=pushed_at,
        size_kib=object_bytes(view) // 1024,
        languages=languages.language_statistics((path, size) for path, size, _ in files),
        licence=licence,
        # Most have few stars and few have many, as it is.
        stars=int(10 ** (4.5 * random.Random(f"{seed} {owner}/{name}").random() ** 2)) - 1,
    )


def last_commit(view: Path, full_name: str) -> tuple[str | None, str]:
    """The commit that HEAD names and its date in ISO 8601, or None and the epoch where HEAD names none."""
    try:
        commit, seconds = safe_git.git(view, "log", "-1", "--format=%H %ct", "HEAD", "--").split()
    except GitError:
        log.warning("%s: HEAD names no commit; it is served as an empty repository", full_name)
        return None, iso(0)
    return commit.decode(), iso(min(int(seconds), LAST_SECOND))


def list_files(view: Path, full_name: str) -> list[tuple[str, int, str]]:
    """(path, bytes, object) of every regular file at HEAD whose object is there."""
    files, missing = [], 0
    for entry in safe_git.git(view, "ls-tree", "-r", "-l", "-z", "--full-tree", "HEAD").split(b"\0")[:-1]:
        facts, _, path = entry.partition(b"\t")
        mode, _, identifier, size = facts.split()
        if mode in (b"100644", b"100755") and size.isdigit():
            files.append((path.decode(errors="replace"), int(size), identifier.decode()))
        elif mode in (b"100644", b"100755"):
            missing += 1
    if missing:
        log.warning("%s lacks %d files of its last commit, so git will fail to clone it", full_name, missing)
    return files


def find_licence(view: Path, files: list[tuple[str, int, str]]) -> licences.Licence | None:
    """The licence at the root of the tree: the first file of that kind whose text is known, else `Other`."""
    found = None
    for path, size, identifier in files:
        if licences.FILE_NAME.fullmatch(path) and 0 < size <= LICENCE_BYTES:
            text = safe_git.git(view, "cat-file", "blob", identifier)
            found = licences.recognise(text.decode(errors="replace"))
            if found != licences.OTHER:
                break
    return found


def object_bytes(view: Path) -> int:
    return sum(
        (Path(folder) / file).lstat().st_size
        for folder, _, files in os.walk(view / "objects")
        for file in files
    )


def iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
