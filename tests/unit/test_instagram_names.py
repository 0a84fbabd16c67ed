import pytest

from garner.errors import InputError
from garner.sources.instagram_names import is_name, read_users


def test_the_list_takes_comments_blank_lines_ats_and_a_byte_order_mark(tmp_path):
    (tmp_path / "users.txt").write_text(
        "\ufeff@Ann\n\n# all friends\nbob_2 # an old one\nANN\n", encoding="utf-8"
    )
    assert read_users(tmp_path / "users.txt") == ["ann", "bob_2"]


@pytest.mark.parametrize("line", ["two names", "ann/../bob", "..", ".ann", "ünal", "a" * 31, "https://a.b/c"])
def test_a_line_that_is_no_name_is_refused_by_its_number_and_not_quoted(tmp_path, line):
    (tmp_path / "users.txt").write_text(f"ann\n{line}\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 2 is no user name") as refused:
        read_users(tmp_path / "users.txt")
    assert line not in str(refused.value).replace(str(tmp_path), "")


@pytest.mark.parametrize("content", [b"", b"# nobody\n", b"\xff\xfe"])
def test_a_list_that_names_nobody_or_cannot_be_read_is_refused(tmp_path, content):
    (tmp_path / "users.txt").write_bytes(content)
    with pytest.raises(InputError, match=r"scrape\.users_file"):
        read_users(tmp_path / "users.txt")
    with pytest.raises(InputError, match="No such file"):
        read_users(tmp_path / "missing.txt")


@pytest.mark.parametrize(
    ("name", "fit"),
    [("ann.lee_2", True), ("a", True), ("", False), ("Ann", False), ("a/b", False), ("a.", False)],
)
def test_what_a_user_may_be_called(name, fit):
    assert is_name(name) == fit
