"""The clone stage: read the source files of one batch of repositories."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow

from garner.clone_store import CloneStore, path_text, write_files
from garner.errors import GitError, Interrupted
from garner.files import disk_full_is_named, read_parquet, write_json
from garner.git import shallow_clone
from garner.http.credentials import read_tokens
from garner.jobs import stop_requested
from garner.logs import Progress, log

UNREACHABLE_IN_A_ROW = 3  # after so many the fault is not the repositories'
_NETWORK = {"network", "timeout", "unreachable"}
_SCHEMA = pyarrow.schema(
    [
        ("repository", pyarrow.string()),
        ("commit", pyarrow.string()),
        ("path", pyarrow.string()),
        ("size", pyarrow.int64()),
        ("licence", pyarrow.string()),
        ("bytes", pyarrow.binary()),
    ]
)


def clone_batch(
    selection: Path,
    batch: int,
    outputs: dict[str, Path],
    state: Path,
    settings: dict,
    extensions: list[str],
    tokens: Path | str | None,
) -> None:
    """Clone the repositories of `selection` that have this batch number, and write what was read of them.

    outputs["files"]: repository, commit, path (see `path_text`), size in bytes, licence, bytes; sorted by
    repository and path. outputs["failures"]: [{repository, reason, detail, retry}]. Each repository is sealed
    in `state` (several batches may share one) once it is read; those whose failure a later run can mend are
    tried again. `extensions` are endings with a dot, or whole names. `tokens` is a file of tokens, or None.
    Raises GitError where no host can be reached, DiskFullError, CredentialsError, Interrupted.
    """
    rows = [row for row in read_parquet(selection) if row["batch"] == batch]
    rows.sort(key=lambda row: row["repository"])
    addresses = {row["repository"]: row["clone_url"] for row in rows}
    store = CloneStore(state / "repositories", settings, extensions, addresses)
    token = read_tokens(tokens)[0].secret if tokens else None
    folder = state / "clones" / str(batch)
    with disk_full_is_named(folder):
        if folder.exists():
            shutil.rmtree(folder)  # of a job that was killed
        waiting = [row for row in rows if not store.is_done(row["repository"])]
        _clone_all(waiting, store, folder, settings, token)
        broken = [row for row in waiting if _reason(store, row) == "network"]
        _clone_all(broken, store, folder, settings, token)
    failures = [failure for row in rows if (failure := store.failure(row["repository"]))]
    _refuse_to_fail_everywhere(rows, failures)
    write_json(outputs["failures"], failures)
    count = write_files(outputs["files"], _files(rows, store), _SCHEMA)
    kept = len(rows) - len(failures)
    log.info("clone: %s files of %s repositories; %s failed", f"{count:,}", kept, len(failures))
    if again := sum(failure["retry"] for failure in failures):
        log.info("%d of these may do another time: snakemake --forcerun clone_batch", again)


def _clone_all(rows: list[dict], store: CloneStore, folder: Path, settings: dict, token: str | None) -> None:
    unreachable = 0
    with Progress(len(rows), "clone", "repositories") as progress:
        for row in rows:
            _stop_if_asked()
            try:
                _clone(row, store, folder, settings, token)
                unreachable = 0
            except GitError as error:
                store.fail(row["repository"], error)
                log.warning("%s: %s (%s)", row["repository"], error, error.reason)
                unreachable = unreachable + 1 if error.reason == "unreachable" else 0
            if unreachable == UNREACHABLE_IN_A_ROW:
                raise _no_network(row, unreachable)
            progress.advance()


def _clone(row: dict, store: CloneStore, folder: Path, settings: dict, token: str | None) -> None:
    total_bytes = settings["maximum_repository_mib"] * 2**20
    with shallow_clone(
        row["clone_url"],
        folder,
        blob_bytes=settings["maximum_file_bytes"],
        total_bytes=total_bytes,
        seconds=settings["timeout_minutes"] * 60,
        token=token,
        check=_stop_if_asked,
    ) as clone:
        found = clone.files(store.may_hold_source, settings["maximum_files"])
        sizes = clone.sizes([blob for _, blob in found])
        read = [
            (path_text(path), blob, size)
            for (path, blob), size in zip(found, sizes, strict=True)
            if size is not None and size <= settings["maximum_file_bytes"]
        ]
        if (size := sum(size for *_, size in read)) > total_bytes:
            raise GitError(f"more than {total_bytes / 2**20:,.4g} MiB to read", "too_large", False)
        read.sort()
        contents = clone.contents([blob for _, blob, _ in read])
        files = ((path, content) for (path, *_), content in zip(read, contents, strict=True))
        store.keep(row["repository"], clone.commit, files, len(found), size)


def _files(rows: list[dict], store: CloneStore) -> Iterator[dict]:
    for row in rows:
        if store.is_kept(row["repository"]):
            for file in store.files(row["repository"]):
                origin = {"repository": row["repository"], "licence": row["licence"]}
                yield file | origin | {"size": len(file["bytes"])}


def _refuse_to_fail_everywhere(rows: list[dict], failures: list[dict]) -> None:
    """A batch that is empty for want of a network is no result."""
    reasons = {failure["reason"] for failure in failures}
    enough = "unreachable" in reasons or len(failures) >= UNREACHABLE_IN_A_ROW
    if rows and len(failures) == len(rows) and reasons <= _NETWORK and enough:
        raise _no_network(rows[-1], len(rows))


def _no_network(row: dict, count: int) -> GitError:
    host = urlsplit(row["clone_url"]).netloc
    return GitError(
        f"None of {count} repositories in a row could be cloned from {host}. Check the network (and the "
        "proxy, if there is one), then run the same command again: it goes on where it stopped.",
        "unreachable",
        True,
    )


def _reason(store: CloneStore, row: dict) -> str | None:
    failure = store.failure(row["repository"])
    return failure and failure["reason"]


def _stop_if_asked() -> None:
    if stop_requested():
        raise Interrupted("stopped on request. What was cloned is kept: run the same command again to go on.")
