import os

import pytest
import requests

from garner.credentials import ANONYMOUS, Pool, Quota, Token, read_tokens
from garner.errors import CredentialsError

SECRET = "ghp_0123456789abcdef"


def token_file(tmp_path, text: str | bytes, mode: int = 0o600):
    path = tmp_path / "tokens"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def test_each_line_is_a_token_but_for_comments_blanks_and_doubles(tmp_path):
    path = token_file(tmp_path, f"# mine\n\n  {SECRET}\nother\n{SECRET}\n")
    tokens = read_tokens(path)
    assert [token.secret for token in tokens] == [SECRET, "other"]
    assert tokens[0].place == f"{path}, line 3"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o604])
def test_file_that_others_can_read_is_refused_with_the_cure(tmp_path, mode):
    path = token_file(tmp_path, SECRET, mode)
    with pytest.raises(CredentialsError, match=f"chmod 600 {path}") as error:
        read_tokens(path)
    assert f"{mode:04o}" in str(error.value)
    assert SECRET not in str(error.value)


def test_line_that_is_no_token_is_named_by_number_and_not_shown(tmp_path):
    path = token_file(tmp_path, f"{SECRET}\nuser {SECRET}\n")
    with pytest.raises(CredentialsError, match="line 2") as error:
        read_tokens(path)
    assert SECRET not in str(error.value)


@pytest.mark.parametrize("text", ["", "# nothing\n\n"])
def test_file_without_tokens_is_refused(tmp_path, text):
    with pytest.raises(CredentialsError, match="holds no token"):
        read_tokens(token_file(tmp_path, text))


def test_missing_and_binary_files_are_named(tmp_path):
    with pytest.raises(CredentialsError, match=r"absent can't be read: No such file"):
        read_tokens(tmp_path / "absent")
    with pytest.raises(CredentialsError, match="no UTF-8"):
        read_tokens(token_file(tmp_path, b"\xff\xfe"))


def test_path_may_begin_with_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    token_file(tmp_path, SECRET)
    assert read_tokens("~/tokens")[0].secret == SECRET


def test_token_never_shows_itself():
    token = Token(SECRET, "tokens, line 1")
    assert SECRET not in repr(token) + str(token) + repr(Pool([token])) + repr([token])


def test_token_is_sent_as_bearer_and_nobodys_not_at_all():
    request = requests.Request("GET", "http://127.0.0.1/", auth=Token(SECRET, "")).prepare()
    assert request.headers["Authorization"] == f"Bearer {SECRET}"
    assert (
        "Authorization" not in requests.Request("GET", "http://127.0.0.1/", auth=ANONYMOUS).prepare().headers
    )


def test_token_with_most_quota_is_taken_and_an_unknown_one_first():
    a, b, c = (Token(name, name) for name in "abc")
    pool = Pool([a, b, c])
    assert pool.best("core", 0)[0] is a
    pool.note(a, "core", Quota(10, 60, 100))
    assert pool.best("core", 0)[0] is b
    pool.note(b, "core", Quota(20, 60, 100))
    pool.note(c, "core", Quota(0, 60, 50))
    assert pool.best("core", 0) == (b, Quota(20, 60, 100))
    assert pool.best("graphql", 0)[0] is a, "each resource has a quota of its own"
    assert pool.left("core", 0) == 30
    assert pool.left("graphql", 0) is None


def test_of_used_up_tokens_the_one_renewed_first_is_taken_and_is_full_then():
    a, b = Token("a", "a"), Token("b", "b")
    pool = Pool([a, b])
    pool.note(a, "core", Quota(0, 60, 100))
    pool.note(b, "core", Quota(0, 80, 70))
    assert pool.best("core", 0) == (b, Quota(0, 80, 70))
    token, quota = pool.best("core", 70)
    assert (token, quota.remaining) == (b, 80)


def test_quota_of_zero_is_asked_about_again_once_it_would_be_renewed():
    pool = Pool([])
    pool.note(ANONYMOUS, "core", Quota(0, 0, 100))
    assert pool.best("core", 99)[1].remaining == 0
    assert pool.best("core", 100)[1].remaining == 1


def test_refused_token_is_dropped_unless_it_is_the_last():
    a, b = Token("a", "a"), Token("b", "b")
    pool = Pool([a, b])
    assert pool.drop(a)
    assert pool.best("core", 0)[0] is b
    assert not pool.drop(b)


def test_file_of_another_user_that_cannot_be_read_is_named(tmp_path):
    path = token_file(tmp_path, SECRET, 0o000)
    if os.access(path, os.R_OK):
        pytest.skip("root reads everything")
    with pytest.raises(CredentialsError, match="Permission denied"):
        read_tokens(path)
