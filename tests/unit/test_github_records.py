import pytest

from garner.errors import MalformedError
from garner.sources.github_records import is_repository_name, owned_by, repository_record

FACTS = {
    "clone_url": "https://github.com/a/b.git",
    "default_branch": "main",
    "fork": False,
    "archived": False,
    "stars": 0,
    "size_kib": 1,
    "languages": {},
}


@pytest.mark.parametrize(
    ("licence", "kept"), [("MIT", "MIT"), ("NOASSERTION", None), (None, None), ("", None)]
)
def test_licence_that_github_cannot_name_is_none(licence, kept):
    assert repository_record(repository="a/b", licence=licence, **FACTS)["licence"] == kept


@pytest.mark.parametrize(
    "name", ["a/b", "A-1/b.c_d-e", "psf/requests", "a/.github", "a/...", "under_score/x"]
)
def test_names_of_repositories_are_taken(name):
    assert is_repository_name(name)


@pytest.mark.parametrize(
    "name", ["a", "a/b/c", "a/..", "a/.", "/b", "a/", "a/b\n", "a b/c", "../..", "a/b\0", "a/" + "b" * 101]
)
def test_names_that_could_lead_out_of_a_folder_or_are_none_are_refused(name):
    assert not is_repository_name(name)
    with pytest.raises(MalformedError):
        repository_record(repository=name, licence=None, **FACTS)


def test_repository_that_went_to_another_owner_between_two_pages_is_left_out():
    records = [repository_record(repository=name, licence=None, **FACTS) for name in ("Ann/x", "bob/y")]
    assert [record["repository"] for record in owned_by("ann", records)] == ["Ann/x"]
