import csv
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from garner.csv_rows import read_rows
from garner.errors import InputError


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "table.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_columns_are_found_by_name_wherever_they_stand(tmp_path):
    path = write(tmp_path, "id, age ,name\n1,30,ann\n2,17,bob\n")
    assert list(read_rows(path, ["name", "age"])) == [(2, ["ann", "30"]), (3, ["bob", "17"])]


def test_byte_order_mark_quotes_and_windows_line_ends_are_read(tmp_path):
    path = write(tmp_path, b'\xef\xbb\xbf"text","n"\r\n"a, ""b""\r\nc",1\r\n')
    assert list(read_rows(path, ["text"])) == [(2, ['a, "b"\r\nc'])]


def test_rows_are_numbered_as_a_spreadsheet_shows_them(tmp_path):
    path = write(tmp_path, 'text,n\n"two\nlines",1\n\nlast,2\n')
    assert [number for number, _ in read_rows(path, ["text"])] == [2, 4]


def test_long_field_is_read(tmp_path):
    assert [len(text) for _, (text,) in read_rows(write(tmp_path, f"text\n{'x' * 10**6}\n"), ["text"])] == [
        10**6
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", r"is empty\. Expected a header with 'text'"),
        ("name,words\na,b\n", r"has no column 'text'\. Its columns: 'name', 'words'"),
        ("text;age\na;1\n", r"has no column 'text'\. Its columns: 'text;age'"),
        ("text,text\na,b\n", r"has 2 columns 'text'"),
        ("text,n\na,1\nb, c,2\n", r"row 3 has 3 fields, and the header has 2\..*quotes"),
        ('text\na\n"b\n', r"after row 2: unexpected end of data"),
        ('text\n"a"b\n', r"after row 1: "),
        ("text\ncafé\n".encode("latin-1"), r"is no UTF-8 text\. .*iconv"),
        ("text\na\n".encode("utf-16"), r"is no UTF-8 text"),
    ],
)
def test_file_that_cannot_be_used_is_refused_with_the_row(tmp_path, content, words):
    with pytest.raises(InputError, match=rf"table\.csv.* {words}"):
        list(read_rows(write(tmp_path, content), ["text"]))


def test_missing_file_and_folder_are_named(tmp_path):
    for path in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(InputError, match=f"{path.name} can't be read: "):
            list(read_rows(path, ["text"]))


def test_error_calls_the_file_as_it_is_told_to(tmp_path):
    with pytest.raises(InputError) as caught:
        list(read_rows(tmp_path / "@ann.csv", ["text"], "the third file"))
    assert "ann" not in str(caught.value)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=8))
def test_what_a_csv_writer_wrote_is_read_again(tmp_path, texts):
    path = tmp_path / "table.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "n"])
        writer.writerows([text, number] for number, text in enumerate(texts))
    assert [text for _, (text,) in read_rows(path, ["text"])] == texts
