"""Reading the members of a fetched archive, in memory: nothing is unpacked to disk, and nothing is run.

A tar (plain, gzip, bzip2, xz) or zip may come from anyone. Links, devices and paths that would leave the
archive are passed over; damage, or more than LIMIT_BYTES or LIMIT_MEMBERS, is an InputError.
"""

import bz2
import gzip
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from garner.errors import InputError

LIMIT_BYTES = 512 * 1024**2  # unpacked
LIMIT_MEMBERS = 100_000
LIMIT_PATH = 1024  # characters

_COMPRESSED = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\0", lzma.open))
# zipfile raises NotImplementedError for an odd compression, RuntimeError for an encrypted member.
_DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
)


def read_archive(path: Path, largest: int) -> dict[str, bytes]:
    """Map each ordinary file of at most `largest` bytes to its content, without the folder that all share.

    Raises InputError, naming the archive, where it is damaged or beyond the limits.
    """
    try:
        members = _zip_members if zipfile.is_zipfile(path) else _tar_members
        files = {name: data for name, data in members(path, largest) if is_plain_path(name)}
    except _DAMAGED as error:
        raise InputError(f"{path} is no readable tar or zip ({error}). Delete it and run again.") from None
    return _without_common_folder(files)


def is_plain_path(name: str) -> bool:
    """Whether a path is relative, printable, not too long, and stays where it is put (no `..`, no `.git`)."""
    if len(name) > LIMIT_PATH or not name.isprintable() or "\\" in name:
        return False
    return not any(part in ("", ".", "..") or part.lower() in (".git", "git~1") for part in name.split("/"))


def _tar_members(path: Path, largest: int) -> Iterator[tuple[str, bytes]]:
    # As a stream, and counted, headers too: a few kilobytes can unpack to terabytes.
    with _decompressed(path) as file, tarfile.open(fileobj=_Counted(file, path), mode="r|") as archive:
        for count, member in enumerate(archive):
            _check_count(count, path)
            if member.isreg() and 0 < member.size <= largest:
                yield member.name.removeprefix("./"), archive.extractfile(member).read()


def _decompressed(path: Path) -> IO[bytes]:
    with open(path, "rb") as file:
        head = file.read(6)
    return next((opener(path) for magic, opener in _COMPRESSED if head.startswith(magic)), None) or open(
        path, "rb"
    )


def _zip_members(path: Path, largest: int) -> Iterator[tuple[str, bytes]]:
    left = LIMIT_BYTES
    with zipfile.ZipFile(path) as archive:
        for count, member in enumerate(archive.infolist()):
            _check_count(count, path)
            kind = stat.S_IFMT(member.external_attr >> 16)  # 0 where another system than Unix wrote it
            if kind in (0, stat.S_IFREG) and not member.is_dir() and 0 < member.file_size <= largest:
                data = archive.read(member)
                left -= len(data)
                if left < 0:
                    raise _too_large(path)
                yield member.filename, data


def _check_count(count: int, path: Path) -> None:
    if count >= LIMIT_MEMBERS:
        raise InputError(
            f"{path} holds more than {LIMIT_MEMBERS:,} members. Take it off the list of packages."
        )


def _too_large(path: Path) -> InputError:
    return InputError(f"{path} unpacks to more than {LIMIT_BYTES:,} bytes. Take it off the list of packages.")


class _Counted:
    """A reader that refuses to give more than LIMIT_BYTES."""

    def __init__(self, file: IO[bytes], path: Path):
        self._file, self._path, self._left = file, path, LIMIT_BYTES

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise _too_large(self._path)
        return data


def _without_common_folder(files: dict[str, bytes]) -> dict[str, bytes]:
    tops = {name.split("/", 1)[0] for name in files}
    if len(tops) != 1 or tops & files.keys():
        return files
    return {name.split("/", 1)[1]: data for name, data in files.items()}
