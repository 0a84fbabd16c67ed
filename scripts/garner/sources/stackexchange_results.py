"""The results of scraping Stack Exchange: documents sorted by question id, and what could not be had."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from garner.document import write_documents
from garner.errors import DiskFullError, InputError
from garner.files import write_json
from garner.logs import log
from garner.sources.stackexchange_questions import document, document_id

_ALL = "SELECT record FROM question ORDER BY id"
_OLDEST = """
    SELECT record FROM question WHERE id IN (SELECT id FROM question ORDER BY created, id LIMIT ?) ORDER BY id
"""
_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}


def write_results(
    outputs: dict[str, Path], questions: Iterable[dict], failures: Iterable[dict], site: str
) -> None:
    """Seal `documents` and `failures`. `questions` are sorted by id, each there once; `failures` may name one
    several times, the last one counts. Raises InputError where there is no question at all."""
    count = write_documents(outputs["documents"], _refuse_none(document(each, site) for each in questions))
    log.info("scrape: %s questions of %s", f"{count:,}", site)
    rows = {each["id"]: _row(each, site) for each in failures}
    write_json(outputs["failures"], [rows[number] for number in sorted(rows)])
    for reason, number in sorted(Counter(row["reason"] for row in rows.values()).items()):
        log.warning("scrape: %d questions could not be had: %s", number, reason)


@contextmanager
def sorted_by_id(questions: Iterable[dict], path: Path, limit: int | None) -> Iterator[Iterator[dict]]:
    """The questions by id, each once, the oldest `limit` of them: sorted in a file `path`, in bounded memory.

    The file is removed at the end. Raises DiskFullError.
    """
    path.unlink(missing_ok=True)  # of a killed run
    try:
        # Nobody else uses the file, and a file system over the network may have no locks to offer.
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?nolock=1", uri=True)) as table:
            for pragma in ("journal_mode=OFF", "synchronous=OFF"):
                table.execute(f"PRAGMA {pragma}")
            table.execute("CREATE TABLE question (id INTEGER PRIMARY KEY, created INTEGER, record TEXT)")
            table.executemany(
                "INSERT OR IGNORE INTO question VALUES (?, ?, ?)",
                ((each["id"], each["created"], json.dumps(each)) for each in questions),
            )
            rows = table.execute(_ALL if limit is None else _OLDEST, () if limit is None else (limit,))
            yield (json.loads(record) for (record,) in rows)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in _FULL:
            raise
        raise DiskFullError(
            f"no space left to write {path} ({error}). Free some space there and run the same command again: "
            "it goes on where it stopped."
        ) from None
    finally:
        path.unlink(missing_ok=True)


def _refuse_none(documents: Iterator) -> Iterator:
    """The documents; InputError where there is none, before anything is written."""
    empty = True
    for each in documents:
        empty = False
        yield each
    if empty:
        raise InputError(
            "not one question was found. Check the settings scrape.site, from_date, to_date, "
            "stop_after.date, questions_file and exclude."
        )


def _row(failure: dict, site: str) -> dict:
    return {
        "item": document_id(site, failure["id"]),
        "reason": failure["reason"],
        "detail": failure["detail"],
        "time": failure["time"],
    }
