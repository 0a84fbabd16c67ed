"""Names in texts, and the word that a model reads in their place."""

import pytest

from garner.mentions import without_names
from garner.pseudonyms import Pseudonyms

TEXT = "thanks @anna.b and \uff20Ben, see instagram.com/cleo_d/ or mail me@example.com"
READ = "thanks @user and \uff20user, see instagram.com/user/ or mail me@user"


def test_each_name_is_one_and_the_same_word():
    assert without_names(TEXT) == READ


def test_pseudonyms_and_what_is_read_already_are_read_as_names_are():
    assert without_names(Pseudonyms("0" * 64).text(TEXT)) == READ
    assert without_names(READ) == READ


@pytest.mark.parametrize("text", ["", "@", "@ noon", "a @-sign", "5 \uff20 6"])
def test_a_text_that_names_nobody_stays_as_it_is(text):
    assert without_names(text) == text
