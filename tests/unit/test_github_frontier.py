import random
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from garner.errors import ConfigError
from garner.sources.github_frontier import Frontier
from garner.sources.github_index import Index
from garner.sources.github_records import Page, repository_record


def in_memory(seeds: list[str], **options: object) -> Frontier:
    return Frontier(Index(None, "settings"), seeds, **options)


def found(frontier: Frontier, *names: str) -> list[tuple]:
    return [tuple(row[name] for name in names) for row in frontier.visited()]


GRAPHS = st.dictionaries(st.sampled_from("abcdefgh"), st.sets(st.sampled_from("abcdefgh")), min_size=8)


def record_of(page: Page, graph: dict, owned: dict | None = None) -> dict:
    """The one page that answers `page`."""
    found = {
        "account": {},
        "following": {"following": sorted(graph.get(page.of, ()))},
        "repositories": {
            "repositories": [made(page.of, index) for index in range((owned or {}).get(page.of, 0))]
        },
    }[page.kind]
    return {"user": page.of, **found, "after": page.after, "next": None}


def made(owner: str, index: int, **changes: object) -> dict:
    facts = {
        "clone_url": "",
        "default_branch": None,
        "fork": False,
        "archived": False,
        "stars": 0,
        "size_kib": 0,
    }
    return repository_record(
        repository=f"{owner}/{index}", **facts, **({"licence": None, "languages": {}} | changes)
    )


def finish(frontier: Frontier, graph: dict, chance: random.Random, owned: dict | None = None) -> list[dict]:
    """Answer open pages, whichever come by chance; the records."""
    records = []
    while not frontier.finished:
        records.append(record_of(chance.choice(list(frontier.open_pages())), graph, owned))
        frontier.learn(records[-1])
    return records


def breadth_first(graph: dict, seeds: list[str]) -> list[tuple[str, int]]:
    order, waiting = [], deque((seed, 0) for seed in seeds)
    while waiting:
        user, depth = waiting.popleft()
        if user not in dict(order):
            order.append((user, depth))
            waiting.extend((other, depth + 1) for other in sorted(graph.get(user, ())))
    return order


@given(GRAPHS, st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=3, unique=True), st.integers(0, 99))
def test_order_is_breadth_first_whatever_the_order_of_the_answers(graph, seeds, seed):
    frontier = in_memory(seeds)
    records = finish(frontier, graph, random.Random(seed))
    assert found(frontier, "user", "depth") == breadth_first(graph, seeds)
    recovered = in_memory(seeds)
    for record in records:
        recovered.learn(record)
    assert recovered.finished
    assert list(recovered.visited()) == list(frontier.visited())


@given(GRAPHS, st.integers(1, 8), st.integers(0, 99))
def test_crawl_of_some_users_is_the_beginning_of_the_crawl_of_all(graph, users, seed):
    everyone, some = in_memory(["a"]), in_memory(["a"], users=users)
    finish(everyone, graph, random.Random(seed))
    finish(some, graph, random.Random(seed))
    assert list(some.visited()) == list(everyone.visited())[:users]


@given(GRAPHS, st.sampled_from("bcdefgh"), st.integers(0, 99))
def test_excluded_user_might_as_well_not_exist(graph, excluded, seed):
    frontier = in_memory(["a"], excluded=[excluded.upper()])
    finish(frontier, graph, random.Random(seed))
    without = {user: followed - {excluded} for user, followed in graph.items()}
    assert found(frontier, "user", "depth") == breadth_first(without, ["a"])


def test_crawl_ends_with_the_user_who_reaches_the_number_of_repositories():
    graph, owned = {"a": {"b", "c"}}, {"a": 2, "b": 2, "c": 2}
    frontier = in_memory(["a"], repositories=3)
    finish(frontier, graph, random.Random(0), owned)
    assert found(frontier, "user", "repositories") == [("a", 2), ("b", 2)]


def test_user_is_done_when_the_languages_of_every_repository_are_known():
    frontier = in_memory(["a"])
    frontier.learn({"user": "a", "following": [], "after": None, "next": None})
    first = [made("a", 0, languages=None), made("a", 1, more_languages="graphql:x")]
    frontier.learn({"user": "a", "repositories": first, "after": None, "next": "rest:2"})
    assert list(frontier.open_pages()) == [
        Page("repositories", "a", "rest:2"),
        Page("languages", "a/0"),
        Page("languages", "a/1", "graphql:x"),
    ]
    frontier.learn({"user": "a", "repositories": [made("a", 2)], "after": "rest:2", "next": None})
    frontier.learn({"repository": "a/0", "status": "gone"})
    frontier.learn({"repository": "a/1", "languages": {"C": 1}, "after": "graphql:x", "next": "graphql:y"})
    assert list(frontier.open_pages()) == [Page("languages", "a/1", "graphql:y")]
    frontier.learn({"repository": "a/1", "languages": {"D": 1}, "after": "graphql:y", "next": None})
    assert frontier.finished
    assert found(frontier, "repositories") == [(2,)], "the one that is gone does not count"


