"""The tokenizer cuts as `re` does, and refuses the patterns with which it could not."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from garner.errors import ConfigError
from garner.tokens import tokenizer

PATTERN = r"[^\W\d_]+|\d+|[^a-zA-Z\d\s:]+"


def test_source_code_is_cut_into_words_numbers_and_runs_of_signs():
    assert tokenizer(PATTERN)("for (int i_2 = 0; i < 10; ++i) x[i] = 'été';") == [
        "for", "(", "int", "i", "_", "2", "=", "0", ";", "i", "<", "10", ";", "++", "i", ")", "x", "[",
        "i", "]", "=", "'é", "té", "';",
    ]  # fmt: skip


@given(st.text(), st.integers(0, 20))
def test_limit_gives_the_first_tokens(text, limit):
    tokenize = tokenizer(PATTERN)
    assert tokenize(text, limit) == tokenize(text)[:limit]


def test_limit_does_not_change_tokens_that_look_ahead():
    text = "a" * 50 + "b"
    assert tokenizer(r"a(?=a*b)|b")(text, 3) == ["a", "a", "a"]


@given(st.text())
def test_no_token_is_empty_and_the_default_pattern_loses_only_spaces_and_colons(text):
    tokens = tokenizer(PATTERN)(text)
    assert all(tokens)
    assert "".join(tokens) == re.sub(r"[\s:]", "", text)


@pytest.mark.parametrize(
    ("pattern", "cure"),
    [("[a-z", "no regular expression"), ("(a)|b", r"\(\?:"), ("a*", r"write \+")],
)
def test_unusable_pattern_is_refused_with_its_cure(pattern, cure):
    with pytest.raises(ConfigError, match=cure) as caught:
        tokenizer(pattern)
    assert "dictionary.pattern" in str(caught.value)
