import pytest
from github_study import study

from garner.exclusion import Excluded
from garner.sources.github_records import repository_record
from garner.sources.github_results import collect, drop_reason

SETTINGS = study("")["scrape"]


def made(name: str, **changes: object) -> dict:
    facts = {
        "fork": False,
        "archived": False,
        "stars": 5,
        "size_kib": 50,
        "licence": "MIT",
        "languages": {"C": 1},
    }
    return repository_record(repository=name, clone_url="", default_branch="main", **facts | changes)


@pytest.mark.parametrize(
    ("changes", "settings", "reason"),
    [
        ({}, {}, None),
        ({"fork": True}, {}, None),
        ({"fork": True}, {"forks": False}, "fork"),
        ({"archived": True}, {"archived": False}, "archived"),
        ({"size_kib": 51}, {"maximum_size_kib": 50}, "too large"),
        ({}, {"maximum_size_kib": 50}, None),
        ({"stars": 4}, {"minimum_stars": 5}, "too few stars"),
        ({}, {"minimum_stars": 5}, None),
        ({}, {"licences": ["mit"]}, None),
        ({"licence": None}, {"licences": ["MIT"]}, "licence"),
        ({}, {"languages": ["c", "Go"]}, None),
        ({"languages": {}}, {"languages": ["C"]}, "language"),
    ],
)
def test_filter_drops_with_a_reason(changes, settings, reason):
    assert drop_reason(made("ann/x", **changes), SETTINGS | settings, Excluded([])) == reason


@pytest.mark.parametrize("excluded", ["ann", "ann/x"])
def test_excluded_owner_or_repository_is_dropped_whatever_the_case(excluded):
    assert drop_reason(made("Ann/X"), SETTINGS, Excluded([excluded])) == "excluded"
    assert drop_reason(made("Ann-2/X2"), SETTINGS, Excluded([excluded])) is None


def test_collected_are_the_repositories_of_the_owners_asked_for_with_all_their_languages():
    records = [
        {
            "user": "Ann",
            "repositories": [made("Ann/a", languages=None), made("Ann/b")],
            "after": None,
            "next": "rest:2",
        },
        {"user": "bob", "repositories": [made("bob/a")], "after": None, "next": None},
        {
            "user": "Ann",
            "repositories": [made("Ann/b", stars=6), made("Ann/c")],
            "after": "rest:2",
            "next": None,
        },
        {"repository": "Ann/a", "languages": {"C": 1}, "after": None, "next": "x"},
        {"repository": "Ann/a", "languages": {"D": 2}, "after": "x", "next": None},
        {"repository": "Ann/c", "status": "gone"},
        {"repository": "bob/a", "languages": {"E": 1}, "after": None, "next": None},
    ]
    found = {each["repository"]: each for each in collect(records, ["ann"])}
    assert sorted(found) == ["Ann/a", "Ann/b"]
    assert found["Ann/a"]["languages"] == {"C": 1, "D": 2}
    assert found["Ann/b"]["stars"] == 6


def test_first_page_makes_earlier_pages_void():
    records = [
        {"user": "ann", "repositories": [made("ann/old")], "after": None, "next": "graphql:x"},
        {"user": "ann", "repositories": [made("ann/new")], "after": None, "next": None},
    ]
    assert [each["repository"] for each in collect(records, ["ann"])] == ["ann/new"]
