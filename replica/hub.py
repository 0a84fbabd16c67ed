"""Users and their repositories: everything that one replica knows."""

import base64
import dataclasses
import hashlib
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from garner.errors import InputError
from garner.logs import track
from replica.repositories import Repository, find_repositories, read_repository

FOLLOWED = 3  # users that each one follows by chance, besides those through whom everyone is reached


@dataclass
class User:
    login: str
    following: list[str] = field(default_factory=list)
    followers: list[str] = field(default_factory=list)
    repositories: list[Repository] = field(default_factory=list)


class Hub:
    """Users and repositories, found by login and full name whatever the case, as on GitHub, or by number."""

    def __init__(self, users: Iterable[User]):
        self.users = sorted(users, key=lambda user: user.login.lower())
        self.repositories = [repository for user in self.users for repository in user.repositories]
        self._users = {user.login.lower(): user for user in self.users}
        self._repositories = {repository.full_name.lower(): repository for repository in self.repositories}
        self._user_numbers = number([user.login for user in self.users])
        self._repository_numbers = number([repository.full_name for repository in self.repositories])
        self._numbered_users = {self._user_numbers[user.login]: user for user in self.users}
        self._numbered_repositories = {self.repository_number(each): each for each in self.repositories}

    def user(self, login: str) -> User | None:
        return self._users.get(login.lower())

    def repository(self, owner: str, name: str) -> Repository | None:
        return self._repositories.get(f"{owner}/{name}".lower())

    def delete(self, name: str) -> None:
        """Forget a user, or a repository by "owner/name". Raises InputError where there is none."""
        login, _, repository = name.partition("/")
        user = self.user(login)
        found = self.repository(login, repository) if repository else user
        if found is None:
            raise InputError(f"the replica has no {name} to delete.")
        if repository:
            del self._repositories[name.lower()]
            user.repositories.remove(found)
            return
        del self._users[login.lower()]
        for each in user.repositories:
            del self._repositories[each.full_name.lower()]
        for each in self.users:
            each.following = [other for other in each.following if other != user.login]
            each.followers = [other for other in each.followers if other != user.login]

    def numbered_user(self, identifier: int) -> User | None:
        return self._numbered_users.get(identifier)

    def numbered_repository(self, identifier: int) -> Repository | None:
        return self._numbered_repositories.get(identifier)

    def user_number(self, login: str) -> int:
        return self._user_numbers[login]

    def repository_number(self, repository: Repository) -> int:
        return self._repository_numbers[repository.full_name]


def build_hub(
    folder: Path, views: Path, seed: int, extra_users: int = 0, facts: Mapping[str, Mapping] | None = None
) -> Hub:
    """Read the repositories of `folder` and let their owners follow one another.

    Views of the git directories are laid under `views`. `facts` replaces fields of a `Repository` by
    "owner/name".
    """
    facts = facts or {}
    found = find_repositories(folder)
    unknown = sorted(set(facts) - {f"{owner}/{name}" for owner, name in found})
    if unknown:
        raise InputError(f"{folder} holds no {unknown[0]}, of which facts are given.")
    users: dict[str, User] = {}
    for (owner, name), path in track(list(found.items()), "replica", "repositories read"):
        repository = read_repository(owner, name, path, views / owner / f"{name}.git", seed)
        repository = dataclasses.replace(repository, **facts.get(repository.full_name, {}))
        users.setdefault(owner.lower(), User(owner)).repositories.append(repository)
    for login in (f"reader-{index:04}" for index in range(extra_users)):
        users.setdefault(login, User(login))
    follow([users[key] for key in sorted(users)], seed)
    return Hub(users.values())


def follow(users: list[User], seed: int) -> None:
    """A seeded graph in which everyone is reached from the first user."""
    chance = random.Random(seed)
    reached, waiting = users[:1], users[1:]
    chance.shuffle(waiting)
    for user in waiting:
        connect(chance.choice(reached), user)
        reached.append(user)
    for user in users:
        for other in chance.sample(users, min(FOLLOWED, len(users))):
            connect(user, other)


def connect(follower: User, followed: User) -> None:
    if follower is not followed and followed.login not in follower.following:
        follower.following.append(followed.login)
        followed.followers.append(follower.login)


def number(names: list[str]) -> dict[str, int]:
    """A number below 2**31 for each name, which depends on the names alone."""
    numbers: dict[int, str] = {}
    for name in sorted(names):
        candidate = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) >> 1
        while candidate in numbers:
            candidate += 1
        numbers[candidate] = name
    return {name: identifier for identifier, name in numbers.items()}


def node_id(kind: str, identifier: int | str) -> str:
    """A global node id in the form that GitHub gave until 2021: `04:User583231` in base 64."""
    return base64.b64encode(f"0{len(kind)}:{kind}{identifier}".encode()).decode()
