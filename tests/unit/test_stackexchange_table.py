from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from garner.errors import InputError
from garner.sources.stackexchange_table import is_table, read_table

ROWS = [
    {"question_id": 3, "title": "One", "body": "<p>a</p>", "tags": ["x", "y"]},
    {"question_id": 1, "title": "Two", "body": "<p>b</p>", "tags": []},
]


def write(folder: Path, rows: list[dict], **types) -> Path:
    path = folder / "questions_scifi.parquet"
    table = pyarrow.Table.from_pylist(rows)
    for name, kind in types.items():
        table = table.set_column(
            table.schema.get_field_index(name), name, pyarrow.array([row[name] for row in rows], kind)
        )
    pyarrow.parquet.write_table(table, path)
    return path


def test_a_row_is_a_question(tmp_path):
    path = write(tmp_path, [ROWS[0] | {"score": 3}, ROWS[1]])
    found = list(read_table(path, "scifi"))
    assert [(each["id"], each["title"], each["body"], each["tags"]) for each in found] == [
        (3, "One", "<p>a</p>", ["x", "y"]),
        (1, "Two", "<p>b</p>", []),
    ]


@pytest.mark.parametrize(
    "types",
    [
        {"question_id": pyarrow.int32(), "title": pyarrow.large_string()},
        {"question_id": pyarrow.uint64(), "tags": pyarrow.large_list(pyarrow.large_string())},
    ],
)
def test_columns_may_be_of_any_width(tmp_path, types):
    assert [each["id"] for each in read_table(write(tmp_path, ROWS, **types), "scifi")] == [3, 1]


@pytest.mark.parametrize(
    ("missing", "detail"),
    [("title", "it has no title"), ("body", "it has no body"), ("tags", "it has no tags")],
)
def test_row_with_a_gap_is_a_failure_and_costs_no_other(tmp_path, missing, detail):
    path = write(tmp_path, [ROWS[0], ROWS[1] | {missing: None}])
    first, failed = read_table(path, "scifi")
    assert first["id"] == 3
    assert failed == {"id": 1, "reason": "malformed", "detail": detail, "time": None}


def test_tag_that_is_none_is_a_failure(tmp_path):
    (failed,) = read_table(write(tmp_path, [ROWS[0] | {"tags": ["x", None]}]), "scifi")
    assert failed["detail"] == "its tags are no words"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (
            [{"question_id": 1, "title": "a", "body": "b"}],
            "the column tags is missing. Expected lists of texts",
        ),
        ([ROWS[0] | {"question_id": "1"}], "the column question_id is string. Expected whole numbers"),
        ([ROWS[0] | {"tags": "x y"}], "the column tags is string. Expected lists of texts"),
        ([ROWS[0] | {"tags": [1]}], "the column tags is list<element: int64>. Expected lists"),
        ([ROWS[0], ROWS[0] | {"title": "b"}], "has the question 3 several times"),
        ([ROWS[0], ROWS[1] | {"question_id": None}], "has 1 questions without a question_id"),
    ],
)
def test_table_that_cannot_be_used_is_refused(tmp_path, rows, words):
    with pytest.raises(InputError) as caught:
        list(read_table(write(tmp_path, rows), "scifi"))
    assert "questions_scifi.parquet" in str(caught.value)
    assert words in str(caught.value)


def test_damaged_table_is_named(tmp_path):
    path = write(tmp_path, ROWS)
    path.write_bytes(path.read_bytes()[:-20])
    assert is_table(path)
    with pytest.raises(InputError, match=r"questions_scifi\.parquet is no readable Parquet"):
        list(read_table(path, "scifi"))


def test_other_files_are_no_tables(tmp_path):
    for content in (b"", b"PAR", b"<posts>"):
        (tmp_path / "a").write_bytes(content)
        assert not is_table(tmp_path / "a")
