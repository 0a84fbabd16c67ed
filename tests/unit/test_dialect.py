import pytest

from garner.http.dialect import Reply


@pytest.mark.parametrize(
    ("text", "value"),
    [('{"a": [1]}', {"a": [1]}), ("<html>", None), ("", None), ('{"a": ', None), ("[" * 100_000, None)],
    ids=["json", "html", "empty", "cut", "deep"],
)
def test_body_is_json_or_none(text, value):
    assert Reply(200, {}, text, "https://api.example.org/", None, 0.0).json == value
