"""Users by the ten thousand, made up: what each owns is made when it is asked for, and takes no memory.

How many repositories a user owns, and how many others a user follows, is drawn from lists of numbers, which a
benchmark takes from real accounts.
"""

import random
import zlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import overload

from replica.hub import User, connect
from replica.licences import Licence
from replica.repositories import Repository

LANGUAGES = ["C", "C++", "CSS", "Go", "HTML", "Java", "JavaScript", "Kotlin", "Python", "Rust", "Shell"]
LICENCES = [
    None,
    Licence("mit", "MIT License", "MIT"),
    Licence("apache-2.0", "Apache License 2.0", "Apache-2.0"),
]
MOST = 100_000  # repositories of one user


class Owned(Sequence):
    """The repositories of one user, by name."""

    def __init__(self, owner: str, count: int):
        self._owner = owner
        self._count = count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> Repository: ...
    @overload
    def __getitem__(self, place: slice) -> list[Repository]: ...
    def __getitem__(self, place):
        if isinstance(place, slice):
            return [made(self._owner, each) for each in range(*place.indices(self._count))]
        if not -self._count <= place < self._count:
            raise IndexError(place)
        return made(self._owner, place % self._count)


@lru_cache(maxsize=4096)
def made(owner: str, number: int) -> Repository:
    """A repository, which depends on its name alone."""
    chance = random.Random(zlib.crc32(f"{owner}/{number}".encode()))
    languages = {name: chance.randrange(1, 99_999) for name in chance.sample(LANGUAGES, chance.randrange(4))}
    return Repository(
        owner=owner,
        name=f"project-{number:05}",
        view=Path("/nowhere"),
        default_branch="main",
        head="a" * 40,
        pushed_at="2024-01-01T00:00:00Z",
        size_kib=chance.randrange(1, 99_999),
        languages=dict(sorted(languages.items(), key=lambda each: -each[1])),
        licence=chance.choice(LICENCES),
        stars=int(chance.paretovariate(1)) - 1,
        fork=chance.random() < 0.4,
    )


class Population:
    """What a replica asks of a `Hub`, for `count` users, everyone of whom is reached from the first.

    Each follows as many as `follows` says for someone drawn by chance, at least those through whom others are
    reached, and owns as many repositories as `repositories` says.
    """

    def __init__(self, count: int, follows: Sequence[int], repositories: Sequence[int], seed: int = 0):
        chance = random.Random(seed)
        self.users = [User(f"user-{number:05}") for number in range(count)]
        for number, user in enumerate(self.users):
            user.repositories = Owned(user.login, chance.choice(repositories))
            if number:
                connect(self.users[chance.randrange(number)], user)
        for user in self.users:
            wanted = min(chance.choice(follows), count - 1)
            while len(user.following) < wanted:
                connect(user, chance.choice(self.users))
        self._users = {user.login: user for user in self.users}

    @property
    def repositories(self) -> range:
        """Stands for all repositories, to be counted."""
        return range(sum(len(user.repositories) for user in self.users))

    def user(self, login: str) -> User | None:
        return self._users.get(login.lower())

    def repository(self, owner: str, name: str) -> Repository | None:
        user = self.user(owner)
        number = name.lower().removeprefix("project-")
        if user is None or not number.isdecimal() or int(number) >= len(user.repositories):
            return None
        return user.repositories[int(number)]

    def user_number(self, login: str) -> int:
        return int(login.removeprefix("user-")) + 1

    def repository_number(self, repository: Repository) -> int:
        number = int(repository.name.removeprefix("project-"))
        return self.user_number(repository.owner) * MOST + number

    def numbered_user(self, identifier: int) -> User | None:
        return self.users[identifier - 1] if 0 < identifier <= len(self.users) else None

    def numbered_repository(self, identifier: int) -> Repository | None:
        user, number = self.numbered_user(identifier // MOST), identifier % MOST
        return user.repositories[number] if user and number < len(user.repositories) else None
