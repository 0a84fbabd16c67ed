import json

import pytest
from github_study import hub, repository, rows, scrape, serve, study

from garner.errors import InputError, Interrupted
from garner.sources.repository_list import read_list

PROTOCOLS = ["graphql", "rest"]


@pytest.fixture
def listed(tmp_path):
    """Writes a list and returns its path."""

    def write(*lines: str) -> str:
        (tmp_path / "list.txt").write_text("\n".join(lines) + "\n")
        return str(tmp_path / "list.txt")

    return write


def made_up(**languages: dict[str, int]):
    owned = {
        "Ann": [repository("Ann", "one", fork=True), repository("Ann", "two", languages={"C": 5})],
        "bob": [repository("bob", "three", licence=None)],
    }
    return hub({"Ann": ["bob"]}, owned)


def test_list_may_hold_comments_blanks_and_doubles(listed):
    assert read_list(listed("\ufeff# mine\r", "", "psf/requests  # http", " PSF/Requests", "a/b")) == [
        "psf/requests",
        "a/b",
    ]


@pytest.mark.parametrize("line", ["requests", "a/b/c", "https://github.com/a/b", "a/..", "a b/c", "a/b c"])
def test_bad_line_is_named_by_its_number(listed, line):
    with pytest.raises(InputError, match=r"list\.txt, line 3 is .*owner/name"):
        read_list(listed("# mine", "a/b", line))


def test_list_without_repositories_and_missing_list_are_errors(listed, tmp_path):
    with pytest.raises(InputError, match="names no repository"):
        read_list(listed("# nothing"))
    with pytest.raises(InputError, match=r"scrape\.repositories_file, can't be read: No such file"):
        read_list(tmp_path / "absent.txt")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_listed_repositories_are_looked_up_and_nobody_is_crawled(tmp_path, listed, protocol):
    path = listed("bob/three", "ann/ONE", "Ann/two")
    with serve(made_up()) as api:
        scrape(study(api.url, protocol, repositories_file=path, forks=False), tmp_path / "state")
        asked = len(api.requests)
        assert asked == (1 if protocol == "graphql" else 6)
        scrape(study(api.url, protocol, repositories_file=path), tmp_path / "state")
        assert len(api.requests) == asked
    assert [row["repository"] for row in rows(tmp_path, "repositories")] == [
        "Ann/one",
        "Ann/two",
        "bob/three",
    ]
    assert [
        (row["user"], row["order"], row["status"], row["repositories"]) for row in rows(tmp_path, "users")
    ] == [
        ("bob", 0, "ok", 1),
        ("Ann", 1, "ok", 2),
    ]
    assert [row["order"] for row in rows(tmp_path, "repositories")] == [1, 1, 0]


def test_both_protocols_give_the_same_bytes(tmp_path, listed):
    owned = [repository("ann", f"r{index:03}", languages={"C": index}) for index in range(130)]
    owned.append(repository("ann", "babel", languages={f"L{index}": 1 for index in range(130)}))
    path = listed(*(f"ann/{each.name}" for each in owned), "ann/ghost", "ghost/x")
    with serve(hub({"ann": []}, {"ann": owned})) as api:
        first = scrape(study(api.url, "graphql", repositories_file=path), tmp_path / "graphql/state")
        assert len(api.requests) == 3, "a hundred at once, the others, and a second page of languages"
        assert scrape(study(api.url, "rest", repositories_file=path), tmp_path / "rest/state") == first
    assert len(rows(tmp_path / "rest", "repositories")) == 131


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_repositories_that_are_gone_are_counted_and_an_error_only_if_all_are(tmp_path, listed, protocol):
    with serve(made_up()) as api:
        path = listed("ann/ghost", "ghost/x", "ann/two")
        scrape(study(api.url, protocol, repositories_file=path), tmp_path / "state")
        assert [(row["user"], row["status"], row["repositories"]) for row in rows(tmp_path, "users")] == [
            ("ann", "ok", 1),
            ("ghost", "gone", 0),
        ]
        path = listed("ann/ghost", "ghost/x")
        with pytest.raises(InputError, match=r"list\.txt was found: ann/ghost \(gone\), ghost/x \(gone\)"):
            scrape(study(api.url, protocol, repositories_file=path), tmp_path / "state")


