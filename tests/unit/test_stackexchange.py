"""The crawl of Stack Exchange, against the replica."""

import random
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from urllib.parse import parse_qs, urlsplit

import pyarrow
import pyarrow.parquet
import pytest
from loopback import Clock
from stackexchange_study import (
    FIRST,
    SITE,
    items,
    key_file,
    operational,
    outputs,
    posts_xml,
    row,
    rows,
    scrape,
    seal,
    study,
)

from garner import crawl
from garner.crawl import Journal
from garner.errors import ConfigError, CredentialsError, InputError, Interrupted, QuotaError
from garner.http import client
from garner.sources import open_source
from replica import Replica
from replica.stackexchange import StackExchange


@pytest.fixture
def serve():
    """`serve(rows, **settings)` starts a replica that holds these questions."""
    running: list[Replica] = []

    def start(asked: list[dict], **settings: object) -> Replica:
        running.append(Replica(apis=[StackExchange(items(asked), site=SITE, **settings)]).__enter__())
        return running[-1]

    yield start
    for replica in running:
        replica.__exit__(None, None, None)


@pytest.fixture
def clock(monkeypatch) -> Clock:
    """Drives the client, so that days pass in no time."""
    driven = Clock(FIRST + 1_000_000_000.0)
    monkeypatch.setattr("garner.sources.stackexchange.connect", partial(client.connect, clock=driven))
    return driven


def api(replica: Replica) -> str:
    return f"{replica.url}/2.3"


def asked(replica: Replica) -> list[dict[str, str]]:
    return [
        {key: value for key, (value,) in parse_qs(urlsplit(seen.path).query).items()}
        for seen in replica.requests
    ]