def test_item_that_slips_onto_the_next_page_counts_once():
    frontier = in_memory(["a"])
    frontier.learn({"user": "a", "following": ["b"], "after": None, "next": "rest:2"})
    frontier.learn({"user": "a", "following": ["b", "c"], "after": "rest:2", "next": None})
    frontier.learn({"user": "a", "repositories": [made("a", 1)], "after": None, "next": "rest:2"})
    frontier.learn({"user": "a", "repositories": [made("a", 1)], "after": "rest:2", "next": None})
    assert found(frontier, "following", "repositories") == [(2, 1)]


def test_seed_is_spelled_as_the_api_spells_it_and_counts_once():
    frontier = in_memory(["ANN", "ann"])
    assert frontier.known == 1
    frontier.learn({"user": "Ann"})
    assert next(frontier.open_pages()) == Page("following", "Ann")


def test_other_protocol_begins_anew_where_it_cannot_use_the_cursor():
    frontier = in_memory(["a", "b"])
    for login in "ab":
        frontier.learn({"user": login, "repositories": [made(login, 1)], "after": None, "next": None})
    frontier.learn({"user": "a", "following": ["c"], "after": None, "next": "graphql:x"})
    (again,) = frontier.restart("rest")
    frontier.learn(again)
    assert [(page.kind, page.of, page.after) for page in frontier.open_pages()] == [
        ("following", "a", None),
        ("repositories", "a", None),
        ("following", "b", None),
    ]
    frontier.learn({"user": "a", "repositories": [made("a", 2)], "after": None, "next": None})
    frontier.learn({"user": "a", "following": ["d"], "after": None, "next": None})
    assert found(frontier, "following", "repositories") == [(1, 1)], "the first page makes earlier ones void"


def test_vain_seeds_are_an_error_that_names_them():
    frontier = in_memory(["ghost", "phantom"], users=2)
    frontier.learn({"user": "ghost", "status": "gone"})
    with pytest.raises(ConfigError, match=r"ghost \(gone\), phantom \(forbidden\)"):
        frontier.learn({"user": "phantom", "status": "forbidden"})


def page(**what: object) -> dict:
    return {"user": "a", "after": None, "next": None, **what}


def test_cursor_that_leads_back_is_asked_with_again_and_the_list_goes_on_from_there():
    frontier = in_memory(["a"])
    frontier.learn(page(repositories=[]))
    frontier.learn(page(following=["b"], next="graphql:1"))
    frontier.learn(page(following=["c"], after="graphql:1", next="graphql:2"))
    for back in ("graphql:1", "graphql:2"):
        frontier.learn(page(following=["d"], after="graphql:2", next=back))
        assert next(frontier.open_pages()) == Page("following", "a", "graphql:2")
    frontier.learn(page(following=["d", "e"], after="graphql:2"))
    assert found(frontier, "following") == [(4,)]


@pytest.mark.parametrize("items", [["b"], []])
def test_list_that_never_comes_to_an_end_is_given_up(items):
    frontier = in_memory(["z", "a"])
    for kind in ("repositories", "following"):
        frontier.learn(page(user="z", **{kind: []}))
    frontier.learn(page(repositories=[]))
    frontier.learn(page(following=items, next="rest:2"))
    asked = 1
    while (where := next(frontier.open_pages())).of == "a":
        number = int(where.after.removeprefix("rest:"))
        frontier.learn(page(following=items, after=where.after, next=f"rest:{number + 1}"))
        asked += 1
        if frontier.finished:
            break
    assert asked < 10
    assert found(frontier, "user", "status") == [("z", "ok"), ("a", "malformed")]


def test_pages_without_anyone_new_are_passed_over():
    frontier = in_memory(["a"])
    frontier.learn(page(repositories=[]))
    frontier.learn(page(following=["b"], next="rest:2"))
    frontier.learn(page(following=[], after="rest:2", next="rest:3"))
    frontier.learn(page(following=["b"], after="rest:3", next="rest:4"))
    frontier.learn(page(following=["c"], after="rest:4"))
    assert found(frontier, "following") == [(2,)]


def test_languages_of_an_excluded_repository_are_not_asked_for():
    frontier = in_memory(["a"], excluded=["A/0"])
    frontier.learn(page(repositories=[made("a", 0, languages=None), made("a", 1, languages=None)]))
    assert list(frontier.open_pages()) == [Page("following", "a"), Page("languages", "a/1")]


def test_fewer_repositories_wanted_end_the_crawl_earlier_and_more_let_it_go_on():
    graph, owned = {"a": {"b", "c"}}, {"a": 2, "b": 2, "c": 2}
    index = Index(None, "settings")
    finish(Frontier(index, ["a"]), graph, random.Random(0), owned)
    for wanted, users in ((1, 1), (3, 2), (100, 3)):
        frontier = Frontier(index, ["a"], repositories=wanted)
        assert (frontier.finished, frontier.done) == (True, users)
