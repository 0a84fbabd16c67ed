"""The users of a list, and what is left to ask of each: the profile, then page after page of the posts."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from garner.errors import ApiError, MalformedError

OK = "ok"  # the status of a user who could be read
PRIVATE = "private"
RENAMED = "renamed"
DOUBTFUL = {ApiError.reason, MalformedError.reason}  # may be the user's own trouble, or the whole site's
DOUBTS = 3  # users with such a status, and none whose posts could be read between them: it is the site


@dataclass(slots=True)
class User:
    """`name` is what the list says, `key` what stands for it in the records. `open` tells whether anything is
    left to ask, and `next` (concealed) with what, None for the profile. `seen` holds the posts so far."""

    name: str
    key: str
    open: bool = True
    next: str | None = None
    status: str = OK
    detail: str = ""
    time: str = ""  # when the site said so, or showed the profile
    count: int = 0  # posts, as the profile says
    seen: set[str] = field(default_factory=set)
    anew: bool = False  # asked for again, since the site seemed to be at fault


class Frontier:
    """The users of a list in its order, each until `posts` of their posts are known.

    A record is what one request taught (garner.sources.instagram_api). `users` is by key.
    """

    def __init__(self, names: dict[str, str], posts: int):
        """`names` holds the names in the order of the list, by what stands for them in the records."""
        self.users = {key: User(name, key) for key, name in names.items()}
        self.total = self.known = len(self.users)
        self._posts = posts
        self._open = dict(self.users)
        self._doubted: list[str] = []  # keys
        self._answered = False  # whether anybody's posts could ever be read

    @property
    def done(self) -> int:
        return self.total - len(self._open)

    @property
    def finished(self) -> bool:
        return not self._open or self.in_doubt

    @property
    def in_doubt(self) -> bool:
        """Whether so many users failed in a row that the site seems to answer no longer as it did."""
        return len(self._doubted) >= DOUBTS

    def open_pages(self) -> Iterator[User]:
        yield from self._open.values()

    def learn(self, record: dict) -> None:
        self.ask_anew()
        user = self.users.get(record["user"])
        if "posts" in record:
            self._doubted.clear()
            self._answered = True
        elif record["status"] in DOUBTFUL and not (user and user.anew and self._answered):
            self._doubted.append(record["user"])
        if user is None:  # of an earlier, longer list
            return
        if "status" in record:
            self._give_up(user, record)
            return
        if "count" in record:
            self._begin(user)
            user.count, user.time = record["count"], record["time"]
        if user.open:
            user.seen.update(post["id"] for post in record["posts"])
            user.next = record["next"]
            if user.next is None or len(user.seen) >= self._posts:
                self._close(user)

    def ask_anew(self) -> None:
        """Where a run ended `in_doubt`, open those users again: what the next run begins with.

        They come last, so that whoever fails then as well has no share in the site's trouble.
        """
        if self.in_doubt:
            for key in self._doubted:
                if key in self.users:
                    self.users[key].anew = True
                    self._begin(self.users[key])
            self._doubted.clear()

    def _begin(self, user: User) -> None:
        user.open, user.status, user.next, user.seen = True, OK, None, set()
        self._open[user.key] = user

    def _give_up(self, user: User, record: dict) -> None:
        user.status, user.detail, user.time = record["status"], record["detail"], record["time"]
        self._close(user)

    def _close(self, user: User) -> None:
        user.open, user.seen = False, set()
        self._open.pop(user.key, None)
