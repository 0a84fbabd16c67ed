"""What is asked of a classifier: documents of a Parquet, rows of a CSV, or files."""

import csv
import re
from collections.abc import Iterator
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from garner.csv_rows import read_rows
from garner.errors import InputError
from garner.files import open_parquet, read_parquet

_HTML = re.compile(r"\s*<(?:p|h\d|pre|[uod]l|blockquote|div|table|hr|br|img|a)\b[^<>]*>", re.IGNORECASE)
DOCUMENT = {"id": "string", "text": "string", "labels": r"list<\w+: string>"}  # types of its columns


class Question(NamedTuple):
    name: str  # of what is asked about
    content: Any  # as Classifier.predict takes it
    labels: tuple[str, ...] = ()  # where they are known
    note: str = ""  # why there is no content


def is_documents(inputs: list[Path]) -> bool:
    """Whether the inputs are one Parquet of documents."""
    return len(inputs) == 1 and is_parquet(inputs[0])


def is_parquet(path: Path) -> bool:
    return path.suffix.lower() == ".parquet"


def is_csv(path: Path) -> bool:
    return path.suffix.lower() == ".csv"


def count_documents(path: Path, **more: str) -> int:
    """The number of rows. InputError for a Parquet that lacks a column; `more` are types of further ones."""
    with open_parquet(path) as file:
        fields = {field.name: str(field.type).replace("large_", "") for field in file.schema_arrow}
        wanted = DOCUMENT | more
        wrong = [name for name, kind in wanted.items() if not re.fullmatch(kind, fields.get(name, ""))]
        if wrong:
            texts = " and ".join(name for name in wanted if name != "labels")
            raise InputError(
                f"{path} is no Parquet of documents: it lacks, or has with another type, {', '.join(wrong)}. "
                f"It needs {texts} (text) and labels (list of text)."
            )
        return file.metadata.num_rows


def documents(path: Path) -> Iterator[Question]:
    for row in read_parquet(path, columns=["id", "text", "labels"]):
        yield Question(str(row["id"]), row["text"] or "", tuple(row["labels"] or ()))


def users(path: Path, posts: int) -> Iterator[Question]:
    """The first `posts` documents of each user, whose documents are neighbours and have one group."""
    rows = read_parquet(path, columns=["text", "labels", "group"])
    for user, group in groupby(rows, itemgetter("group")):
        read = [(row["text"] or "", tuple(row["labels"] or ())) for row in islice(group, posts)]
        yield Question(str(user), [text for text, _ in read], read[0][1])


def rows_of(path: Path, code_lines: int | None) -> Iterator[Question]:
    """The questions of a CSV with the columns title and body, or text; named by the column id, or the row.

    A body in HTML, as a site's tables and API have it, is read as the sort stage reads it (garner.html_text).
    """
    header = _header(path)
    columns = ["text"] if "text" in header else ["title", "body"]
    named = ["id"] if "id" in header else []
    for number, (*name, first, last) in read_rows(path, [*named, columns[0], columns[-1]]):
        text = first if len(columns) == 1 else f"{first}\n\n{_plain(last, code_lines)}"
        yield Question(name[0] if name else f"{path}:{number}", text)


def _plain(body: str, code_lines: int | None) -> str:
    if not _HTML.match(body):
        return body
    from garner.html_text import to_text  # lxml, which plain questions do not need

    return to_text(body, {"code_lines": code_lines})


def user_of(path: Path, posts: int) -> Question:
    """The user whose posts are the rows of `@name.csv`, in the column text, the newest first."""
    name = path.stem.removeprefix("@")
    try:
        texts = (text for _, (text,) in read_rows(path, ["text"]))
        return Question(name, list(islice(filter(str.strip, texts), posts)))
    except InputError as error:
        return Question(name, [], note=f"unreadable: {error}")


def _header(path: Path) -> list[str]:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            return [name.strip() for name in next(csv.reader(file), [])]
    except (OSError, UnicodeDecodeError, csv.Error):
        return []  # read_rows says what is wrong
