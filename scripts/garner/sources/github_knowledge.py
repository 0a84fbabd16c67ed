"""What is known of users, as the records of the journal tell it: who is begun, who is whole, who failed."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

from garner.exclusion import Excluded
from garner.sources.github_index import Facts, Index, StoredPage
from garner.sources.github_records import (
    FAILED,
    LISTS,
    MALFORMED,
    OK,
    Page,
    open_languages,
    rest_cursor,
    rest_number,
)

LOOPS = 5  # pages in a row that lead back or bring nothing new, before a user is given up


@dataclass(slots=True)
class User:
    """One who is being asked about, for the `round`th time.

    `open` holds what is left to ask, with its cursor: "following", "repositories", and "owner/name" for the
    languages of a repository. `seen` holds the cursors met so far, each with what it belongs to; `reread` the
    page before the one read last, where pages go by number: what has left that page by now has drawn
    something onto it that no later page holds.
    """

    login: str
    round: int
    time: int  # of the first answer, in seconds of the epoch
    open: dict[str, str | None] = field(default_factory=lambda: {"following": None, "repositories": None})
    following: set[str] = field(default_factory=set)
    repositories: set[str] = field(default_factory=set)
    seen: set[tuple[str, str]] = field(default_factory=set)
    reread: dict[str, str | None] = field(default_factory=dict)
    loops: int = 0
    failed: int | None = None

    def state(self) -> dict:
        return {name: sorted(each) if isinstance(each, set) else each for name, each in asdict(self).items()}

    @classmethod
    def of_state(cls, state: dict) -> "User":
        seen = {(what, cursor) for what, cursor in state["seen"]}
        sets = {name: set(state[name]) for name in ("following", "repositories")}
        return cls(**{**state, **sets, "seen": seen})


class Knowledge:
    """Takes in records. What is whole goes into the index; `begun` holds the others, by login in lower case.

    Of a repository that is `excluded` no languages are asked for. `run` counts the runs of the crawl.
    """

    def __init__(self, index: Index, excluded: Excluded, run: int):
        self.run = run
        self.begun = {key: User.of_state(state) for key, state in index.begun().items()}
        self._index = index
        self._excluded = excluded

    def absorb(self, record: dict) -> str | None:
        """Take in a record; the login, in lower case, of whom nothing more is to be asked by now."""
        if "listed" in record:  # of a list of repositories
            return None
        login = record.get("user") or record.get("again") or record["repository"].split("/")[0]
        key = login.lower()
        user = self.begun.get(key)
        if "status" in record:
            self._give_up(key, user, record)
        elif "again" in record:
            self._begin_again(key, user)
        elif "user" in record:
            user = user or self._begin(key, record)
            user.login = login
            self._learn_page(key, user, record)
        elif user:
            self._learn_languages(key, user, record)
        if user and not user.open and not user.reread:
            self._finish(key, user)
        return None if key in self.begun else key

    def pages(self, key: str, user: User) -> Iterator[Page]:
        """What is left to ask, with the ETag of the last time."""
        for what, cursor in list(user.reread.items()):
            stored = self._index.page(key, user.round, what, cursor)
            yield Page(what, user.login, cursor, stored and stored.etag, reread=True)
        for what, cursor in list(user.open.items()):
            stored = self._index.page(key, user.round - 1, what, cursor) if user.round > 1 else None
            kind, of = ("languages", what) if "/" in what else (what, user.login)
            yield Page(kind, of, cursor, stored and stored.etag)

    def _begin(self, key: str, record: dict) -> User:
        facts = self._index.facts(key)
        user = User(record["user"], facts.round + 1 if facts else 1, record.get("time", 0))
        self.begun[key] = user
        return user

    def _begin_again(self, key: str, user: User | None) -> None:
        if user:
            self._index.drop(user.repositories, user.round)
            self.begun[key] = User(user.login, user.round, user.time)

    def _finish(self, key: str, user: User) -> None:
        follows = sorted(user.following, key=str.lower)
        facts = Facts(
            *(user.login, OK, user.time, user.failed, self.run, user.round),
            *("\n".join(follows), len(follows), len(user.repositories)),
        )
        self._index.learn_facts(key, facts)
        del self.begun[key]

    def _give_up(self, key: str, user: User | None, record: dict) -> None:
        status, time = record["status"], record.get("time", 0)
        if "user" in record:
            facts = self._index.facts(key)
            number = facts.round + 1 if facts else 1
            if user:
                self._index.drop(user.repositories, number)
                self._index.forget_pages(key, number)
                del self.begun[key]
            if facts and facts.status == OK and status in FAILED:
                self._index.learn_failure(key, time, self.run)
            else:
                failed = time if status in FAILED else None
                facts = Facts(record["user"], status, time, failed, self.run, number, "", 0, 0)
                self._index.learn_facts(key, facts)
        elif user:
            self._give_up_languages(key, user, record["repository"], status, time)

    def _give_up_languages(self, key: str, user: User, repository: str, status: str, time: int) -> None:
        known = self._index.languages(repository, user.round - 1)
        user.open.pop(repository, None)
        if status in FAILED:
            user.failed = time
        if status in FAILED and known is not None:
            self._index.add_languages(repository, user.round, known)
        else:
            self._index.drop([repository], user.round)
            user.repositories.discard(repository)
            self._index.forget_pages(key, user.round, "repositories")  # which say that it is there

    def _learn_languages(self, key: str, user: User, record: dict) -> None:
        name = record["repository"]
        known = self._index.languages(name, user.round - 1) if "unchanged" in record else record["languages"]
        self._index.add_languages(name, user.round, known or {})
        self._keep_page(key, user, name, record, record["next"], [])
        if not self._turn(user, name, record["after"], record["next"], is_new=True):
            self._give_up_languages(key, user, name, MALFORMED, record.get("time", 0))

    def _learn_page(self, key: str, user: User, record: dict) -> None:
        what = record.get("unchanged") or next((each for each in LISTS if each in record), None)
        if what is None:  # only that the account is there
            return
        after, cursor = record["after"], record["next"]
        if "reread" in record:
            del user.reread[what]
            self._learn_items(key, user, what, record.get(what, []), only_new=True)
            return
        stored = self._index.page(key, user.round - 1, what, after) if "unchanged" in record else None
        if "unchanged" in record and stored is None:  # asked again, without an ETag
            return
        if after is None:
            self._clear(user, what)
        before = len(getattr(user, what))
        if stored:
            cursor, items = cursor or stored.next, stored.items
            getattr(user, what).update(items)
            if what == "repositories":
                self._index.carry_over(items, user.round)
        else:
            items = self._learn_items(key, user, what, record[what])
        self._keep_page(key, user, what, record, cursor, items)
        is_new = len(getattr(user, what)) > before
        if not self._turn(user, what, after, cursor, is_new):
            failure = {"user": user.login, "status": MALFORMED, "time": record.get("time", 0)}
            self._give_up(key, user, failure)
        elif after and after.startswith("rest:"):
            last = rest_cursor(rest_number(after) - 1)
            if self._index.page(key, user.round, what, last):
                user.reread[what] = last

    def _learn_items(self, key: str, user: User, what: str, found: list, only_new: bool = False) -> list[str]:
        """Take in what a page holds; the names."""
        if what == "following":
            user.following.update(found)
            return found
        records = [each for each in found if not (only_new and each["repository"] in user.repositories)]
        self._index.stage(key, user.round, records)
        for record in records:
            if (languages := open_languages(record)) and languages.of not in self._excluded:
                user.open[languages.of] = languages.after
        names = [record["repository"] for record in records]
        user.repositories.update(names)
        return names

    def _clear(self, user: User, what: str) -> None:
        """The first page makes the earlier ones void."""
        user.seen = {(other, cursor) for other, cursor in user.seen if other != what}
        user.reread.pop(what, None)
        if what == "repositories":
            self._index.drop(user.repositories, user.round)
            user.open = {each: cursor for each, cursor in user.open.items() if "/" not in each}
        getattr(user, what).clear()

    def _keep_page(
        self, key: str, user: User, what: str, record: dict, cursor: str | None, items: list[str]
    ) -> None:
        if record.get("etag"):
            page = StoredPage(record["etag"], cursor, items)
            self._index.keep_page(key, user.round, what, record["after"], page)

    def _turn(self, user: User, what: str, after: str | None, cursor: str | None, is_new: bool) -> bool:
        """Go on to the next page, or ask for this one again where the cursor leads back; False after `LOOPS`
        pages that led back or brought nothing new, as some API never comes to an end."""
        leads_back = cursor is not None and (cursor == after or (what, cursor) in user.seen)
        user.loops = 0 if is_new and not leads_back else user.loops + 1
        if cursor is None:
            user.open.pop(what, None)
            return True
        if not leads_back:
            user.open[what] = cursor
            user.seen.add((what, cursor))
        return user.loops <= LOOPS
