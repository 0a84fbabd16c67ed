r"""What was read of each repository, sealed in a file of its own, so that no run clones it again.

Under the store's folder, by the hash of the address it is cloned from (a name is no path, and a repository of
another server may have the same):

    ab/ab12….parquet   path, bytes by path; metadata: commit and what shaped the file
    ab/ab12….json      why it could not be read, and under which limits
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow
import pyarrow.parquet

from garner.errors import GitError, InputError
from garner.files import atomic, read_json, write_json
from garner.logs import log

GROUP_BYTES = 8 * 2**20  # of file contents in a row group, which is read and written as one
_SCHEMA = pyarrow.schema([("path", pyarrow.string()), ("bytes", pyarrow.binary())])
_CONTROL = re.compile("[\x00-\x1f\x7f]")


def path_text(path: bytes) -> str:
    r"""A path of any bytes as text. Bytes that are no UTF-8, control characters and `\` stand as `\xNN`."""
    text = path.replace(b"\\", b"\\x5c").decode("utf-8", "backslashreplace")
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


class CloneStore:
    """The sealed repositories under `folder`, as `settings` (the clone stage's) and `extensions` want them.

    `addresses`: repository → where it is cloned from.

    What was sealed under other settings counts where it holds all that these ask for.
    """

    def __init__(self, folder: Path, settings: dict, extensions: list[str], addresses: dict[str, str]):
        self._folder = folder
        self._addresses = addresses
        self._settings = settings
        self._extensions = sorted(extensions)
        self._endings = tuple(ending for ending in extensions if ending.startswith("."))
        self._names = {name.lower() for name in extensions if not name.startswith(".")}
        limits = ("maximum_file_bytes", "maximum_repository_mib", "maximum_files")
        self._limits = {key: settings[key] for key in limits} | {"extensions": self._extensions}

    def may_hold_source(self, path: bytes) -> bool:
        """Whether a file is worth reading: its name ends as asked for, or its first line may be `#!`."""
        name = _file_name(path_text(path))
        return self._is_named(name) or "." not in name

    def is_kept(self, repository: str) -> bool:
        """Whether its files are sealed."""
        shape = self._shape(repository)
        return (
            shape is not None
            and set(shape["extensions"]) >= set(self._extensions)
            and shape["maximum_file_bytes"] >= self._settings["maximum_file_bytes"]
            and shape["files"] <= self._settings["maximum_files"]
            and shape["bytes"] <= self._settings["maximum_repository_mib"] * 2**20
        )

    def is_done(self, repository: str) -> bool:
        """Whether another clone would be in vain: its files are sealed, or it failed for good."""
        failure = self.failure(repository)
        return self.is_kept(repository) or (failure is not None and not failure["retry"])

    def keep(
        self, repository: str, commit: str, files: Iterable[tuple[str, bytes]], count: int, size: int
    ) -> None:
        """Seal (path, content) in their order. `count` and `size` (bytes) are what was read for them."""
        shape = {
            "commit": commit,
            "extensions": self._extensions,
            "maximum_file_bytes": self._settings["maximum_file_bytes"],
            "files": count,
            "bytes": size,
        }
        rows = ({"path": path, "bytes": content} for path, content in files if self._is_source(path, content))
        schema = _SCHEMA.with_metadata({"garner": json.dumps(shape)})
        write_files(self._path(repository, "parquet"), rows, schema)
        self._path(repository, "json").unlink(missing_ok=True)

    def fail(self, repository: str, error: GitError) -> None:
        """Note why a repository could not be read."""
        failure = {
            "repository": repository,
            "reason": error.reason,
            "detail": str(error),
            "retry": error.retry,
        }
        write_json(self._path(repository, "json"), {"failure": failure, "limits": self._limits})

    def failure(self, repository: str) -> dict | None:
        """{repository, reason, detail, retry} of the last attempt under these limits, if it failed."""
        path = self._path(repository, "json")
        if self.is_kept(repository) or not path.exists():
            return None
        noted = read_json(path)
        return noted["failure"] if noted["limits"] == self._limits else None

    def files(self, repository: str) -> Iterator[dict]:
        """{path, bytes, commit} of a kept repository, by path."""
        commit = self._shape(repository)["commit"]
        path = self._path(repository, "parquet")
        try:
            with pyarrow.parquet.ParquetFile(path) as file:
                for group in range(file.num_row_groups):
                    for row in file.read_row_group(group, use_threads=False).to_pylist():
                        if self._is_source(row["path"], row["bytes"]):
                            yield row | {"commit": commit}
        except (pyarrow.ArrowException, OSError) as error:
            raise InputError(
                f"{path}, which keeps {repository}, is damaged ({error}). Delete it and run the same command "
                "again."
            ) from None

    def _is_source(self, path: str, content: bytes) -> bool:
        name = _file_name(path)
        wanted = self._is_named(name) or ("." not in name and content.startswith(b"#!"))
        return wanted and len(content) <= self._settings["maximum_file_bytes"]

    def _is_named(self, name: str) -> bool:
        return name.endswith(self._endings) or name in self._names

    def _shape(self, repository: str) -> dict | None:
        path = self._path(repository, "parquet")
        try:
            return json.loads(pyarrow.parquet.read_schema(path).metadata[b"garner"])
        except FileNotFoundError:
            return None
        except (pyarrow.ArrowException, OSError) as error:
            log.warning("%s, which keeps %s, is damaged (%s): to be cloned again", path, repository, error)
            return None

    def _path(self, repository: str, ending: str) -> Path:
        key = hashlib.sha256(self._addresses[repository].encode()).hexdigest()
        return self._folder / key[:2] / f"{key}.{ending}"


def write_files(path: Path, rows: Iterable[dict], schema: pyarrow.Schema) -> int:
    """Seal rows that hold a file's `bytes` as Parquet, GROUP_BYTES in memory; returns how many."""
    count, size, group = 0, 0, []
    with atomic(path) as part, pyarrow.parquet.ParquetWriter(part, schema, compression="zstd") as writer:
        for row in rows:
            group.append(row)
            count, size = count + 1, size + len(row["bytes"])
            if size >= GROUP_BYTES:
                writer.write_table(pyarrow.Table.from_pylist(group, schema))
                size, group = 0, []
        if group:
            writer.write_table(pyarrow.Table.from_pylist(group, schema))
    return count


def _file_name(path: str) -> str:
    return path.rsplit("/", 1)[-1].lower()