def day(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"


def ids(documents) -> list[int]:
    return [int(document.group) for document in documents]


def test_every_question_is_fetched_once_with_its_title_body_and_tags(serve, tmp_path):
    replica = serve(rows(250))
    documents, failures = scrape(study(api(replica)), tmp_path / "state")
    assert ids(documents) == list(range(1, 251))
    assert failures == []
    assert len(replica.requests) == 3
    document = documents[6]
    assert document.id == "scifi:7"
    assert document.text.partition("\n\n") == ('Why "7" & not <8>?', "\n\n", row(7)["body"])
    assert document.labels == ("c++", "star-wars", "tag-0")
    assert document.origin == {
        "site": "scifi",
        "question_id": "7",
        "link": "https://scifi.stackexchange.com/questions/7",
        "creation_date": "2020-09-13T13:36:40Z",
        "licence": "CC BY-SA 4.0",
    }


def test_names_of_who_asked_are_stored_nowhere(serve, tmp_path):
    replica = serve(rows(30))
    scrape(study(api(replica)), tmp_path / "state")
    names = [each["owner"]["display_name"] for each in items(rows(30))]
    stored = [
        *Journal(tmp_path / "state", f"{api(replica)} for scifi"),
        *seal(study(api(replica)), tmp_path / "state"),
    ]
    assert not [name for name in names if name in repr(stored)]


def test_no_page_beyond_the_first_is_asked_for_so_that_no_key_is_needed(serve, tmp_path):
    replica = serve(rows(3200))
    documents, _ = scrape(study(api(replica)), tmp_path / "state")
    assert len(documents) == 3200
    assert {each["page"] for each in asked(replica)} == {"1"}
    assert len(replica.requests) == 33  # each page but the last one brings 99 new ones


def test_questions_asked_edited_and_deleted_meanwhile_move_nothing(serve, tmp_path):
    replica = serve(rows(400))
    held = replica.apis[0]
    more = iter(range(5))

    def disturb(request):
        number = next(more, None)
        if number is not None:
            held.delete(str(10 + number))  # fetched already, or about to be
            held.delete(str(390 - number))
            held.shift(7)

    replica.intercept = disturb
    documents, _ = scrape(study(api(replica)), tmp_path / "state")
    assert set(range(15, 386)) <= set(ids(documents))
    assert max(Counter(ids(documents)).values()) == 1


def test_many_questions_within_one_second_are_all_found(serve, tmp_path):
    crowded = [
        row(number, created=FIRST + 50 * (number > 20) + 50 * (number > 370)) for number in range(1, 400)
    ]
    replica = serve(crowded)
    documents, _ = scrape(study(api(replica)), tmp_path / "state")
    assert ids(documents) == list(range(1, 400))
    assert "4" in {each["page"] for each in asked(replica)}


@pytest.mark.parametrize("seed", range(4))
def test_any_crowding_of_questions_in_time_is_crawled_whole(serve, tmp_path, seed):
    chance = random.Random(seed)
    spread = chance.choice([3, 40, 900])
    crowded = [row(number, created=FIRST + chance.randrange(spread)) for number in range(1, 700)]
    replica = serve(crowded)
    documents, _ = scrape(study(api(replica)), tmp_path / "state")
    assert ids(documents) == list(range(1, 700))


def test_only_the_days_asked_for_are_fetched_the_last_one_not_among_them(serve, tmp_path):
    replica = serve(rows(1000))
    begin, end = "2020-09-15", "2020-09-17"
    documents, _ = scrape(study(api(replica), from_date=begin, to_date=end), tmp_path / "state")
    days = [document.origin["creation_date"][:10] for document in documents]
    assert set(days) == {"2020-09-15", "2020-09-16"}
    assert days.count("2020-09-15") == 144
    assert len(replica.requests) == 3


def test_later_to_date_fetches_only_what_is_new(serve, tmp_path):
    replica = serve(rows(900))
    state = tmp_path / "state"
    first, _ = scrape(study(api(replica), to_date="2020-09-17"), state)
    before = len(replica.requests)
    both, _ = scrape(study(api(replica), to_date="2020-09-18"), state)
    assert len(both) - len(first) == 144
    assert len(replica.requests) - before == 2
    assert int(asked(replica)[before]["fromdate"]) >= datetime(2020, 9, 16, 23, 59, tzinfo=UTC).timestamp()
    calm, _ = scrape(study(api(replica), to_date="2020-09-18"), tmp_path / "calm" / "state")
    assert both == calm


def test_window_may_grow_at_both_ends_and_shrink_again(serve, tmp_path):
    replica = serve(rows(900))
    state = tmp_path / "state"
    middle, _ = scrape(study(api(replica), from_date="2020-09-15", to_date="2020-09-16"), state)
    whole, _ = scrape(study(api(replica), to_date="2020-09-20"), state)
    calm, _ = scrape(study(api(replica), to_date="2020-09-20"), tmp_path / "calm" / "state")
    assert whole == calm
    before = len(replica.requests)
    assert scrape(study(api(replica), from_date="2020-09-15", to_date="2020-09-16"), state)[0] == middle
    assert len(replica.requests) == before


def test_without_to_date_the_crawl_ends_where_its_first_day_began_also_on_later_days(
    serve, tmp_path, monkeypatch
):
    class Day(datetime):
        days = 2

        @classmethod
        def now(cls, zone=None):
            return datetime.fromtimestamp(FIRST + cls.days * 86400, zone)

    monkeypatch.setattr("garner.sources.stackexchange.datetime", Day)
    replica = serve(rows(900))
    documents, _ = scrape(study(api(replica)), tmp_path / "state")
    assert documents[-1].origin["creation_date"] < day(FIRST + 2 * 86400)
    assert len(documents) == 213
    before = len(replica.requests)
    Day.days = 5
    assert scrape(study(api(replica)), tmp_path / "state")[0] == documents
    assert len(replica.requests) == before


def test_stop_after_keeps_the_oldest_questions_exactly(serve, tmp_path):
    replica = serve(rows(900))
    documents, _ = scrape(study(api(replica), questions=150), tmp_path / "state")
    assert ids(documents) == list(range(1, 151))
    assert len(replica.requests) == 2
    more, _ = scrape(study(api(replica), questions=160), tmp_path / "state")
    assert ids(more) == list(range(1, 161))
    assert len(replica.requests) == 2


def test_finished_crawl_asks_nothing_again(serve, tmp_path):
    replica = serve(rows(120))
    settings = study(api(replica), to_date="2020-09-20")
    first = scrape(settings, tmp_path / "state")
    sealed = outputs(tmp_path / "state")["documents"].read_bytes()
    assert scrape(settings, tmp_path / "state") == first
    assert outputs(tmp_path / "state")["documents"].read_bytes() == sealed
    assert len(replica.requests) == 2


def stop_at(monkeypatch, number: int) -> None:
    calls = iter(range(number))
    monkeypatch.setattr(crawl, "stop_requested", lambda: next(calls, None) is None)


def test_stopped_crawl_goes_on_where_it_stopped_and_ends_the_same(serve, tmp_path, monkeypatch):
    replica = serve(rows(700))
    settings = study(api(replica), to_date="2020-09-20")
    scrape(settings, tmp_path / "calm" / "state")
    calm = len(replica.requests)
    state = tmp_path / "state"
    for _ in range(calm - 1):
        stop_at(monkeypatch, 1)
        with pytest.raises(Interrupted):
            open_source(settings, state, operational()).crawl()
    stop_at(monkeypatch, 100)
    scrape(settings, state)
    assert len(replica.requests) == 2 * calm
    for name, path in outputs(state).items():
        assert path.read_bytes() == outputs(tmp_path / "calm" / "state")[name].read_bytes()


def test_crawl_killed_before_an_answer_was_kept_repeats_that_request_alone(serve, tmp_path, monkeypatch):
    replica = serve(rows(500))
    settings = study(api(replica), to_date="2020-09-20")
    keep = Journal.append
    left = iter(range(3))

    def die(journal: Journal, records) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        keep(journal, records)

    monkeypatch.setattr(Journal, "append", die)
    with pytest.raises(KeyboardInterrupt):
        open_source(settings, tmp_path / "state", operational()).crawl()
    monkeypatch.setattr(Journal, "append", keep)
    documents, _ = scrape(settings, tmp_path / "state")
    assert len(documents) == 500
    paths = Counter(seen.path for seen in replica.requests)
    assert sorted(paths.values())[-2:] == [1, 2]


def test_excluded_questions_are_in_no_result(serve, tmp_path):
    replica = serve(rows(60))
    exclude = ["7", "https://scifi.stackexchange.com/q/9", "https://scifi.stackexchange.com/questions/11/why"]
    documents, _ = scrape(study(api(replica), exclude), tmp_path / "state")
    assert sorted({7, 9, 11} & set(ids(documents))) == []
    assert len(documents) == 57


def test_list_is_fetched_by_the_hundred_and_what_is_gone_is_named(serve, tmp_path):
    replica = serve(rows(230))
    replica.apis[0].delete("12")
    listed = tmp_path / "questions.txt"
    listed.write_text(
        "\n".join([*map(str, range(1, 241)), "https://scifi.stackexchange.com/questions/3/why"])
    )
    settings = study(api(replica), questions_file=str(listed))
    documents, failures = scrape(settings, tmp_path / "state")
    gone = [12, *range(231, 241)]
    assert ids(documents) == [number for number in range(1, 231) if number != 12]
    assert [(each["item"], each["reason"]) for each in failures] == [
        (f"scifi:{each}", "gone") for each in gone
    ]
    assert all(each["detail"] and each["time"].endswith("Z") for each in failures)
    assert len(replica.requests) == 3


def test_longer_list_fetches_only_what_is_new_in_it(serve, tmp_path):
    replica = serve(rows(300))
    listed = tmp_path / "questions.txt"
    settings = study(api(replica), exclude=["5"], questions_file=str(listed))
    listed.write_text("1\n2\n5\n")
    assert ids(scrape(settings, tmp_path / "state")[0]) == [1, 2]
    listed.write_text("2\n5\n140\n")
    assert ids(scrape(settings, tmp_path / "state")[0]) == [2, 140]
    assert [urlsplit(seen.path).path for seen in replica.requests] == [
        "/2.3/questions/1;2",
        "/2.3/questions/140",
    ]


def test_question_that_cannot_be_read_is_named_and_costs_no_other(serve, tmp_path):
    replica = serve(rows(40))
    del replica.apis[0]._questions[17]["body"]
    documents, failures = scrape(study(api(replica)), tmp_path / "state")
    assert len(documents) == 39
    assert [(each["item"], each["reason"], each["detail"]) for each in failures] == [
        ("scifi:17", "malformed", "it has no body")
    ]


def test_key_is_sent_as_a_parameter_and_stored_nowhere(serve, tmp_path, caplog):
    replica = serve(rows(150), keys=["secret-key"], quota=0)
    queries: list[str] = []
    replica.intercept = lambda request: queries.append(request.query)
    tokens = key_file(tmp_path, "secret-key")
    scrape(study(api(replica)), tmp_path / "state", tokens=tokens)
    assert [parse_qs(query)["key"] for query in queries] == [["secret-key"]] * 2
    tokens.unlink()
    assert not any(b"secret-key" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert "secret-key" not in caplog.text


def test_unknown_key_is_refused_by_its_place_and_never_by_its_text(serve, tmp_path):
    replica = serve(rows(10), keys=["good-key"])
    with pytest.raises(CredentialsError, match=r"keys, line 1: put a valid key there") as caught:
        scrape(study(api(replica)), tmp_path / "state", tokens=key_file(tmp_path, "bad-key"))
    assert "bad-key" not in str(caught.value)


def test_expired_key_among_good_ones_is_passed_over(serve, tmp_path):
    replica = serve(rows(350), keys=["one", "two"])
    replica.apis[0].expire(0)
    documents, _ = scrape(study(api(replica)), tmp_path / "state", tokens=key_file(tmp_path, "one", "two"))
    assert len(documents) == 350


def test_backoff_is_waited_for_before_the_next_request(serve, tmp_path, clock):
    replica = serve(rows(900), backoff=(3, 17), clock=clock.time)
    documents, _ = scrape(study(api(replica)), tmp_path / "state", on_quota="stop")
    assert len(documents) == 900
    assert len(replica.requests) == 10  # none was refused
    assert 3 * 17 <= clock.slept < 3 * 17 + 10


def test_used_up_quota_is_waited_out_for_as_long_as_the_api_says(serve, tmp_path, clock):
    replica = serve(rows(900), quota=4, clock=clock.time)
    documents, _ = scrape(study(api(replica)), tmp_path / "state")
    assert len(documents) == 900
    assert len(replica.requests) == 10 + 2  # each day ends with one that is told the seconds
    assert 2 * 86_400 <= clock.slept < 2 * 86_400 + 600


def test_used_up_quota_may_end_the_run_and_the_next_one_goes_on(serve, tmp_path, clock):
    replica = serve(rows(500), quota=4, clock=clock.time)
    settings = study(api(replica))
    with pytest.raises(QuotaError, match=r"run the same command again"):
        scrape(settings, tmp_path / "state", on_quota="stop")
    clock.now += 86_401
    documents, _ = scrape(settings, tmp_path / "state", on_quota="stop")
    assert len(documents) == 500
    assert max(Counter(seen.path for seen in replica.requests).values()) <= 2


def test_too_many_requests_in_a_second_are_waited_out(serve, tmp_path, clock):
    replica = serve(rows(900), per_second=4, clock=clock.time)
    documents, _ = scrape(study(api(replica)), tmp_path / "state")
    assert len(documents) == 900
    assert 30 <= clock.slept < 200


def test_answer_to_another_question_is_asked_for_again(serve, tmp_path, clock):
    """A cache that gives an old page, or one that repeats itself."""
    replica = serve(rows(450))
    kept: list[bytes] = []
    turn = iter(range(100))

    def repeat(request):
        number = next(turn)
        if number in (1, 2, 4):  # the page that came before
            return 200, {"Content-Type": "application/json"}, kept[-1]
        kept.append(replica.apis[0].reply(request).body)
        return None

    replica.intercept = repeat
    documents, _ = scrape(study(api(replica)), tmp_path / "state")
    assert ids(documents) == list(range(1, 451))


def test_unknown_site_is_named(serve, tmp_path):
    replica = serve(rows(3))
    with pytest.raises(client.ApiError, match=r"No site found for name `startrek`.*scrape\.site"):
        scrape(study(api(replica), site="startrek"), tmp_path / "state")


def test_state_of_another_site_is_not_mixed_in(serve, tmp_path):
    replica = serve(rows(3))
    scrape(study(api(replica)), tmp_path / "state")
    with pytest.raises(ConfigError, match=r"for scifi"):
        scrape(study(api(replica), site="crypto"), tmp_path / "state")


def test_crawl_that_finds_nothing_is_an_error_and_leaves_no_result(serve, tmp_path):
    replica = serve(rows(3))
    with pytest.raises(InputError, match=r"not one question .* scrape\.site, from_date"):
        scrape(study(api(replica), from_date="2021-01-01", to_date="2021-01-02"), tmp_path / "state")
    assert not outputs(tmp_path / "state")["documents"].exists()
    assert not (tmp_path / "state" / "questions.sqlite").exists()


def test_day_to_stop_on_ends_the_crawl_with_what_there_is(serve, tmp_path, clock):
    replica = serve(rows(900))
    turn = iter(range(100))

    def pass_a_day(request) -> None:
        if next(turn) == 3:
            clock.now += 86_400

    replica.intercept = pass_a_day
    date = day(int(clock.now) + 86_400)
    documents, _ = scrape(study(api(replica), date=date), tmp_path / "state")
    assert len(replica.requests) == 4
    assert ids(documents) == list(range(1, len(documents) + 1))
    assert 390 < len(documents) < 400


@pytest.mark.parametrize("pipes", [False, True])
def test_dump_gives_the_same_documents_as_the_api_without_a_request(serve, tmp_path, pipes):
    asked_for = rows(300)
    replica = serve(asked_for)
    dump = tmp_path / "Posts.xml"
    dump.write_text(posts_xml(asked_for, pipes), encoding="utf-8")
    window = {"from_date": "2020-09-14", "to_date": "2020-09-15"}
    for changes in ({}, window, {"questions": 77}, {"exclude": ["5", "6"]}):
        of_api = study(api(replica), **changes)
        from_api, _ = scrape(of_api, tmp_path / f"api-{len(changes)}-{len(str(changes))}" / "state")
        from_dump, failures = scrape(study(dump=str(dump), **changes), tmp_path / "dump" / "state")
        assert from_dump == from_api
        assert failures == []


def write_table(path, asked: list[dict]) -> str:
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(asked), path)
    return str(path)


def test_table_gives_the_documents_of_the_api_but_for_date_and_licence(serve, tmp_path):
    asked_for = rows(300)
    replica = serve(asked_for)
    write_table(tmp_path / "questions_scifi.parquet", random.Random(1).sample(asked_for, 300))
    for changes in ({}, {"questions": 77}, {"exclude": ["5", "6"]}):
        from_api, _ = scrape(study(api(replica), **changes), tmp_path / f"api{len(str(changes))}" / "state")
        from_table, failures = scrape(study(dump=str(tmp_path), **changes), tmp_path / "table" / "state")
        assert failures == []
        assert [(each.id, each.text, each.labels) for each in from_table] == [
            (each.id, each.text, each.labels) for each in from_api
        ]
        assert {frozenset(each.origin) for each in from_table} == {frozenset({"site", "question_id", "link"})}
    assert list((tmp_path / "table" / "state").iterdir()) == []


@pytest.mark.parametrize("date", ["from_date", "to_date"])
def test_days_are_refused_for_a_table_which_does_not_tell_them(tmp_path, date):
    path = write_table(tmp_path / "a.parquet", rows(3))
    with pytest.raises(
        ConfigError, match=r"does not tell when .* scrape\.from_date and scrape\.to_date to null"
    ):
        open_source(study(dump=path, **{date: "2020-09-14"}), tmp_path, operational())


def test_row_of_a_table_that_cannot_be_read_is_named_and_costs_no_other(tmp_path):
    path = write_table(tmp_path / "a.parquet", [*rows(9), row(10, body=None)])
    documents, failures = scrape(study(dump=path), tmp_path / "state")
    assert len(documents) == 9
    assert failures == [{"item": "scifi:10", "reason": "malformed", "detail": "it has no body", "time": None}]


def test_dump_and_list_at_once_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"scrape\.dump and scrape\.questions_file"):
        open_source(study(dump="a", questions_file="b"), tmp_path, operational())


def test_missing_dump_is_named(tmp_path):
    with pytest.raises(InputError, match=r"absent\.xml, the setting scrape\.dump"):
        scrape(study(dump=str(tmp_path / "absent.xml")), tmp_path / "state")


def test_reading_a_dump_ends_when_asked_to_stop(tmp_path, monkeypatch):
    dump = tmp_path / "Posts.xml"
    dump.write_text(posts_xml(rows(5)), encoding="utf-8")
    monkeypatch.setattr("garner.sources.stackexchange.stop_requested", lambda: True)
    with pytest.raises(Interrupted):
        seal(study(dump=str(dump)), tmp_path / "state")
    assert list((tmp_path / "results").glob("*")) == []


def test_setting_that_names_no_site_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"scrape\.site is 'https://scifi"):
        open_source(study(site="https://scifi.stackexchange.com"), tmp_path, operational())
