"""The frontier of a crawl over who follows whom, breadth first."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from garner.errors import ConfigError
from garner.exclusion import Excluded
from garner.sources.github_records import OK, Page, open_languages


@dataclass(slots=True)
class User:
    """What is known of a user: `following` until they are queued, `repositories` (names) until all are known,
    and of both only the numbers from then on. `open` holds what is left to ask, with its cursor: "account",
    "following", "repositories", and "owner/name" for the languages of a repository."""

    login: str
    order: int | None = None  # None: not reached
    depth: int = 0
    found_via: str | None = None
    status: str = OK
    confirmed: bool = False  # the API itself has spelled the login so
    open: dict[str, str | None] = field(default_factory=dict)
    following: set[str] = field(default_factory=set)
    following_count: int = 0
    repositories: set[str] = field(default_factory=set)
    repositories_count: int = 0

    def begin(self) -> None:
        """Ask for everything, from the first page on."""
        self.open = {} if self.confirmed else {"account": None}
        self.open |= {"following": None, "repositories": None}

    def pages(self) -> Iterator[Page]:
        for what, cursor in self.open.items():
            yield Page("languages", what, cursor) if "/" in what else Page(what, self.login, cursor)

    def close(self, what: str, next_cursor: str | None) -> None:
        """A page of `what` was read; the cursor names the next one, if there is one."""
        if next_cursor:
            self.open[what] = next_cursor
        else:
            self.open.pop(what, None)


class Frontier:
    """Users in breadth-first order: the seeds, those whom the first of them follows, those of the second …

    Those whom one user follows are taken by name, since the two protocols list them in different orders. So
    the order depends on what the API answered and not on when: an interrupted crawl comes to that of a calm
    one. It ends with `users` users, or with the user whose repositories make `repositories`, before any
    filter. Those `excluded` are never visited, nor is anyone whom they alone follow.
    """

    def __init__(
        self,
        seeds: Iterable[str],
        excluded: Iterable[str] = (),
        users: int | None = None,
        repositories: int | None = None,
    ):
        self.total = users
        self.done = 0  # users, from the first one on, of whom everything is known
        self._wanted = repositories
        self._found = 0  # repositories of those
        self._excluded = Excluded(excluded)
        self._users: dict[str, User] = {}
        self._order: list[User] = []
        for seed in seeds:
            self._queue(seed, None)
        self._seeds = len(self._order)

    @property
    def known(self) -> int:
        return len(self._order)

    @property
    def finished(self) -> bool:
        return self.done in (self.total, self.known) or (
            self._wanted is not None and self._found >= self._wanted
        )

    def visited(self) -> list[User]:
        """The users of whom everything is known, in order, up to the first of whom it is not."""
        return self._order[: self.done]

    def open_pages(self) -> Iterator[Page]:
        for index in range(self.done, min(self.known, self.total or self.known)):
            yield from self._order[index].pages()

    def learn(self, record: dict) -> None:
        """Take in a record. Raises ConfigError where it shows that none of the seeds exists."""
        user = self._user(record["user"] if "user" in record else record["repository"].split("/")[0])
        if "status" in record:
            self._give_up(user, record)
        elif "languages" in record:
            user.close(record["repository"], record["next"])
        else:
            user.login, user.confirmed = record["user"], True
            user.open.pop("account", None)
            if "following" in record:
                self._learn_following(user, record)
            if "repositories" in record:
                self._learn_repositories(user, record)
        if not user.open:
            user.repositories_count += len(user.repositories)
            user.repositories = set()
        self._advance()

    def restart(self, protocol: str) -> None:
        """Ask anew of the users whose cursors are not of `protocol`, so that it can go on with them."""
        for user in self._order[self.done :]:
            if any(cursor and not cursor.startswith(f"{protocol}:") for cursor in user.open.values()):
                user.begin()

    def _user(self, login: str) -> User:
        key = login.lower()
        if key not in self._users:
            self._users[key] = User(login)
            self._users[key].begin()
        return self._users[key]

    def _queue(self, login: str, follower: User | None) -> None:
        """Put a user at the end of the order, once; the first who is seen to follow stays `found_via`."""
        if login in self._excluded:
            return
        user = self._user(login)
        if user.order is not None:
            return
        user.order = len(self._order)
        self._order.append(user)
        if follower:
            user.login, user.confirmed = login, True
            user.open.pop("account", None)
            user.depth, user.found_via = follower.depth + 1, follower.login

    def _advance(self) -> None:
        """Pass over the users of whom everything is known, and queue whom they follow."""
        while not self.finished and not (user := self._order[self.done]).open:
            self.done += 1
            self._found += user.repositories_count
            user.following_count = len(user.following)
            for login in sorted(user.following, key=str.lower):
                self._queue(login, user)
            user.following = set()
            if self.done == min(self._seeds, self.total or self._seeds):
                self._refuse_vain_seeds()

    def _refuse_vain_seeds(self) -> None:
        if all(user.status != OK for user in self.visited()):
            seeds = ", ".join(f"{user.login} ({user.status})" for user in self.visited())
            raise ConfigError(
                f"no user of the setting scrape.seeds can be crawled: {seeds}. Check their spelling, that "
                "they are users and no organisations, and the setting scrape.api."
            )

    def _give_up(self, user: User, record: dict) -> None:
        if "user" in record:
            user.status, user.open, user.following, user.repositories = record["status"], {}, set(), set()
        else:
            user.repositories.discard(record["repository"])
            user.open.pop(record["repository"], None)

    def _learn_following(self, user: User, record: dict) -> None:
        if record["after"] is None:
            user.following = set()
        user.following.update(record["following"])
        user.close("following", record["next"])

    def _learn_repositories(self, user: User, record: dict) -> None:
        if record["after"] is None:
            user.repositories = set()
            user.open = {what: cursor for what, cursor in user.open.items() if "/" not in what}
        for repository in record["repositories"]:
            user.repositories.add(repository["repository"])
            if page := open_languages(repository):
                user.open[page.of] = page.after
        user.close("repositories", record["next"])
