import logging
import random
from collections import Counter

import pyarrow
import pytest

from garner.errors import InputError
from garner.files import read_parquet, write_parquet
from garner.selection import TYPICAL_FILE_BYTES, VARIETY, batch_of, select_repositories

LANGUAGES = ["C", "Lua", "Python"]
REPOSITORIES = pyarrow.schema(
    [
        ("repository", pyarrow.string()),
        ("clone_url", pyarrow.string()),
        ("licence", pyarrow.string()),
        ("languages", pyarrow.map_(pyarrow.string(), pyarrow.int64())),
    ]
)


def crawl(count: int, seed: int = 0) -> dict[str, dict[str, int]]:
    """Files by language of so many repositories: much Python, little C, hardly any Lua."""
    randomly = random.Random(seed)
    found = {}
    for number in range(count):
        main = randomly.choices(["Python", "C", "Lua", "Haskell"], [80, 30, 5, 10])[0]
        found[f"owner{number % 7}/r{number:04}"] = {main: randomly.randint(5, 300)}
        if main == "Python" and number % 3 == 0:
            found[f"owner{number % 7}/r{number:04}"]["C"] = 2
    return found


@pytest.fixture
def select(tmp_path):
    """Choose among {repository: {language: files}}; returns the rows of the selection."""

    def select(found, exclude=(), seed=1, quota=500, cap=200, oversampling=2.0, batches=4):
        rows = [
            {
                "repository": name,
                "clone_url": f"https://host/{name}.git",
                "licence": "MIT",
                "languages": [
                    (language, files * TYPICAL_FILE_BYTES) for language, files in languages.items()
                ],
            }
            for name, languages in found.items()
        ]
        write_parquet(tmp_path / "repositories.parquet", rows, REPOSITORIES)
        settings = {"batches": batches, "oversampling": oversampling}
        arguments = (tmp_path / "repositories.parquet", tmp_path / "selection.parquet", settings)
        select_repositories(*arguments, LANGUAGES, list(exclude), seed, quota=quota, cap=cap)
        return list(read_parquet(tmp_path / "selection.parquet"))

    return select


def estimated(found, rows, language, cap=200) -> int:
    return sum(min(cap, found[row["repository"]].get(language, 0)) for row in rows)


def test_each_language_reaches_its_quota_oversampled_or_all_that_there_is(select):
    found = crawl(600)
    rows = select(found)
    assert estimated(found, rows, "Python") >= 1000
    assert estimated(found, rows, "C") >= 1000
    rows = select(found, quota=10**6)
    assert {row["repository"] for row in rows} == {name for name in found if "Haskell" not in found[name]}


def test_no_more_is_taken_than_the_quota_asks_for(select):
    found = crawl(600)
    assert estimated(found, select(found), "Python") < 1000 + VARIETY * 200
    assert len(select(found)) < 100


def test_scarcest_language_is_chosen_first_and_counts_for_the_others(select):
    found = {f"o/both{n:02}": {"Lua": 10, "Python": 100} for n in range(30)}
    found |= {f"o/python{n:02}": {"Python": 100} for n in range(100)}
    chosen = Counter((row["repository"][:4], row["language"]) for row in select(found, quota=150))
    assert chosen == {("o/bo", "Lua"): 30}


def test_a_large_repository_counts_no_more_than_the_cap(select):
    found = {f"o/huge{n:02}": {"C": 10**6} for n in range(50)}
    assert len(select(found, quota=3000, cap=200)) == 3000 * 2 / 200


def test_variety_is_taken_even_where_few_repositories_would_do(select):
    found = {f"o/{n:02}": {"C": 1000} for n in range(50)}
    assert len(select(found, quota=100, cap=1000)) == VARIETY


def test_repositories_in_which_a_language_is_the_main_one_come_first(select):
    found = {f"o/main{n:02}": {"Lua": 20} for n in range(40)}
    found |= {f"o/aside{n:02}": {"Lua": 20, "Python": 100} for n in range(40)}
    chosen = [row["repository"] for row in select(found, quota=200) if row["language"] == "Lua"]
    assert chosen
    assert all(name.startswith("o/main") for name in chosen)


def test_main_language_is_told_by_bytes_also_beyond_the_cap(select):
    found = {f"o/c{n:02}": {"C": 500, "Python": 900} for n in range(40)}
    found |= {f"o/main{n:02}": {"C": 900, "Python": 500} for n in range(40)}
    chosen = [row["repository"] for row in select(found, quota=100 * VARIETY) if row["language"] == "C"]
    assert len(chosen) == VARIETY
    assert all(name.startswith("o/main") for name in chosen)


def test_repository_without_our_languages_is_never_chosen(select):
    found = {"o/none": {}, "o/haskell": {"Haskell": 100}, "o/empty": {"C": 0}, "o/c": {"C": 1}}
    assert [row["repository"] for row in select(found)] == ["o/c"]


def test_excluded_owners_and_repositories_are_gone_whatever_the_case(select):
    found = {"Ann/a": {"C": 1}, "ann/b": {"C": 1}, "bob/a": {"C": 1}, "bob/b": {"C": 1}}
    assert [row["repository"] for row in select(found, exclude=["ANN", "bob/A"])] == ["bob/b"]


def test_crawl_without_any_of_the_languages_is_an_error_that_names_the_cure(select):
    with pytest.raises(InputError, match=r"C, Lua, Python.*stop_after"):
        select({"o/haskell": {"Haskell": 100}})


def test_rows_are_sorted_and_keep_address_and_licence(select):
    rows = select(crawl(300))
    assert [row["repository"] for row in rows] == sorted(row["repository"] for row in rows)
    assert rows[0]["clone_url"] == f"https://host/{rows[0]['repository']}.git"
    assert rows[0]["licence"] == "MIT"


def test_same_seed_gives_the_same_bytes_whatever_the_order_of_the_crawl(select, tmp_path):
    found = crawl(300)
    select(found)
    first = (tmp_path / "selection.parquet").read_bytes()
    select(dict(reversed(found.items())))
    assert (tmp_path / "selection.parquet").read_bytes() == first
    select(found, seed=2)
    assert (tmp_path / "selection.parquet").read_bytes() != first


def test_larger_crawl_keeps_most_of_the_choice_and_every_batch(select):
    found = crawl(660)
    before = {row["repository"]: row["batch"] for row in select(dict(list(found.items())[:600]))}
    after = {row["repository"]: row["batch"] for row in select(found)}
    assert len(before.keys() & after.keys()) > 0.8 * len(before)
    assert all(after[name] == before[name] for name in before.keys() & after.keys())


def test_batches_are_filled_evenly():
    counts = Counter(batch_of(f"owner/{n}", 8) for n in range(4000))
    assert sorted(counts) == list(range(8))
    assert max(counts.values()) < 1.2 * min(counts.values())
    assert batch_of("torvalds/linux", 16) == 6


def test_log_says_which_language_stays_short(select, caplog):
    caplog.set_level(logging.INFO, "garner")
    select({"o/c": {"C": 2000}, "o/lua": {"Lua": 3}}, quota=100, cap=2000)
    lines = {line.split()[0]: line for line in caplog.messages}
    assert "2,000" in lines["C"]
    assert "fewer" not in lines["C"]
    assert "fewer than wanted" in lines["Lua"]
