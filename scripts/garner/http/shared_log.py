"""A small file of JSON lines that jobs on several machines append to and read under a lock.

The lock is on the file itself, which is written in place and never replaced: that is what makes a network
file system read it anew for each holder of the lock. Each line carries its checksum, since a kill may cut one
short, or leave the end of the old file behind a rewritten one.
"""

import errno
import fcntl
import json
import os
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from garner.files import disk_full_is_named


class SharedLog:
    """The file `path`, made where it is missing; None for one that no other job can see."""

    def __init__(self, path: Path | None):
        self._path = path or Path(tempfile.gettempdir())
        self._seen = b""  # what was read of the file
        with disk_full_is_named(self._path):
            if path is None:
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - open as long as the job
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._file = open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0)  # noqa: SIM115

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep all other jobs waiting. Raises DiskFullError, or GarnerError where writing is forbidden."""
        with disk_full_is_named(self._path):
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def read(self) -> tuple[list, bool]:
        """The values that were appended since the last call; all, and True, where the file was rewritten."""
        data = os.pread(self._file.fileno(), self._size(), 0)
        anew = not data.startswith(self._seen)
        lines = data[0 if anew else len(self._seen) :].split(b"\n")
        self._seen = data
        return [json.loads(line[9:]) for line in lines if line[:8] == _checksum(line[9:])], anew

    def append(self, value: object) -> None:
        self._write(_line(value), self._size())

    def rewrite(self, values: Iterable) -> None:
        """Replace all values; killed amid it, the file holds some of the new ones and the last of the old."""
        data = b"".join(map(_line, values))
        self._write(data, 0)
        self._file.truncate(len(data))

    def _size(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    def _write(self, data: bytes, place: int) -> None:
        if os.pwrite(self._file.fileno(), data, place) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _line(value: object) -> bytes:
    """It begins with the end of the line before, which a kill may have cut short."""
    text = json.dumps(value, separators=(",", ":")).encode()
    return b"\n" + _checksum(text) + b" " + text


def _checksum(text: bytes) -> bytes:
    return b"%08x" % zlib.crc32(text)
