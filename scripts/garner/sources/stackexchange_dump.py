"""The public data dump of a Stack Exchange site: its questions from Posts.xml, read as a stream.

The file may be plain, compressed with zstd (.zst), or within the site's .7z archive. Memory holds pieces of
it, whatever its size. What comes from outside is read within limits: no document type is accepted, and so no
entity that could expand, and no endless row.
https://meta.stackexchange.com/questions/2677/database-schema-documentation-for-the-public-data-dump-and-sede
"""

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import IO
from xml.parsers import expat

import zstandard

from garner.errors import InputError, MalformedError
from garner.sources.stackexchange_questions import from_row

PIECE = 2**18  # bytes read at once
LONGEST_ROW = 64 * 2**20  # bytes
QUESTION = "1"  # PostTypeId
UNPACKING = "unpacking"  # name of a thread
_ZSTD, _7Z = b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf\x27\x1c"


def read_questions(path: Path, site: str) -> Iterator[dict]:
    """The questions of a dump, in the order of their ids; for one that cannot be read, a failure {"id",
    "reason", "detail", "time"}.

    Raises InputError for a file that is missing, damaged or no dump, and for rows that are not in order.
    """
    last = -1
    for row in _rows(path):
        if row.get("PostTypeId") != QUESTION:
            continue
        number = int(row["Id"]) if row.get("Id", "").isdecimal() else None
        if number is None or number <= last:
            raise InputError(
                f"{path} has a row with Id {row.get('Id')!r} after {last}. Expected the Posts.xml of a "
                "public dump, which is sorted by Id."
            )
        last = number
        try:
            yield from_row(row, site)
        except MalformedError as error:
            yield {"id": number, "reason": error.reason, "detail": str(error), "time": None}


def _rows(path: Path) -> Iterator[dict[str, str]]:
    """The attributes of each <row>."""
    rows: list[dict[str, str]] = []
    parser = expat.ParserCreate()

    def on_element(name: str, attributes: dict[str, str]) -> None:
        if name == "row":
            rows.append(attributes)

    def on_doctype(*_: object) -> None:
        raise InputError(f"{path} declares a document type, which no dump does. It is not read.")

    parser.StartElementHandler = on_element
    parser.StartDoctypeDeclHandler = on_doctype
    with _open(path) as file:
        waiting = 0  # bytes since the last row
        ended = False
        while not ended:
            piece = file.read(PIECE)
            ended = not piece
            try:
                parser.Parse(piece, ended)
            except expat.ExpatError as error:
                raise InputError(f"{path} is no whole Posts.xml ({error}). Fetch it again.") from None
            waiting = 0 if rows else waiting + len(piece)
            if waiting > LONGEST_ROW:
                raise InputError(f"{path} has more than {LONGEST_ROW >> 20} MiB in one row. It is not read.")
            yield from rows
            rows.clear()


@contextmanager
def _open(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of Posts.xml; InputError where the file cannot be read."""
    try:
        with ExitStack() as stack:
            file = stack.enter_context(open(path, "rb"))
            head = file.read(6)
            file.seek(0)
            if head == _7Z:
                file.close()
                file = stack.enter_context(_open_7z(path))
            elif head.startswith(_ZSTD):
                # A dump that was compressed in parallel has several frames.
                file = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
            yield file
    except OSError as error:
        raise InputError(
            f"{path}, the setting scrape.dump, can't be read: {error.strerror or error}."
        ) from None
    except zstandard.ZstdError as error:
        raise InputError(f"{path} is damaged ({error}). Fetch it again.") from None


@contextmanager
def _open_7z(path: Path) -> Iterator[IO[bytes]]:
    """Posts.xml within an archive, unpacked into a pipe by a thread, as it is read."""
    read_end, write_end = os.pipe()
    with ThreadPoolExecutor(1, UNPACKING) as pool, open(read_end, "rb") as source:
        unpacking = pool.submit(_unpack, path, write_end)
        try:
            yield source
        except InputError:
            if (error := _failure(unpacking)) is None:
                raise
            # The half that came is no XML, but the reason is that only a half came.
            raise error from None
        finally:
            source.close()  # so that the thread ends, if it is still writing
    if error := _failure(unpacking):
        raise error


def _unpack(path: Path, write_end: int) -> None:
    """Write Posts.xml into the pipe. Raises InputError, and BrokenPipeError where nobody reads on."""
    import py7zr
    from py7zr.io import Py7zIO, WriterFactory

    class Pipe(Py7zIO, WriterFactory):
        def create(self, filename: str) -> "Pipe":
            return self

        def write(self, piece: bytes) -> int:
            return sink.write(piece)

        def read(self, size: int | None = None) -> bytes:
            return b""

        def seek(self, offset: int, whence: int = 0) -> int:
            return 0

        def flush(self) -> None:
            pass

        def size(self) -> int:
            return 0

    with open(write_end, "wb") as sink:
        try:
            with py7zr.SevenZipFile(path) as archive:
                names = [name for name in archive.getnames() if PurePosixPath(name).name == "Posts.xml"]
                if len(names) != 1:
                    raise InputError(f"{path} holds {len(names)} files Posts.xml. Expected a site's archive.")
                archive.extract(targets=names, factory=Pipe())
        except (py7zr.exceptions.ArchiveError, LZMAError, EOFError, ValueError) as error:
            raise InputError(f"{path} is damaged or no 7z archive ({error}). Fetch it again.") from None


def _failure(unpacking: Future) -> InputError | None:
    error = unpacking.exception()
    if isinstance(error, BrokenPipeError):
        return None
    if error is not None and not isinstance(error, InputError):
        raise error
    return error
