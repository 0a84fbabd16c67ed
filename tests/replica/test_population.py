from collections import deque
from unittest import mock

from replica import Replica
from replica.population import Population

NUMBERS = [0, 1, 2, 40, 130]


def population(count: int = 50) -> Population:
    return Population(count, [0, 3, 7], NUMBERS)


def test_everyone_is_reached_from_the_first_user():
    made = population()
    reached, waiting = {made.users[0].login}, deque([made.users[0]])
    while waiting:
        for login in waiting.popleft().following:
            if login not in reached:
                reached.add(login)
                waiting.append(made.user(login))
    assert len(reached) == 50


def test_population_is_the_same_each_time_and_owns_what_the_numbers_say():
    one, other = population(), population()
    for user, twin in zip(one.users, other.users, strict=True):
        assert (user.following, list(user.repositories)) == (twin.following, list(twin.repositories))
    assert {len(user.repositories) for user in one.users} == set(NUMBERS)
    assert len(one.repositories) == sum(len(list(user.repositories)) for user in one.users)


def test_repository_is_found_by_its_name_and_by_its_number():
    made = population()
    owner = next(user for user in made.users if len(user.repositories) == 40)
    repository = owner.repositories[39]
    assert made.repository(owner.login.upper(), repository.name) == repository
    assert made.numbered_repository(made.repository_number(repository)) == repository
    assert made.numbered_user(made.user_number(owner.login)) is owner
    for name in ("project-00040", "other"):
        assert made.repository(owner.login, name) is None
    assert made.repository("nobody", repository.name) is None
    assert made.numbered_user(51) is None
    assert owner.repositories[38:] == [owner.repositories[38], owner.repositories[-1]]


def test_replica_serves_it(tmp_path):
    made = population()
    with mock.patch("replica.server.build_hub", return_value=made), Replica(tmp_path) as replica:
        service = replica.apis[-1]
        assert str(service) == f"{len(made.repositories)} repositories of 50 users"
        for user in made.users[:5]:
            answer = service._rest.answer(f"/users/{user.login}/repos", [("per_page", "100")])
            assert [each["full_name"] for each in answer.body] == [
                each.full_name for each in user.repositories[:100]
            ]
