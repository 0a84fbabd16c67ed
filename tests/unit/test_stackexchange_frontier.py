from hypothesis import given
from hypothesis import strategies as st

from garner.sources.stackexchange_frontier import Listed, Walk, Window


def record(begin: int, end: int, *created: int, page: int = 1) -> dict:
    return {"from": begin, "to": end, "page": page, "questions": [{"created": each} for each in created]}


def pages(frontier) -> list:
    return list(frontier.open_pages())


def test_walk_begins_at_the_beginning_and_goes_on_where_an_answer_ended():
    walk = Walk(10, 50)
    assert pages(walk) == [Window(10, 50, 1)]
    walk.learn(record(10, 30, 12, 17))
    assert pages(walk) == [Window(30, 50, 1)]
    assert (walk.done, walk.finished) == (2, False)
    walk.learn(record(30, 50, 44))
    assert (walk.done, walk.finished, pages(walk)) == (3, True, [])


def test_second_that_fills_a_page_is_turned_over():
    walk = Walk(10, 50)
    walk.learn(record(10, 20, 11))
    walk.learn(record(20, 20, 20, 20))
    assert pages(walk) == [Window(20, 50, 2)]
    walk.learn(record(20, 20, 20, 20, page=2))
    assert pages(walk) == [Window(20, 50, 3)]
    walk.learn(record(20, 40, 20, 33, page=3))
    assert pages(walk) == [Window(40, 50, 1)]
    assert walk.done == 7


def test_empty_window_is_finished():
    assert Walk(10, 10).finished
    assert Walk(10, 5).finished


def test_what_is_known_is_left_out_and_counted_as_far_as_it_is_within():
    walk = Walk(10, 100)
    walk.learn(record(40, 60, 45, 55))
    walk.learn(record(0, 20, 5, 15))
    walk.learn(record(90, 120, 95, 110))
    assert pages(walk) == [Window(20, 40, 1)]
    assert walk.done == 1
    walk.learn(record(20, 40))
    assert (pages(walk), walk.done) == ([Window(60, 90, 1)], 3)
    walk.learn(record(60, 90))
    assert (walk.finished, walk.done) == (True, 4)


def test_limit_ends_a_walk_when_nothing_older_can_be_missing():
    walk = Walk(0, 100, limit=2)
    walk.learn(record(50, 60, 51, 52, 53))
    assert not walk.finished
    walk.learn(record(0, 40, 1, 2))
    assert walk.finished


def test_records_of_a_list_and_the_end_of_the_window_are_nothing_to_a_walk():
    walk = Walk(0, 100)
    walk.learn({"until": 5})
    walk.learn({"asked": [1], "questions": [{"created": 5}]})
    assert (walk.done, pages(walk)) == (0, [Window(0, 100, 1)])


@given(st.lists(st.integers(0, 60), max_size=80), st.integers(1, 5), st.lists(st.integers(0, 61), max_size=6))
def test_every_question_is_met_whatever_the_windows_before(created, size, cuts):
    """A walk over a made-up site whose window changes ends with every question of the last one."""
    created = sorted(created)
    journal: list[dict] = []
    for begin, end in [*zip(cuts[::2], cuts[1::2], strict=False), (0, 61)]:
        walk = Walk(begin, end)
        for each in journal:
            walk.learn(each)
        for _ in range(500):
            if walk.finished:
                break
            journal.append(answer(created, pages(walk)[0], size))
            walk.learn(journal[-1])
        assert walk.finished
    met = {question["id"] for each in journal for question in each["questions"]}
    assert met == set(range(len(created)))
    assert walk.done == len(created)


def answer(created: list[int], window: Window, size: int) -> dict:
    """The record of a page, as garner.sources.stackexchange_api makes it."""
    found = [(each, number) for number, each in enumerate(created) if window.begin <= each < window.end]
    page = found[(window.page - 1) * size : window.page * size]
    until = page[-1][0] if window.page * size < len(found) else window.end
    kept = [each for each in page if each[0] < until or until == window.begin]
    questions = [{"created": each, "id": number} for each, number in kept]
    return {"from": window.begin, "to": until, "page": window.page, "questions": questions}


def test_list_is_asked_by_the_hundred_each_id_once():
    listed = Listed([*range(250), 3, 4])
    assert (listed.total, listed.done) == (250, 0)
    (first,) = pages(listed)
    assert first == list(range(100))
    listed.learn({"asked": first, "questions": []})
    (second,) = pages(listed)
    assert second == list(range(100, 200))
    listed.learn({"asked": second, "questions": []})
    listed.learn({"asked": pages(listed)[0], "questions": []})
    assert (listed.done, listed.finished) == (250, True)


def test_ids_of_an_earlier_list_are_not_asked_again():
    listed = Listed([5, 6, 7, 8])
    listed.learn({"asked": [6, 99], "questions": []})
    listed.learn({"from": 1, "to": 2, "page": 1, "questions": []})
    assert pages(listed) == [[5, 7, 8]]
    assert listed.done == 1


def test_empty_list_is_finished():
    assert Listed([]).finished
