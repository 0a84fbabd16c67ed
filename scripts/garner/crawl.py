"""The journal of a crawl, in sealed numbered parts, and the loop that asks, keeps and goes on.

What a request taught is appended to `open.jsonl` and is on the disk before the next request goes out. Grown
large, that file is sealed as `part-000001.jsonl.zst`, the next as `part-000002.jsonl.zst`. So a crawl that is
killed at any moment repeats at most the request in flight, and the rest of it (frontier, users seen, cursors)
is recovered from the journal alone. Whoever keeps an index of it notes the `Place` up to which that goes.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple, Protocol

import zstandard

from garner.errors import ConfigError, InputError, Interrupted
from garner.files import atomic, disk_full_is_named
from garner.jobs import stop_requested
from garner.logs import Progress

PART_BYTES = 8 * 2**20  # of JSON lines, before compression
FORMAT = 1
_PART = "part-{:06d}.jsonl.zst"
_encode = json.JSONEncoder(separators=(",", ":")).encode


class Place(NamedTuple):
    """Where a record stands in a journal: in which part, as which of its records (from 1), and its digest."""

    part: int
    record: int
    digest: str


class Entry(NamedTuple):
    """A record with where it stands."""

    part: int
    number: int
    line: bytes
    record: dict

    @property
    def place(self) -> Place:
        return Place(self.part, self.number, _digest(self.line))


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
        parts = self._parts()
        newest = [*parts, *self._opened()][-1:]
        lines = [line for path in newest for line in self._lines(path)]
        self._part = len(parts) + self._open.exists()  # the number of the part that holds the last record
        self._count = max(0, len(lines) - 1)  # records of it
        self._last = lines[-1] if lines else b""

    @property
    def place(self) -> Place | None:
        """Where the record stands that was appended last; None where there is none."""
        return Place(self._part, self._count, _digest(self._last)) if self._count else None

    def append(self, records: Iterable[dict]) -> None:
        """Keep what one request taught: on the disk when this returns. Raises DiskFullError."""
        lines = [*map(_line, records)]
        if not lines:
            return
        with disk_full_is_named(self._open), open(self._open, "ab") as file:
            is_new = file.tell() == 0
            file.writelines([_line(self._header), *lines] if is_new else lines)
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        if is_new:
            self._part, self._count = self._part + 1, 0
        self._count += len(lines)
        self._last = lines[-1].rstrip(b"\n")
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
        return (entry.record for entry in self.after(None))

    def after(self, place: Place | None) -> Iterator[Entry]:
        """What was appended after `place`; None stands for the beginning.

        Raises LookupError where this journal has another record there, or none.
        """
        files = [*self._parts(), *self._opened()]
        part, number = (place.part, place.record) if place else (1, 0)
        if place:
            lines = self._lines(files[part - 1]) if part <= len(files) else []
            if len(lines) <= number or _digest(lines[number]) != place.digest:
                raise LookupError(f"{self._folder} has no such record")
        return chain.from_iterable(
            self._entries(path, index, number if index == part else 0)
            for index, path in enumerate(files, start=1)
            if index >= part
        )

    def _recover(self) -> None:
        """Mend what a killed process left: a last line cut short, or lines sealed but not cleared away."""
        if not self._open.exists():
            return
        data = self._open.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        parts = self._parts()
        if whole.count(b"\n") < 2 or (parts and self._decompressed(parts[-1]) == data):
            self._open.unlink()
        elif len(whole) < len(data):
            os.truncate(self._open, len(whole))

    def _entries(self, path: Path, part: int, after: int) -> Iterator[Entry]:
        for number, line in enumerate(self._lines(path)[after + 1 :], start=after + 1):
            try:
                yield Entry(part, number, line, json.loads(line))
            except ValueError:
                raise self._unusable(path, "is damaged") from None

    def _lines(self, path: Path) -> list[bytes]:
        """The lines of a part or of the open file, the header first, which must be ours."""
        data = path.read_bytes() if path == self._open else self._decompressed(path)
        lines = data.splitlines()
        try:
            header = dict(json.loads(lines[0]))
        except (ValueError, TypeError, IndexError):
            raise self._unusable(path, "is damaged") from None
        if header != self._header:
            raise ConfigError(
                f"{self._folder} holds answers of {header.get('api')} (format {header.get('journal')}), but "
                f"the setting scrape.api is {self._header['api']}. Set it back, or forget the crawl: "
                f"{self._reset()}"
            )
        return lines

    def _opened(self) -> list[Path]:
        return [self._open] if self._open.exists() else []

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
    return _encode(record).encode() + b"\n"


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


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
