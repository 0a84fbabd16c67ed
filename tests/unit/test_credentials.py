import os

import pytest

from garner.errors import CredentialsError
from garner.http.credentials import ANONYMOUS, Token, read_tokens

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
    assert SECRET not in repr(token) + str(token) + repr([token])


def test_token_is_struck_out_where_an_api_repeats_it():
    token = Token("a+b/c=", "tokens, line 1")
    said = "no such key a+b/c= in ?key=a%2Bb%2Fc%3D"
    assert token.hidden_in(said) == "no such key [token] in ?key=[token]"
    assert ANONYMOUS.hidden_in(said) == said


def test_token_is_known_in_files_by_what_does_not_give_it_away():
    one, same, other = Token(SECRET, "a"), Token(SECRET, "b"), Token("other", "a")
    assert one.id == same.id != other.id != ANONYMOUS.id
    assert one.id not in SECRET
    assert len(one.id) == 12


def test_file_of_another_user_that_cannot_be_read_is_named(tmp_path):
    path = token_file(tmp_path, SECRET, 0o000)
    if os.access(path, os.R_OK):
        pytest.skip("root reads everything")
    with pytest.raises(CredentialsError, match="Permission denied"):
        read_tokens(path)
