"""Who follows whom."""

import pytest

from replica.hub import Hub, User, follow, number


def users(count: int, seed: int) -> list[User]:
    made = [User(f"user-{index:03}") for index in range(count)]
    follow(made, seed)
    return made


@pytest.mark.parametrize("count", [1, 2, 7, 150])
def test_everyone_is_reached_from_the_first_user(count):
    by_login = {user.login: user for user in users(count, seed=3)}
    reached, waiting = set(), ["user-000"]
    while waiting:
        login = waiting.pop()
        if login not in reached:
            reached.add(login)
            waiting += by_login[login].following
    assert reached == set(by_login)


def test_followers_are_who_follows_and_nobody_follows_himself_or_twice():
    made = users(60, seed=1)
    edges = {(user.login, other) for user in made for other in user.following}
    assert edges == {(other, user.login) for user in made for other in user.followers}
    assert len(edges) == sum(len(user.following) for user in made)
    assert all(login != other for login, other in edges)


def test_seed_alone_decides_who_follows_whom():
    assert [user.following for user in users(30, 1)] == [user.following for user in users(30, 1)]
    assert [user.following for user in users(30, 1)] != [user.following for user in users(30, 2)]


def test_numbers_are_different_and_fit_graphqls_integers():
    names = [f"name-{index}" for index in range(20_000)]
    numbers = number(names)
    assert len(set(numbers.values())) == len(names)
    assert all(0 <= each < 2**31 for each in numbers.values())
    assert number(names[:3])["name-1"] == numbers["name-1"]


def test_users_are_found_by_login_and_number():
    hub = Hub([User("Ada"), User("bob")])
    assert hub.user("ADA").login == "Ada"
    assert hub.numbered_user(hub.user_number("bob")).login == "bob"
    assert hub.user("eve") is None
