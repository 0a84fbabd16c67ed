"""The index is made anew from the journal at any doubt; the journal alone is the truth."""

import random
import shutil
import sqlite3

import pytest
from github_study import scrape, seal, serve, study, varied_hub
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_github_frontier import GRAPHS, breadth_first, found, record_of

from garner.crawl import Journal
from garner.errors import DiskFullError, InputError
from garner.sources import github_frontier
from garner.sources.github_frontier import Frontier
from garner.sources.github_index import Index
from garner.sources.github_state import NAME, with_state


@pytest.fixture
def crawled(tmp_path):
    """A finished crawl, its results, and a way to seal and crawl again, which must send nothing."""
    with serve(varied_hub()) as api:
        first = scrape(study(api.url), tmp_path / "state")
        asked = len(api.requests)

        def again() -> None:
            assert seal(study(api.url), tmp_path / "state") == first
            assert scrape(study(api.url), tmp_path / "state") == first
            assert len(api.requests) == asked

        yield tmp_path / "state" / NAME, again


def test_missing_index_is_made_anew(crawled):
    path, again = crawled
    path.unlink()
    again()
    assert path.exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"no database at all" * 100,
        lambda data: data[: len(data) // 2],
        lambda data: data[:5000],
        lambda data: data[:4096] + b"\xff" * 12_288 + data[16_384:],
    ],
)
def test_damaged_index_is_made_anew(crawled, damage):
    path, again = crawled
    path.write_bytes(damage(path.read_bytes()))
    again()


def test_index_that_is_behind_is_brought_up(tmp_path, monkeypatch):
    with serve(varied_hub(), quota=100_000) as api:
        whole = scrape(study(api.url), tmp_path / "whole/state")
        scrape(study(api.url, users=4), tmp_path / "state")
        shutil.copy(tmp_path / "state" / NAME, tmp_path / "old")
        assert scrape(study(api.url), tmp_path / "state") == whole
        shutil.copy(tmp_path / "old", tmp_path / "state" / NAME)
        asked = len(api.requests)
        assert scrape(study(api.url), tmp_path / "state") == whole
        assert len(api.requests) == asked


def test_index_of_another_journal_or_of_a_longer_one_is_made_anew(tmp_path):
    with serve(varied_hub(), quota=100_000) as api:
        some = scrape(study(api.url, users=4), tmp_path / "some/state")
        scrape(study(api.url), tmp_path / "whole/state")
        shutil.copy(tmp_path / "whole/state" / NAME, tmp_path / "some/state" / NAME)
        assert seal(study(api.url, users=4), tmp_path / "some/state") == some


def test_other_seeds_and_exclusions_make_the_index_anew_and_ask_only_for_what_is_missing(tmp_path):
    with serve(varied_hub(), quota=100_000) as api:
        whole = scrape(study(api.url), tmp_path / "state")
        asked = len(api.requests)
        without = study(api.url, exclude=("user03",))
        assert scrape(without, tmp_path / "state") == scrape(without, tmp_path / "anew/state")
        between = len(api.requests)
        assert scrape(study(api.url), tmp_path / "state") == whole
        assert len(api.requests) == between > asked


def test_index_that_cannot_be_written_is_an_error_with_its_cure(tmp_path, monkeypatch):
    def fail_with(name: str):
        def work(journal, index):
            error = sqlite3.OperationalError("so it is")
            error.sqlite_errorname = name
            raise error

        with_state(tmp_path, "https://api.example.org", {}, work)

    with pytest.raises(DiskFullError, match=f"no space left to write {tmp_path / NAME}"):
        fail_with("SQLITE_FULL")
    with pytest.raises(InputError, match="Delete it and run the same command again"):
        fail_with("SQLITE_READONLY")
    with pytest.raises(InputError, match="Delete it and run the same command again"):
        fail_with("SQLITE_CORRUPT")


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(GRAPHS, st.integers(0, 10_000))
def test_crawl_that_dies_anywhere_goes_on_from_index_and_journal(tmp_path_factory, graph, seed):
    """Whether the index was kept before the death, some records earlier, or is gone altogether."""
    folder = tmp_path_factory.mktemp("state")
    chance = random.Random(seed)
    records = 0
    while True:
        journal, index = Journal(folder, "api"), Index(folder / NAME, "settings")
        frontier = Frontier(index, ["a"])
        for entry in journal.after(index.kept()[0]):
            frontier.absorb(entry.record)
        frontier.settle()
        while not frontier.finished and chance.random() > 0.2:
            record = record_of(chance.choice(list(frontier.open_pages())), graph, {"a": 1, "b": 2})
            journal.append([record])
            records += 1
            frontier.learn(record)
            if chance.random() < 0.3:
                frontier.keep(journal.place, at_once=True)
            if chance.random() < 0.1:
                journal.seal()
        if frontier.finished:
            break
        index.close()
        if chance.random() < 0.2:
            (folder / NAME).unlink()
    order = breadth_first(graph, ["a"])
    assert found(frontier, "user", "depth") == order
    assert 0 <= records - 2 * len(order) <= 1, "two pages a user, each once, and the account of the seed"
    index.close()


def test_memory_does_not_hold_the_users(tmp_path, monkeypatch):
    monkeypatch.setattr(github_frontier, "KEEP_AFTER", 50)
    index = Index(tmp_path / NAME, "settings")
    frontier = Frontier(index, ["0"])
    most = 0
    while frontier.done < 2000:
        page = next(each for each in frontier.open_pages() if each.kind != "account")
        names = [str(int(page.of) * 3 + each) for each in (1, 2, 3)]
        frontier.learn({"user": page.of, "following": names, "after": None, "next": None})
        frontier.learn({"user": page.of, "repositories": [], "after": None, "next": None})
        most = max(most, len(frontier._knowledge.begun))
    assert most <= 1
    assert frontier.known == 6001
