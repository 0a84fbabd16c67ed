"""Real source code as git repositories of synthetic owners: what `make demo` crawls.

    python -m replica.corpus TARGET [--sources DIR …]

writes bare repositories TARGET/OWNER/NAME.git, one for each

- Python distribution that is installed in the running environment,
- package of the pinned list `packages.csv` beside this module (source distributions and npm packages, which
  bring the other languages), as far as it can be fetched; the files are kept in TARGET/../downloads,
- folder of sources that is named: a folder that holds `.git`, or any file of its own, is one repository, a
  folder of nothing but folders is one for each of them.

Each has one commit, whose message names the origin, version and licence. The same inputs give the same
commits on any machine. What is there and still right stays; what an earlier call wrote and this one does not
ask for goes.
"""

import argparse
import logging
import os
import re
import shutil
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from importlib import metadata
from pathlib import Path

from garner.errors import GarnerError
from garner.logs import Progress, log
from replica import downloads, origins
from replica.git_writer import read_description, write_repository
from replica.origins import Origin

PACKAGES = Path(__file__).with_name("packages.csv")
MARK = "Garner demo corpus"
KINDS = {downloads.PYTHON: "Python source distribution", downloads.NPM: "npm package"}
RULES = 1  # raise it when the same input gives other commits: everything is then written again

# fmt: off
OWNERS = tuple(f"demo-{tree}" for tree in (
    "alder", "apple", "ash", "aspen", "beech", "birch", "cedar", "cherry", "chestnut", "cypress", "ebony",
    "elder", "elm", "fir", "hawthorn", "hazel", "holly", "juniper", "larch", "laurel", "linden", "maple",
    "mulberry", "oak", "olive", "pine", "plum", "poplar", "rowan", "spruce", "walnut", "willow",
))
# fmt: on


def build(
    target: Path,
    sources: Iterable[Path] = (),
    *,
    packages: Path | None = PACKAGES,
    distributions: Iterable[metadata.Distribution] | None = None,
) -> list[str]:
    """Write the repositories under `target`; give the sorted `owner/name` of all of them.

    `packages` is the pinned list (None: nothing is fetched), `distributions` what to take in place of the
    installed ones. Raises InputError for a source that is no folder, a damaged archive, or a fetched file
    that is not the pinned one, and GitError where git fails.
    """
    target = Path(target).absolute()
    folders = [origin for path in sources for origin in origins.folder(Path(path))]
    written = {read_description(path): path for path in sorted(target.glob("*/*.git"))}
    fetched = [] if packages is None else _fetched(downloads.read_list(packages), target, written)
    installed = metadata.distributions() if distributions is None else distributions
    wanted = _places([*_with_installed(fetched, installed), *folders])
    stale = [place for place in wanted if written.get(_mark(wanted[place])) != target / place]
    _remove_others(target, written, wanted)
    with (
        Progress(len(stale), "corpus", "repositories") as progress,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        for _ in pool.map(lambda place: _write(target / place, wanted[place]), stale):
            progress.advance()
    log.info("%d repositories in %s, %d of them written now", len(wanted), target, len(stale))
    return sorted(place.removesuffix(".git") for place in wanted)


def _fetched(packages: list[downloads.Package], target: Path, written: dict) -> list[Origin]:
    """The packages whose repository is there already, or whose file could be had."""
    folder = target.parent / "downloads"
    known = {package: _package_origin(package, folder) for package in packages}
    missing = [package for package, origin in known.items() if _mark(origin) not in written]
    left_out = set(missing) - set(downloads.fetch(missing, folder)) if missing else set()
    return [origin for package, origin in known.items() if package not in left_out]


def _package_origin(package: downloads.Package, folder: Path) -> Origin:
    file, kind = folder / package.file_name, KINDS[package.registry]
    return origins.archive(file, package.name, package.version, package.sha256, kind)


def _with_installed(fetched: list[Origin], distributions: Iterable[metadata.Distribution]) -> list[Origin]:
    """Add the installed distributions, but for Garner itself and those whose source distribution is there."""
    taken = {_repository_name(origin.name) for origin in fetched if origin.kind == KINDS[downloads.PYTHON]}
    taken.add("garner")
    added = {}
    for distribution in distributions:
        name = _repository_name(distribution.name or "")
        if name not in taken and (origin := origins.installed(distribution)):
            taken.add(name)
            added[name] = origin
    return fetched + [added[name] for name in sorted(added)]


def _places(wanted: list[Origin]) -> dict[str, Origin]:
    """Map `owner/name.git` to its origin; the second origin of a name gets a number."""
    named: dict[str, Origin] = {}
    for origin in wanted:
        stem = name = _repository_name(origin.name)
        number = 1
        while name in named:
            number += 1
            name = f"{stem}-{number}"
        named[name] = origin
    return {f"{_owner(name)}/{name}.git": origin for name, origin in named.items()}


def _repository_name(name: str) -> str:
    return re.sub("[^a-z0-9.]+", "-", name.lower()).removesuffix(".git").strip("-.") or "unnamed"


def _owner(name: str) -> str:
    return OWNERS[int(sha256(name.encode()).hexdigest(), 16) % len(OWNERS)]


def _mark(origin: Origin) -> str:
    """What git's `description` file says of a repository that was written from this very input."""
    return f"{MARK} {RULES}: {origin.kind} {origin.name} {origin.version} {origin.key}"


def _remove_others(target: Path, written: dict[str | None, Path], wanted: dict[str, Origin]) -> None:
    """Only what carries our mark is ours to remove, and the halves that a killed call left."""
    ours = [path for mark, path in written.items() if mark and mark.startswith(MARK)]
    others = [path for path in ours if path.relative_to(target).as_posix() not in wanted]
    for path in others + list(target.glob("*/*.git.part")):
        shutil.rmtree(path)


def _write(path: Path, origin: Origin) -> None:
    tree = origin.read()
    message = f"{origin.name} {origin.version}\n\nOrigin: {origin.kind}\nLicence: {tree.licence}\n"
    write_repository(path, tree.files, message, _mark(origin))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m replica.corpus",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Then serve them: python -m replica --repositories TARGET",
    )
    parser.add_argument(
        "target", metavar="TARGET", type=Path, help="the folder that is to hold OWNER/NAME.git"
    )
    parser.add_argument(
        "--sources", metavar="DIR", type=Path, nargs="+", default=[], help="folders of sources"
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        build(arguments.target, arguments.sources)
    except GarnerError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
