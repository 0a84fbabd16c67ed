"""Rows of a CSV that people made: UTF-8 with or without a byte order mark, commas, quotes where needed."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from garner.errors import InputError

LONGEST = 16 * 2**20  # characters in a field; the module csv has 131,072
# https://owasp.org/www-community/attacks/CSV_Injection; a number is none.
_FORMULA = re.compile(r"[=+\-@\t\r](?![\d.]+$)")


def read_rows(
    path: Path | str, columns: list[str], name: str | None = None
) -> Iterator[tuple[int, list[str]]]:
    """The number of each row, as a spreadsheet shows it (the header is row 1), and its fields in `columns`.

    Blank rows are skipped. Raises InputError, which calls the file `name` (by default its path): for one that
    cannot be read, is no UTF-8, lacks a column or has it twice, or has rows of unequal length.
    """
    name = name or str(path)
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            yield from _rows(file, columns, name)
    except OSError as error:
        raise InputError(f"{name} can't be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise InputError(
            f"{name} is no UTF-8 text. Save it as `CSV UTF-8`, or convert it with iconv -t UTF-8."
        ) from None


def as_text(cell: str) -> str:
    """`cell` such that a spreadsheet shows it, and takes it for no formula."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _rows(file, columns: list[str], name: str) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(LONGEST)
    number = 0
    places = header = None
    try:
        for number, row in enumerate(csv.reader(file, strict=True), start=1):
            if not row:
                continue
            if header is None:
                header = [field.strip() for field in row]
                places = [_place(header, column, name) for column in columns]
            elif len(row) != len(header):
                raise InputError(
                    f"{name}, row {number} has {len(row)} fields, and the header has {len(header)}. "
                    'Put a text with a comma or a line break in "quotes".'
                )
            else:
                yield number, [row[place] for place in places]
    except csv.Error as error:
        raise InputError(f"{name}, after row {number}: {error}. Expected a CSV with commas.") from None
    if header is None:
        raise InputError(f"{name} is empty. Expected a header with {_listed(columns)}.")


def _place(header: list[str], column: str, name: str) -> int:
    found = header.count(column)
    if found != 1:
        how = "no column" if not found else f"{found} columns"
        raise InputError(f"{name} has {how} {column!r}. Its columns: {_listed(header)}.")
    return header.index(column)


def _listed(names: list[str]) -> str:
    text = ", ".join(map(repr, names))
    return text if len(text) <= 300 else text[:297] + "..."