def test_longer_list_asks_only_for_what_is_new_and_a_shorter_one_for_nothing(tmp_path, listed):
    with serve(made_up()) as api:
        scrape(study(api.url, repositories_file=listed("ann/one")), tmp_path / "state")
        scrape(study(api.url, repositories_file=listed("bob/three", "ann/one")), tmp_path / "state")
        assert len(api.requests) == 2
        assert "three" in api.records[1]["body"]
        assert "one" not in json.loads(api.records[1]["body"])["query"].split("{ nameWithOwner")[0]
        scrape(study(api.url, repositories_file=listed("bob/three")), tmp_path / "state")
        assert len(api.requests) == 2
    assert [row["repository"] for row in rows(tmp_path, "repositories")] == ["bob/three"]


def test_excluded_repositories_are_not_even_asked_for(tmp_path, listed):
    with serve(made_up()) as api:
        path = listed("ann/one", "ann/two", "bob/three")
        settings = study(api.url, "rest", exclude=("BOB", "ann/ONE"), repositories_file=path)
        scrape(settings, tmp_path / "state")
        assert {request.path.split("/")[3] for request in api.requests} == {"two"}
    assert [row["repository"] for row in rows(tmp_path, "repositories")] == ["Ann/two"]
    assert [row["user"] for row in rows(tmp_path, "users")] == ["Ann"]


def test_renamed_repository_goes_by_its_new_name_once(tmp_path, listed):
    with serve(made_up()) as api:
        moved = {"Location": f"{api.url}/repos/Ann/two"}
        api.intercept = lambda request: (301, moved, b"") if request.path == "/repos/old/name" else None
        path = listed("old/name", "Ann/two")
        scrape(study(api.url, "rest", repositories_file=path), tmp_path / "state")
    assert [row["repository"] for row in rows(tmp_path, "repositories")] == ["Ann/two"]
    assert [(row["user"], row["repositories"]) for row in rows(tmp_path, "users")] == [("Ann", 1)]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_interrupted_look_up_goes_on(tmp_path, listed, protocol, monkeypatch):
    path = listed("bob/three", "ann/one", "ann/two", "ann/ghost")
    with serve(made_up()) as api:
        calm = scrape(study(api.url, protocol, repositories_file=path), tmp_path / "calm/state")
        total = len(api.requests)
        for stop in range(1, total):
            end = len(api.requests) + stop
            with monkeypatch.context() as patched, pytest.raises(Interrupted):
                patched.setattr("garner.crawl.stop_requested", lambda end=end: len(api.requests) == end)
                scrape(study(api.url, protocol, repositories_file=path), tmp_path / f"{stop}/state")
            begin = end - stop
            assert (
                scrape(study(api.url, protocol, repositories_file=path), tmp_path / f"{stop}/state") == calm
            )
            assert len(api.requests) - begin == total


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_repository_whose_look_up_always_fails_is_gone_round_and_tried_again(
    tmp_path, listed, protocol, monkeypatch
):
    monkeypatch.setattr("backoff.full_jitter", lambda bound: 0.0)
    path = listed("Ann/one", "bob/three", "Ann/two")
    with serve(made_up(), quota=1000) as api:
        settings = study(api.url, protocol, repositories_file=path)
        calm = scrape(settings, tmp_path / "calm/state")

        def fail(request):
            return (502, {}, b"") if b"three" in request.body or "three" in request.path else None

        api.intercept = fail
        scrape(settings, tmp_path / "state")
        assert [row["repository"] for row in rows(tmp_path, "repositories")] == ["Ann/one", "Ann/two"]
        api.intercept = None
        begin = len(api.requests)
        assert scrape(settings, tmp_path / "state") == calm
        assert 1 <= len(api.requests) - begin <= 2, "only that one is asked for again"
        begin = len(api.requests)
        (tmp_path / "state/index.sqlite").unlink()
        assert scrape(settings, tmp_path / "state") == calm
        assert len(api.requests) == begin
