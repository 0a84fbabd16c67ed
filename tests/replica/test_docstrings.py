"""The questions that are made of documentation."""

import ast
import re
from pathlib import PurePosixPath

import pytest

from replica import docstrings, questions


@pytest.fixture(scope="module")
def built() -> list[dict]:
    return docstrings.build(60)


def test_same_packages_give_the_same_questions_and_another_seed_gives_others(built):
    assert docstrings.build(60) == built
    assert [each["title"] for each in docstrings.build(20, seed=1)] != [each["title"] for each in built]


def test_questions_look_like_those_of_a_site(built):
    assert len(built) == 60
    numbers = [each["question_id"] for each in built]
    assert numbers == sorted(set(numbers))
    for each in built:
        assert 0 < len(each["title"]) <= 151
        assert "\n" not in each["title"]
        assert re.match("<(p|pre)>", each["body"])
        assert 1 <= len(each["tags"]) <= 5
        assert all(re.fullmatch("[a-z0-9.+#-]{1,35}", tag) for tag in each["tags"])


def test_tags_are_the_modules_on_the_way():
    assert docstrings.tags_of(PurePosixPath("numpy/linalg/_Umath_Linalg.py")) == [
        "numpy",
        "linalg",
        "umath-linalg",
    ]
    assert docstrings.tags_of(PurePosixPath("six/__init__.py")) == ["six"]


def test_title_is_the_signature_and_the_first_line():
    (node,) = ast.parse("def norm(self, x, axis=None): pass").body
    assert docstrings.title_of(node, "The norm\nof x.") == "norm(x, axis): The norm"
    (node,) = ast.parse("class Norm: pass").body
    long = docstrings.title_of(node, "word " * 60)
    assert len(long) <= 151
    assert long.endswith("word…")


def test_docstring_becomes_paragraphs_and_code_with_nothing_left_to_interpret():
    text = "Sum of `a` and ``b``,\nif a < b & so.\n\n    x = <y>\n\n>>> f(1)\n2"
    assert docstrings.as_html(text) == (
        "<p>Sum of <code>a</code> and <code>b</code>,\nif a &lt; b &amp; so.</p>\n\n"
        "<pre><code>x = &lt;y&gt;\n</code></pre>\n\n"
        "<p>&gt;&gt;&gt; f(1)\n2</p>\n"
    )


def test_table_is_read_back_by_the_replica(tmp_path):
    path = tmp_path / "questions.parquet"
    assert docstrings.write(path, 12) == 12
    items = questions.load(path, "stackoverflow.com")
    assert len(items) == 12
    assert items[0]["link"].startswith("https://stackoverflow.com/questions/")
