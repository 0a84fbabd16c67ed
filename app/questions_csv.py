"""Files of questions: read with one clear error for what is wrong with them, and written with their tags."""

import csv
from pathlib import Path

from garner.csv_rows import as_text
from garner.errors import InputError

ROWS = 1000
LONGEST = 30_000  # characters of a question; what is beyond is not read
TAGS = 5  # the most probable ones, each in columns of its own


def read(path: Path) -> list[tuple[str, str]]:
    """(id, text) of each row; the id is the row's number where there is no such column. Raises InputError."""
    csv.field_size_limit(2**31 - 1)  # of a longer question the beginning is read
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            return list(_rows(csv.DictReader(file, restval="", strict=True)))
    except UnicodeDecodeError as error:
        raise InputError(
            f"the file is not in UTF-8 (byte {error.start:,}). Save it as CSV in UTF-8."
        ) from None
    except csv.Error as error:
        raise InputError(f"the file is no CSV ({error}). Save it as CSV with commas in UTF-8.") from None


def _rows(reader: csv.DictReader):
    columns = reader.fieldnames or ["none"]
    if "text" not in columns and not {"title", "body"} <= set(columns):
        raise InputError(f"the file's columns are {', '.join(columns)}. Expected title and body, or text.")
    number = 0
    for number, row in enumerate(reader, start=1):
        if number > ROWS:
            raise InputError(f"the file holds more than {ROWS:,} questions. Divide it.")
        text = row["text"] if "text" in columns else f"{row['title']}\n\n{row['body']}"
        yield row.get("id") or str(number), text[:LONGEST]
    if not number:
        raise InputError("the file holds no question below its first line. Expected a line for each.")


def write(path: Path, names: list[str], answers: list, labels: tuple[str, ...]) -> None:
    """A row for each question: id, tags, the most probable tags one by one, and why there are none."""
    columns = [f"{name}_{rank}" for rank in range(1, TAGS + 1) for name in ("tag", "probability")]
    with open(path, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "tags", *columns, "note"])
        for name, answer in zip(names, answers, strict=True):
            best = [] if answer.note else ranked(answer, labels)[:TAGS]
            cells = [cell for tag, probability in best for cell in (tag, f"{probability:.4f}")]
            cells += [""] * (len(columns) - len(cells))
            table.writerow([as_text(name), " ".join(answer.tags), *cells, answer.note])


def ranked(answer, labels: tuple[str, ...]) -> list[tuple[str, float]]:
    """All tags with their probabilities, the most probable first."""
    return sorted(zip(labels, map(float, answer.probabilities), strict=True), key=lambda pair: -pair[1])
