import pytest

from garner.exclusion import Excluded


@pytest.mark.parametrize("name", ["ann", "Ann", "ann/anything", "ANN/x", "bob/Tool", "BOB/tool"])
def test_an_owner_and_all_that_is_theirs_or_one_repository_is_excluded_whatever_the_case(name):
    assert name in Excluded(["Ann", "bob/tool"])


@pytest.mark.parametrize("name", ["bob", "bob/tools", "ann-2/x", "x/ann", ""])
def test_names_that_are_merely_alike_stay(name):
    assert name not in Excluded(["Ann", "bob/tool"])
