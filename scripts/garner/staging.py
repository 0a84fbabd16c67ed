"""Copies of a job's input on its node's own disk: a shared file system is slow to read in many pieces."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from garner.errors import GarnerError
from garner.logs import log

ROOM = 2  # times the size of the copies that must be free, since others use the disk as well


@contextmanager
def staged(*folders: Path) -> Iterator[list[Path]]:
    """Copies of `folders` in the job's temporary folder (TMPDIR), which are removed at the end.

    Only in a job on a cluster, which has GARNER_RECORD in its environment; elsewhere, and where there is no
    room, the folders themselves. A GarnerError that names a copy is made to name its original.
    """
    if "GARNER_RECORD" not in os.environ:
        yield list(folders)
        return
    with tempfile.TemporaryDirectory(prefix="garner-", ignore_cleanup_errors=True) as place:
        try:
            yield _copies(folders, Path(place)) or list(folders)
        except GarnerError as error:
            error.args = (str(error).replace(f"{place}/", folders[0].anchor),)
            raise


def _copies(folders: tuple[Path, ...], place: Path) -> list[Path]:
    """The copies, each under its own path below `place`; none, and the reason in the log, without room."""
    size = sum(file.lstat().st_size for folder in folders for file in folder.rglob("*"))
    free = shutil.disk_usage(place).free
    if free < ROOM * size:
        log.info(
            "input: read where it lies, as %s has %s MB free, too few for %s MB and others",
            *(place.parent, f"{free / 1e6:,.0f}", f"{size / 1e6:,.0f}"),
        )
        return []
    try:
        copies = [
            Path(shutil.copytree(folder, place / folder.relative_to(folder.anchor))) for folder in folders
        ]
    except OSError as error:
        log.info("input: read where it lies, as it can't be copied to %s (%s)", place.parent, error)
        return []
    log.info("input: read from a copy of %s MB in %s", f"{size / 1e6:,.0f}", place.parent)
    return copies
