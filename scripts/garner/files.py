"""Writing files so that they are whole or not there, and reading what others wrote.

A file is *sealed*: written to `NAME.part`, flushed to disk, then renamed, so that a reader, a crash or a full
disk never sees a half of it.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from garner.errors import DiskFullError, GarnerError, InputError

GROUP_BYTES = 32 * 2**20  # of text in a group of rows of a Parquet
_CURE = "If it is a result, delete it and run the same command again."
_NOT_ALLOWED = {errno.EROFS, errno.EACCES, errno.EPERM}
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def atomic(path: Path | str) -> Iterator[Path]:
    """Yield `NAME.part` to write to; on success it becomes `path`, on failure it is removed.

    Works for a file and for a folder (which the caller makes at the yielded path). Raises DiskFullError.
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    with disk_full_is_named(path):
        _make_folder(path.parent)
        _remove(part)
        try:
            yield part
            _flush(part)
            _put(part, path)
        except BaseException:
            _remove(part)
            raise


@contextmanager
def disk_full_is_named(path: Path) -> Iterator[None]:
    """Turn the system's ENOSPC, EDQUOT or EFBIG into a DiskFullError that names `path`.

    GarnerError where it may not be written at all.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _NOT_ALLOWED:
            raise GarnerError(
                f"{error.filename or path} can't be written ({error.strerror}). Make its folder writable for "
                "you and run the same command again: it goes on where it stopped."
            ) from None
        if error.errno not in _NO_SPACE:
            raise
        raise DiskFullError(
            f"no space left to write {path} ({error.strerror}). Free some space there and run the same "
            "command again: it goes on where it stopped."
        ) from None


def write_text(path: Path | str, text: str) -> None:
    with atomic(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path: Path | str, value: object) -> None:
    """Sorted keys, indented: equal values give equal bytes, and a diff reads well."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def read_json(path: Path | str) -> object:
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} is not there.") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no JSON ({error}). {_CURE}") from None


def write_parquet(path: Path | str, rows: Iterable[dict], schema, rows_per_group: int = 1000) -> int:
    """Write dictionaries as a zstd-compressed Parquet of `schema` (pyarrow) in bounded memory.

    A group of rows ends early where its texts have GROUP_BYTES together. Returns the number of rows. Equal
    rows give equal bytes: no time stamp enters the file.
    """
    import pyarrow
    import pyarrow.parquet

    count = size = 0
    with (
        atomic(path) as part,
        pyarrow.parquet.ParquetWriter(part, schema, compression="zstd") as writer,
    ):
        group: list[dict] = []

        def flush() -> None:
            nonlocal size
            size = 0
            if group:
                writer.write_table(pyarrow.Table.from_pylist(group, schema=schema))
                group.clear()

        for row in rows:
            group.append(row)
            count += 1
            size += sum(len(value) for value in row.values() if isinstance(value, str | bytes | list))
            if len(group) >= rows_per_group or size >= GROUP_BYTES:
                flush()
        flush()
    return count


def read_parquet(path: Path | str, columns: list[str] | None = None) -> Iterator[dict]:
    """Stream the rows of a Parquet as dictionaries; InputError names a file that is missing or damaged."""
    with open_parquet(path) as file:
        for batch in file.iter_batches(batch_size=256, columns=columns):
            yield from batch.to_pylist()


@contextmanager
def open_parquet(path: Path | str) -> Iterator:
    """A `pyarrow.parquet.ParquetFile`, open; InputError names a file that is missing or damaged."""
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            yield file
    except FileNotFoundError:
        raise InputError(f"{path} is not there.") from None
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no readable Parquet ({error}). {_CURE}") from None


def sha256(path: Path | str) -> str:
    """Hexadecimal digest of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of(value: object) -> str:
    """Hexadecimal digest of a JSON value, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _make_folder(folder: Path) -> None:
    """Make `folder` and its parents, each flushed as what it is: an entry in the folder above it."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        _flush_entry(path.parent)


def _flush(path: Path) -> None:
    """The contents first, then the folders that name them."""
    for file in [*sorted(path.rglob("*"), reverse=True), path] if path.is_dir() else [path]:
        _flush_entry(file)


def _put(part: Path, path: Path) -> None:
    """Rename `part` to `path`; a folder can't be renamed over another, so the former is set aside whole."""
    former = path.with_name(path.name + ".old") if path.is_dir() else None
    if former:
        _remove(former)
        os.replace(path, former)
    os.replace(part, path)
    _flush_entry(path.parent)
    if former:  # where NFS keeps a file that is still read on this host, the next one to seal removes it
        shutil.rmtree(former, ignore_errors=True)


def _flush_entry(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
