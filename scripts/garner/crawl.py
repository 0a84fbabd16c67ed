"""The journal of a crawl, in sealed numbered parts, and the loop that asks, keeps and goes on.

What a request taught is appended to `open.jsonl` and is on the disk before the next request goes out. Grown
large, that file is sealed as `part-000001.jsonl.zst`, the next as `part-000002.jsonl.zst`. So a crawl that is
killed at any moment repeats at most the request in flight, and the rest of it (frontier, users seen, cursors)
is recovered from the journal alone.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

import zstandard

from garner.errors import ConfigError, InputError, Interrupted
from garner.files import atomic, disk_full_is_named
from garner.jobs import stop_requested
from garner.logs import Progress

PART_BYTES = 8 * 2**20  # of JSON lines, before compression
FORMAT = 1
_PART = "part-{:06d}.jsonl.zst"


class Journal:
    """An append-only list of records (JSON objects) in `folder`, bound to the API that they came from.

    Each part opens with a line that names the format and the API. One process at a time may use a folder: the
    caller holds its lock (garner.jobs.lock).
    """

    def __init__(self, folder: Path, api: str):
        self._folder = folder
        self._header = {"journal": FORMAT, "api": api}
        self._open = folder / "open.jsonl"
        with disk_full_is_named(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._recover()

    def append(self, records: Iterable[dict]) -> None:
        """Keep what one request taught: on the disk when this returns. Raises DiskFullError."""
        with disk_full_is_named(self._open), open(self._open, "ab") as file:
            if file.tell() == 0:
                file.write(_line(self._header))
            file.writelines(map(_line, records))
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        if size >= PART_BYTES:
            self.seal()

    def seal(self) -> None:
        """Turn what was appended since the last part into a part."""
        if self._open.exists():
            compressor = zstandard.ZstdCompressor(10, write_checksum=True)
            with atomic(self._folder / _PART.format(len(self._parts()) + 1)) as part:
                part.write_bytes(compressor.compress(self._open.read_bytes()))
            self._open.unlink()

    def __iter__(self) -> Iterator[dict]:
        """All records, in the order in which they were appended. Raises InputError for a damaged part."""
        for path in self._parts():
            yield from self._records(path, self._decompressed(path))
        if self._open.exists():
            yield from self._records(self._open, self._open.read_bytes())

    def _recover(self) -> None:
        """Mend what a killed process left: a last line cut short, or lines sealed but not cleared away."""
        if not self._open.exists():
            return
        data = self._open.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        parts = self._parts()
        if not whole or (parts and self._decompressed(parts[-1]) == data):
            self._open.unlink()
        elif len(whole) < len(data):
            os.truncate(self._open, len(whole))

    def _records(self, path: Path, data: bytes) -> Iterator[dict]:
        try:
            header, *records = map(json.loads, data.splitlines())
        except ValueError:
            raise self._unusable(path, "is damaged") from None
        if header != self._header:
            raise ConfigError(
                f"{self._folder} holds answers of {header.get('api')} (format {header.get('journal')}), but "
                f"the setting scrape.api is {self._header['api']}. Set it back, or forget the crawl: "
                f"{self._reset()}"
            )
        yield from records

    def _decompressed(self, part: Path) -> bytes:
        try:
            return zstandard.ZstdDecompressor().decompress(part.read_bytes())
        except zstandard.ZstdError:
            raise self._unusable(part, "is damaged") from None

    def _parts(self) -> list[Path]:
        parts = sorted(self._folder.glob("part-*.jsonl.zst"))
        for number, part in enumerate(parts, start=1):
            if part.name != _PART.format(number):
                raise self._unusable(self._folder / _PART.format(number), "is missing")
        return parts

    def _unusable(self, part: Path, why: str) -> InputError:
        return InputError(f"{part} {why}. Restore it, or forget the crawl: {self._reset()}")

    def _reset(self) -> str:
        return f"make reset STUDY={self._folder.parent.name} STAGE={self._folder.name}"


def _line(record: dict) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


class Frontier(Protocol):
    """What is known of a crawl and what it still has to ask: all of it follows from the records."""

    done: int  # items of which everything is known
    known: int  # items that the crawl has heard of
    total: int | None  # items at which it ends, as far as can be told
    finished: bool

    def open_pages(self) -> Iterator:
        """What to ask for next, in order."""

    def learn(self, record: dict) -> None:
        """Take in one record. May raise a GarnerError where it shows that the crawl is vain."""


def walk(
    frontier: Frontier,
    fetch: Callable[[Iterator], list[dict]],
    journal: Journal,
    unit: str,
    note: Callable[[], str],
) -> None:
    """Ask until nothing is left to ask. `fetch` sends one request for the first of the pages it is given.

    Raises what `fetch` does, DiskFullError, and Interrupted when asked to stop; what was learned is kept.
    """
    begin = frontier.done
    left = None if frontier.total is None else frontier.total - begin
    with Progress(left, "scrape", unit) as progress:
        while not frontier.finished:
            if stop_requested():
                raise Interrupted("stopped on request. Nothing is lost: run the same command again to go on.")
            records = fetch(frontier.open_pages())
            journal.append(records)
            for record in records:
                frontier.learn(record)
            progress.advance(frontier.done - begin - progress.done, f"{frontier.known:,} known, {note()}")
    journal.seal()
