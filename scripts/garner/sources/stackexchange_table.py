"""The questions of a site from a table: a Parquet with their numbers, titles, bodies (HTML) and tags.

It does not tell when a question was created, nor its licence.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from garner.errors import InputError, MalformedError
from garner.files import open_parquet, read_parquet
from garner.sources.stackexchange_questions import from_table

MAGIC = b"PAR1"  # at both ends of every Parquet


def is_table(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def read_table(path: Path, site: str) -> Iterator[dict]:
    """The questions in the order of the table; for one that cannot be read, a failure {"id", "reason",
    "detail", "time"}.

    Raises InputError for a damaged file, other columns than `question_id` (a whole number), `title`, `body`
    (texts) and `tags` (a list of texts), and for a question that is there twice.
    """
    _refuse_columns(path)
    _refuse_repeats(path)
    for row in read_parquet(path, list(_COLUMNS)):
        try:
            yield from_table(row, site)
        except MalformedError as error:
            yield {"id": row["question_id"], "reason": error.reason, "detail": str(error), "time": None}


def _refuse_columns(path: Path) -> None:
    with open_parquet(path) as file:
        schema = file.schema_arrow
    for name, (is_fit, expected) in _COLUMNS.items():
        found = [field.type for field in schema if field.name == name]
        if len(found) != 1 or not is_fit(found[0]):
            given = " and ".join(map(str, found)) or "missing"
            raise InputError(
                f"{path}, the setting scrape.dump: the column {name} is {given}. Expected {expected}."
            )


def _refuse_repeats(path: Path) -> None:
    with open_parquet(path) as file:
        column = file.read(["question_id"])["question_id"]
    if column.null_count:
        raise InputError(f"{path} has {column.null_count} questions without a question_id.")
    ids, times = np.unique(column.to_numpy(), return_counts=True)
    if len(ids) < len(column):
        raise InputError(
            f"{path} has the question {ids[times > 1][0]} several times. Keep one row of each question_id."
        )


def _is_integer(kind) -> bool:
    import pyarrow.types as types

    return types.is_integer(kind)


def _is_text(kind) -> bool:
    import pyarrow.types as types

    return types.is_string(kind) or types.is_large_string(kind)


def _is_list_of_texts(kind) -> bool:
    import pyarrow.types as types

    return (types.is_list(kind) or types.is_large_list(kind)) and _is_text(kind.value_type)


_COLUMNS: dict[str, tuple[Callable, str]] = {
    "question_id": (_is_integer, "whole numbers"),
    "title": (_is_text, "texts"),
    "body": (_is_text, "texts (HTML)"),
    "tags": (_is_list_of_texts, "lists of texts"),
}
