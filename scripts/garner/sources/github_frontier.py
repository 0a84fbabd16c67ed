"""The frontier of a crawl over who follows whom, breadth first, all on the disk but the users at hand."""

import math
from collections.abc import Iterable, Iterator

from garner.crawl import Place
from garner.errors import ConfigError, TransientError
from garner.exclusion import Excluded
from garner.sources.github_index import AT_ONCE, Ahead, Facts, Index
from garner.sources.github_knowledge import Knowledge, User
from garner.sources.github_records import FAILED, OK, Page

KEEP_AFTER = 2000  # records, which a killed process takes from the journal again


class Frontier:
    """Users in breadth-first order: the seeds, whom the first of them follows, whom the second …

    Those whom one user follows are taken by name, since the two protocols list them in different orders. So
    the order depends on what the API answered and not on when: an interrupted crawl comes to that of a calm
    one. It ends with `users` users, or with the user whose repositories make `repositories`, before any
    filter. Those `excluded` are never visited, nor is anyone whom they alone follow; of a repository that is
    excluded no languages are asked for.
    """

    def __init__(
        self,
        index: Index,
        seeds: Iterable[str],
        excluded: Iterable[str] = (),
        users: int | None = None,
        repositories: int | None = None,
    ):
        self.total = users
        self._index = index
        self._excluded = Excluded(excluded)
        seeds = list({seed.lower(): seed for seed in seeds if seed not in self._excluded}.values())
        self._seeds = len(seeds)
        _, kept = index.kept()
        self._passed = kept.get("passed", 0)  # users, from the first one on, of whom everything is known
        self._found = kept.get("found", 0)  # repositories of those
        self._asking = kept.get("asking", False)  # whether it has gone back to ask again whoever failed,
        self._older = kept.get("older", 0.0)  # or was fetched before this, in seconds of the epoch
        self._knowledge = Knowledge(index, self._excluded, kept.get("run", 0))
        self._scanned = self._passed  # of all up to here, nothing is left to ask but of those begun
        # The first position passed whose user has told otherwise since.
        self._outdated = kept.get("outdated") or math.inf
        self._unkept = 0  # records since the index was kept
        index.enqueue(seeds, 0, None)
        self.known = index.known()
        self._wanted = math.inf if repositories is None else repositories
        self._limit = math.inf if users is None else users  # positions, beyond which nobody is visited
        if self._found >= self._wanted:
            self._limit = min(self._limit, self._reaching(self._wanted))
        self._advance()

    @property
    def done(self) -> int:
        return min(self._passed, self._limit)

    @property
    def finished(self) -> bool:
        return self.done in (self._limit, self.known)

    def visited(self) -> Iterator[dict]:
        """The rows of users.parquet: those of whom everything is known, up to the first of whom it is not."""
        return self._index.visited(self.done)

    def repositories(self) -> Iterator[dict]:
        """Those of the users visited, sorted by name, each with the `order` of its owner."""
        return self._index.repositories(self.done, OK)

    # What to ask

    def open_pages(self) -> Iterator[Page]:
        begun = {self._index.position(key): key for key in self._knowledge.begun}
        for position in sorted(each for each in begun if each and self._passed < each <= self._limit):
            yield from self._knowledge.pages(begun[position], self._knowledge.begun[begun[position]])
        position = self._scanned
        while rows := self._index.ahead(position, int(min(AT_ONCE, self._limit - position))):
            for row in rows:
                position = row.position
                if row.key not in self._knowledge.begun and (row.facts is None or self._is_due(row.facts)):
                    yield from self._first_pages(row)
                elif position == self._scanned + 1:
                    self._scanned = position

    def _first_pages(self, row: Ahead) -> Iterator[Page]:
        known = row.facts is not None and row.facts.status == OK
        if row.via is None and not known:
            yield Page("account", row.login)  # the settings may spell it in another way
        user = User(row.facts.login if known else row.login, row.facts.round + 1 if row.facts else 1, 0)
        yield from self._knowledge.pages(row.key, user)

    def begin_run(self) -> None:
        """Whoever cannot be had from here on is not asked about again before the next run."""
        self._knowledge.run += 1

    def ask_again(self, older: float) -> bool:
        """Go back to the first user whose last try failed, or whom an answer before `older` (seconds of the
        epoch) told of; False where there is none. All that follows from them is walked through anew: what was
        answered since is taken as it is."""
        position = self._index.first_to_ask_again(self.done, older, self._knowledge.run)
        if position is None:
            return False
        self._asking, self._older = True, older
        self._rewind(position - 1)
        return True

    def restart(self, protocol: str) -> list[dict]:
        """Records that make the crawl ask anew of the users whose cursors are not of `protocol`."""
        return [
            {"again": user.login}
            for user in self._knowledge.begun.values()
            if any(
                cursor and not cursor.startswith(f"{protocol}:")
                for cursor in (*user.open.values(), *("rest:" for _ in user.reread))
            )
        ]

    # What was answered

    def learn(self, record: dict) -> None:
        """Take in a record. Raises ConfigError where it shows that none of the seeds can be crawled."""
        before = self.done
        self.absorb(record)
        if before < min(self._seeds, self._limit) <= self.done:
            self.refuse_vain_seeds()

    def absorb(self, record: dict) -> None:
        """Take in a record, whatever it shows; call `settle` after the last one."""
        self._unkept += 1
        if key := self._knowledge.absorb(record):
            position = self._index.position(key) or math.inf
            if position <= self._passed:  # the journal of a refresh: whom the user follows may have changed
                self._outdated = min(self._outdated, position)
            else:
                self._advance()

    def settle(self) -> None:
        """Bring the order up to what was absorbed."""
        if self._outdated <= self._passed:
            self._rewind(self._outdated - 1)
        self._outdated = math.inf
        self._advance()

    def keep(self, place: Place | None, at_once: bool = False) -> bool:
        """Note that all up to `place` is taken in; called often, it does so, and says so, now and then."""
        if due := place is not None and (self._unkept >= KEEP_AFTER or at_once):
            numbers = {"passed": self._passed, "found": self._found, "run": self._knowledge.run}
            numbers |= {"asking": self._asking, "older": self._older}
            numbers |= {"outdated": None if self._outdated == math.inf else self._outdated}
            begun = {key: user.state() for key, user in self._knowledge.begun.items()}
            self._index.keep(place, numbers, begun)
            self._unkept = 0
        return due

    def be_content(self) -> None:
        """Take what is known of the users who are to be asked again."""
        self._asking = False
        self._advance()

    def refuse_vain_seeds(self) -> None:
        """Raise ConfigError where no seed can be crawled, TransientError where another try may help."""
        last = min(self._seeds, self._limit)
        seeds = list(self._index.visited(last))
        if self.done < last or any(row["status"] == OK for row in seeds):
            return
        names = ", ".join(f"{row['user']} ({row['status']})" for row in seeds)
        if any(row["status"] in FAILED for row in seeds):
            raise TransientError(
                f"no user of the setting scrape.seeds could be fetched: {names}. Run the same command again."
            )
        raise ConfigError(
            f"no user of the setting scrape.seeds can be crawled: {names}. Check their spelling, that "
            "they are users and no organisations, and the setting scrape.api."
        )

    # How

    def _is_due(self, facts: Facts) -> bool:
        again = facts.failed is not None or facts.fetched < self._older
        return self._asking and again and facts.run < self._knowledge.run

    def _rewind(self, passed: int) -> None:
        """Go back to where so many users were passed."""
        self._passed = self._scanned = passed
        self._index.rewind(passed)
        self.known = self._index.known()
        self._found = sum(count for _, count in self._index.counted(1, passed))
        self._limit = math.inf if self.total is None else self.total
        self._advance()

    def _advance(self) -> None:
        """Pass over the users of whom everything is known, and queue whom they follow."""
        while self._passed < min(self._limit, self.known):
            (row,) = self._index.ahead(self._passed, 1)
            if row.facts is None or self._is_due(row.facts):
                return
            self._passed = row.position
            self._found += row.facts.repositories
            follows = row.facts.follows.split("\n") if row.facts.follows else []
            logins = [login for login in follows if login not in self._excluded]
            if logins:
                self._index.enqueue(logins, row.depth + 1, row.position)
                self.known = self._index.known()
            if self._found >= self._wanted:
                self._limit = min(self._limit, self._passed)

    def _reaching(self, wanted: float) -> float:
        """The position at which the repositories of all up to there reach a number."""
        found = 0
        for position, count in self._index.counted(1, self._passed):
            found += count
            if found >= wanted:
                return position
        return math.inf
