"""The users of a list, and what is left to ask of them."""

from garner.sources.instagram_frontier import DOUBTS, Frontier


def frontier(names: str = "abc", posts: int = 3) -> Frontier:
    return Frontier({name.upper(): name for name in names}, posts)


def profile(user: str, posts: str, following: str | None = None) -> dict:
    return {
        "user": user,
        "count": 9,
        "time": "now",
        "posts": [{"id": each} for each in posts],
        "next": following,
    }


def page(user: str, posts: str, following: str | None = None) -> dict:
    return {"user": user, "posts": [{"id": each} for each in posts], "next": following}


def failed(user: str, status: str) -> dict:
    return {"user": user, "status": status, "detail": "", "time": "now"}


def asked(known: Frontier) -> list[tuple[str, str | None]]:
    return [(user.name, user.next) for user in known.open_pages()]


def learn(known: Frontier, *records: dict) -> Frontier:
    for record in records:
        known.learn(record)
    return known


def test_users_are_asked_in_the_order_of_the_list_page_after_page():
    known = frontier()
    assert asked(known) == [("a", None), ("b", None), ("c", None)]
    learn(known, profile("A", "12", "more"))
    assert asked(known) == [("a", "more"), ("b", None), ("c", None)]
    learn(known, page("A", "34", "yet more"))
    assert asked(known) == [("b", None), ("c", None)]
    assert (known.done, known.known, known.finished) == (1, 3, False)


def test_a_user_ends_with_the_last_page_the_last_post_wanted_or_a_failure():
    known = learn(frontier(), profile("A", "1"), profile("B", "123", "more"), failed("C", "gone"))
    assert known.finished
    assert [user.status for user in known.users.values()] == ["ok", "ok", "gone"]


def test_a_post_that_comes_twice_counts_once():
    known = learn(frontier("a"), profile("A", "12", "more"), page("A", "21", "more"))
    assert not known.finished
    assert learn(known, page("A", "3", "more")).finished


def test_records_of_whoever_is_off_the_list_are_passed_over():
    assert learn(frontier("a"), profile("Z", "1"), failed("Y", "malformed"), profile("A", "1")).finished


def test_some_users_who_cannot_be_read_do_not_stop_the_crawl():
    names = "abcdefghij"
    known = frontier(names)
    for number, name in enumerate(names.upper()):
        learn(known, profile(name, "1") if number % DOUBTS == DOUBTS - 1 else failed(name, "malformed"))
    assert known.done == len(names)
    assert not known.in_doubt


def test_many_in_a_row_stop_it_and_are_asked_for_again_by_the_next_run():
    names = "abcdefgh"
    records = [profile("A", "1"), *(failed(name, "error") for name in "BCD")]
    known = learn(frontier(names), *records)
    assert known.in_doubt
    assert known.finished
    known.ask_anew()
    assert [name for name, _ in asked(known)] == list("efghbcd")
    assert not known.finished
    # The next run is killed after a request, and the one after it knows as much from the records alone.
    again = learn(frontier(names), *records, profile("E", "1"))
    assert [name for name, _ in asked(again)] == list("fghbcd")


def test_a_private_user_does_not_show_that_the_site_answers_as_it_did():
    known = learn(frontier("abcde"), failed("A", "error"), failed("B", "private"), failed("C", "error"))
    learn(known, failed("D", "gone"), failed("E", "error"))
    assert known.in_doubt
    known.ask_anew()
    assert [name for name, _ in asked(known)] == list("ace")


def test_who_cannot_be_read_once_the_others_were_is_given_up():
    known = learn(frontier("abcd"), *(failed(name, "error") for name in "ABC"), profile("D", "1"))
    learn(known, *(failed(name, "error") for name in "ABC"))
    assert not known.in_doubt
    assert known.finished
    assert [user.status for user in known.users.values()] == ["error", "error", "error", "ok"]


def test_as_long_as_nobody_could_be_read_nobody_is_given_up():
    known = frontier("abc")
    for _ in range(3):
        learn(known, *(failed(name, "error") for name in "ABC"))
        assert known.in_doubt
    known.ask_anew()
    assert known.done == 0


def test_a_list_that_was_edited_does_not_change_when_the_site_was_at_fault():
    records = [failed(name, "error") for name in "ABC"]
    known = learn(frontier("abd"), *records)
    assert known.in_doubt
    known.ask_anew()
    assert [name for name, _ in asked(known)] == list("dab")
