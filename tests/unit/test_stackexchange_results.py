import random
import sqlite3

import pytest

from garner.document import read_documents
from garner.errors import DiskFullError, InputError
from garner.files import read_json
from garner.sources import stackexchange_results as results


def question(number: int, created: int = 0, title: str = "a") -> dict:
    link = f"https://scifi.stackexchange.com/questions/{number}"
    fixed = {"body": "<p>b</p>", "tags": ["c"], "link": link, "licence": None}
    return {"id": number, "created": created, "title": title} | fixed


def failure(number: int, reason: str = "gone", time: str | None = "2020-01-01T00:00:00Z") -> dict:
    return {"id": number, "reason": reason, "detail": "d", "time": time}


def outputs(folder) -> dict:
    return {name: folder / name for name in ("documents", "failures")}


def sort(questions, path, limit=None) -> list[dict]:
    with results.sorted_by_id(questions, path, limit) as found:
        return list(found)


def test_questions_are_sorted_by_id_each_once_as_it_came_first(tmp_path):
    numbers = list(range(5000))
    random.Random(1).shuffle(numbers)
    given = [question(number) for number in numbers] + [question(3, title="later")]
    assert sort(given, tmp_path / "sorting") == [question(number) for number in range(5000)]
    assert list(tmp_path.iterdir()) == []


def test_limit_keeps_the_oldest_and_of_one_second_the_lowest_ids(tmp_path):
    given = [question(1, 50), question(2, 10), question(3, 20), question(4, 20), question(5, 20)]
    assert [each["id"] for each in sort(given, tmp_path / "sorting", 3)] == [2, 3, 4]


def test_half_that_a_killed_run_left_is_no_hindrance(tmp_path):
    (tmp_path / "sorting").write_bytes(b"half")
    assert sort([question(1)], tmp_path / "sorting") == [question(1)]


def test_full_disk_is_named(tmp_path, monkeypatch):
    connect = sqlite3.connect

    def connect_to_little(*arguments, **options):
        table = connect(*arguments, **options)
        table.execute("PRAGMA max_page_count = 20")
        return table

    monkeypatch.setattr(results.sqlite3, "connect", connect_to_little)
    with pytest.raises(DiskFullError, match="sorting"):
        sort((question(number, title="x" * 999) for number in range(500)), tmp_path / "sorting")
    assert list(tmp_path.iterdir()) == []


def test_documents_and_failures_are_written(tmp_path):
    given = [failure(9), failure(4, "malformed"), failure(9, "forbidden", None)]
    results.write_results(outputs(tmp_path), iter([question(1), question(2)]), given, "scifi")
    assert [each.id for each in read_documents(tmp_path / "documents")] == ["scifi:1", "scifi:2"]
    assert read_json(tmp_path / "failures") == [
        {"item": "scifi:4", "reason": "malformed", "detail": "d", "time": "2020-01-01T00:00:00Z"},
        {"item": "scifi:9", "reason": "forbidden", "detail": "d", "time": None},
    ]


def test_no_question_at_all_is_an_error_and_writes_nothing(tmp_path):
    with pytest.raises(InputError, match="not one question was found"):
        results.write_results(outputs(tmp_path), iter([]), [failure(1)], "scifi")
    assert list(tmp_path.iterdir()) == []
