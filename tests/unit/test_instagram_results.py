"""What is kept of the records of Instagram."""

import pytest

from garner.document import read_documents
from garner.errors import InputError
from garner.files import read_json
from garner.sources.instagram_frontier import User
from garner.sources.instagram_results import posts_by_user, write_all


def user(key: str, status: str = "ok", is_open: bool = False) -> User:
    return User(key, key, open=is_open, status=status, count=3, detail="why", time="then")


def record(key: str, *posts: tuple[str, int], **more: object) -> dict:
    return {
        "user": key,
        "posts": [{"id": each, "time": at, "text": f"text {each}"} for each, at in posts],
        **more,
    }


class Records(list):
    """Counts how often it is read."""

    reads = 0

    def __iter__(self):
        self.reads += 1
        return super().__iter__()


def ids(records: list[dict], *users: User, most: int = 10, at_once: int = 1000) -> dict[str, list[str]]:
    known = {each.key: each for each in users}
    return {
        each.key: [post["id"] for post in posts]
        for each, posts in posts_by_user(records, known, most, at_once)
    }


def test_posts_are_sorted_by_user_and_time_and_the_newest_are_kept():
    records = [
        record("b", ("1", 5), count=3, next="more"),
        record("a", ("2", 1), ("3", 9), ("4", 5), ("5", 5)),
        record("b", ("6", 7)),
    ]
    assert ids(records, user("b"), user("a"), most=3) == {"a": ["3", "4", "5"], "b": ["6", "1"]}


def test_a_post_that_came_twice_is_kept_once_and_a_profile_asked_again_begins_anew():
    records = [
        record("a", ("1", 1), ("2", 2), count=2),
        record("a", ("1", 1)),
        record("b", ("9", 9), count=1),
    ]
    assert ids([*records, record("a", ("2", 2), count=1)], user("a"), user("b")) == {"a": ["2"], "b": ["9"]}


def test_nothing_is_kept_of_who_is_not_done_or_has_withdrawn():
    users = [
        user("open", is_open=True),
        *(user(status, status) for status in ("gone", "private", "renamed", "malformed")),
    ]
    records = [record(each.key, ("1", 1)) for each in users]
    assert ids(records, *users) == {"malformed": ["1"]}


def test_however_many_posts_are_held_at_once_the_same_comes_out():
    records = Records(
        record(key, *((f"{key}{number}", number) for number in range(3)), count=3) for key in "dbace"
    )
    users = list(map(user, "abcde"))
    at_once = ids(records, *users)
    assert records.reads == 1
    assert ids(records, *users, at_once=6) == at_once
    assert records.reads == 1 + 3
    assert list(at_once) == list("abcde")


def test_without_any_caption_nothing_is_written_at_all(tmp_path):
    outputs = {
        "documents": tmp_path / "d.parquet",
        "failures": tmp_path / "f.json",
        "users": tmp_path / "users",
    }
    with pytest.raises(InputError, match=r"2 users in scrape\.users_file \(gone, no caption\)"):
        write_all(outputs, {"a": user("a"), "b": user("b", "gone")}, [(user("a"), [])], "scrape.users_file")
    assert list(tmp_path.iterdir()) == []


def test_failures_are_sorted_and_say_why_and_when(tmp_path):
    users = {
        key: user(key, status) for key, status in (("c", "gone"), ("a", "ok"), ("b", "private"), ("d", "ok"))
    }
    outputs = {"documents": tmp_path / "d.parquet", "failures": tmp_path / "f.json"}
    posts = [{"id": "1", "time": 0, "text": "hi"}]
    write_all(outputs, users, [(users["a"], posts), (users["d"], [posts[0] | {"text": " "}])], "")
    assert read_json(outputs["failures"]) == [
        {"item": "b", "reason": "private", "detail": "why", "time": "then"},
        {"item": "c", "reason": "gone", "detail": "why", "time": "then"},
        {
            "item": "d",
            "reason": "no caption",
            "detail": "1 of 3 posts were shown, none with a caption",
            "time": "then",
        },
    ]
    assert [each.id for each in read_documents(outputs["documents"])] == ["a:1"]
