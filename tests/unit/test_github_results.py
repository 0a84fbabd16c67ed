import pytest
from github_study import study

from garner.exclusion import Excluded
from garner.sources.github_records import repository_record
from garner.sources.github_results import drop_reason

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
