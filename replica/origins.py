"""Where a demo repository's files come from: an installed distribution, a folder, or a fetched package.

A repository takes text files of at most LARGEST_FILE bytes; where they are too many, or more than
LARGEST_REPOSITORY bytes, licences and then a hash of the path decide, so that the whole tree is sampled.
"""

import csv
import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from importlib.metadata import Distribution
from pathlib import Path

from garner.errors import InputError
from replica.archives import is_plain_path, read_archive
from replica.licences import FILE_NAME

LARGEST_FILE = 500_000
LARGEST_REPOSITORY = 32 * 1024**2
MOST_FILES = 5000
MOST_INSTALLED_FILES = 300  # nearly all Python, of which there is far more than a language needs

NOT_SOURCES = frozenset([".git", ".venv", "__pycache__", "node_modules"])  # folders
# Not even read. What else is binary is known by its NUL bytes.
BINARY = (
    ".a",
    ".class",
    ".dll",
    ".dylib",
    ".exe",
    ".gz",
    ".jar",
    ".lib",
    ".png",
    ".pyc",
    ".pyd",
    ".so",
    ".zip",
)


@dataclass(frozen=True)
class Tree:
    files: dict[str, bytes]
    licence: str


@dataclass(frozen=True)
class Origin:
    """One repository to be. `key` differs whenever the files may; `read` is called only when it must."""

    name: str
    version: str
    kind: str
    key: str
    read: Callable[[], Tree]


def installed(distribution: Distribution) -> Origin | None:
    """The source tree of an installed Python distribution; None where it has none of its own.

    That is so for an editable installation, and for one without the list of its files (`RECORD`).
    """
    rows = list(csv.reader((distribution.read_text("RECORD") or "").splitlines()))
    # Scripts (`../../bin/…`) and compiled files differ between machines, and do not enter the repository.
    rows = [row for row in rows if row and _is_wanted(row[0])]
    paths = [row[0] for row in rows if ".dist-info/" not in row[0] or _is_licence(row[0])]
    if all(_is_licence(path) for path in paths):
        return None

    def read() -> Tree:
        files = _bounded(_read_files(Path(distribution.locate_file("")), paths), MOST_INSTALLED_FILES)
        return Tree(_with_licence_at_root(files), _licence_of_metadata(distribution.metadata))

    key = _digest(",".join(row) for row in rows)
    return Origin(distribution.name, distribution.version, "installed Python distribution", key, read)


def folder(path: Path) -> list[Origin]:
    """The repositories that a folder of sources stands for.

    A folder that holds `.git`, or any file of its own, is one repository; a folder of nothing but folders is
    one for each of them. Raises InputError where it is no folder.
    """
    if not path.is_dir():
        raise InputError(f"{path} is no folder. Name a folder of sources, or a folder of such folders.")
    entries = sorted(path.iterdir())
    if any(entry.name == ".git" or not entry.is_dir() for entry in entries):
        entries = [path]
    return [_folder_origin(entry) for entry in entries]


def archive(path: Path, name: str, version: str, sha256: str, kind: str) -> Origin:
    """A fetched source distribution or npm package, whose bytes have that digest."""

    def read() -> Tree:
        members = read_archive(path, LARGEST_FILE)
        files = _bounded(((member, members[member]) for member in _ordered(members)), MOST_FILES)
        return Tree(_with_licence_at_root(files), _licence_of_package(members))

    return Origin(name, version, kind, sha256, read)


def _folder_origin(path: Path) -> Origin:
    paths = sorted(_walk(path))
    states = [(name, (path / name).stat()) for name in paths]
    key = _digest(f"{name} {state.st_size} {state.st_mtime_ns}" for name, state in states)

    def read() -> Tree:
        return Tree(_with_licence_at_root(_bounded(_read_files(path, paths), MOST_FILES)), "unknown")

    return Origin(path.resolve().name, "0", "folder", key, read)


def _walk(root: Path) -> Iterator[str]:
    """The ordinary files below `root`; no link is followed."""
    for folder_path, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in NOT_SOURCES]
        for name in names:
            path = Path(folder_path, name)
            if stat.S_ISREG(path.lstat().st_mode):
                yield path.relative_to(root).as_posix()


def _read_files(root: Path, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    for name in _ordered(paths):
        path = root / name
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= LARGEST_FILE:
            yield name, path.read_bytes()


def _ordered(names: Iterable[str]) -> list[str]:
    """Licences, then the rest as a sample would take them."""
    wanted = filter(_is_wanted, names)
    return sorted(wanted, key=lambda name: (not _is_licence(name), hashlib.sha256(name.encode()).digest()))


def _bounded(files: Iterable[tuple[str, bytes]], most: int) -> dict[str, bytes]:
    kept, left = {}, LARGEST_REPOSITORY
    for name, data in files:
        if not data or b"\0" in data:
            continue
        left -= len(data)
        if left < 0 or len(kept) == most:
            break
        kept[name] = data
    return kept


def _is_wanted(name: str) -> bool:
    if name.lower().endswith(BINARY) or not is_plain_path(name):
        return False
    return NOT_SOURCES.isdisjoint(name.split("/"))


def _is_licence(name: str) -> bool:
    return FILE_NAME.fullmatch(name.rsplit("/", 1)[-1]) is not None


def _with_licence_at_root(files: dict[str, bytes]) -> dict[str, bytes]:
    """Hosting sites tell a repository's licence by the file at its root."""
    licences = sorted((name.count("/"), name) for name in files if _is_licence(name))
    if not licences or licences[0][0] == 0:
        return files
    return {**files, "LICENSE": files[licences[0][1]]}


def _licence_of_package(members: dict[str, bytes]) -> str:
    if "PKG-INFO" in members:
        return _licence_of_metadata(HeaderParser().parsestr(members["PKG-INFO"].decode(errors="replace")))
    try:
        licence = json.loads(members.get("package.json", b"{}"))["license"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return "unknown"
    return _one_line(licence) if isinstance(licence, str) else "unknown"


def _licence_of_metadata(metadata: Message) -> str:
    """The licence as Python's core metadata state it: an expression, a name, or a classifier."""
    stated = metadata.get("License-Expression") or metadata.get("License") or ""
    classifiers = [value for value in metadata.get_all("Classifier") or () if value.startswith("License ::")]
    return _one_line(stated) or (classifiers[0].rsplit(" :: ", 1)[-1] if classifiers else "unknown")


def _one_line(stated: str) -> str:
    """The first line, unless it begins the licence's text, which some put there whole."""
    line = stated.strip().partition("\n")[0]
    return line if len(line) <= 80 else ""


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()
