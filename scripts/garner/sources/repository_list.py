"""A text file of repositories, `owner/name` a line: each is looked up, and nobody is crawled."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from garner.crawl import Journal, Place, walk
from garner.errors import InputError
from garner.exclusion import Excluded
from garner.http.client import DateReached
from garner.logs import log, track
from garner.sources import github_results as results
from garner.sources.github_api import api_address, connect
from garner.sources.github_index import AT_ONCE, Facts, Index
from garner.sources.github_records import FAILED, OK, Page, dated, is_repository_name, open_languages
from garner.sources.github_state import with_state


def read_list(path: Path | str) -> list[str]:
    """The "owner/name" of each line, in their order, each once (case aside).

    Blank lines are skipped, and what follows a #. Raises InputError for a file that cannot be read or names
    no repository, and for a line that is no owner/name, by its number.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise InputError(f"{path}, the setting scrape.repositories_file, can't be read: {reason}.") from None
    names: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        name = line.split("#")[0].strip()
        if not name:
            continue
        if not is_repository_name(name):
            raise InputError(
                f"{path}, line {number} is {line.strip()!r}. Expected owner/name, such as psf/requests."
            )
        names.setdefault(name.lower(), name)
    if not names:
        raise InputError(f"{path} names no repository. Write owner/name, one a line.")
    return list(names.values())


class Listing:
    """What is known of the repositories of a list, and what is left to ask: each one, then its languages
    where they did not come with it. In the index, a line of the list stands in the place of a user."""

    def __init__(self, index: Index, names: list[str]):
        self.total = self.known = len(names)
        self._index = index
        index.enqueue(names, 0, None)
        _, kept = index.kept()
        self.done = kept.get("done", 0)
        self._scanned = 0  # nothing is left to ask up to this position of the list
        self._languages = index.begun()  # repository -> the lines that name it, and the cursor to ask with

    @property
    def finished(self) -> bool:
        return self.done == self.total

    def open_pages(self) -> Iterator[Page]:
        asked = {line for each in self._languages.values() for line in each["lines"]}
        position = self._scanned
        while rows := self._index.ahead(position, AT_ONCE):
            for row in rows:
                position = row.position
                if row.facts is None and row.key not in asked:
                    yield Page("listed", row.login)
                elif position == self._scanned + 1:
                    self._scanned = position
        for repository, each in self._languages.items():
            yield Page("languages", repository, each["after"])

    def ask_again(self) -> None:
        """Ask once more for what could not be had."""
        self.done -= self._index.forget_failures()

    def learn(self, record: dict) -> None:
        if "listed" in record:
            if self._index.position(record["listed"].lower()):  # else it is of an earlier list
                self._learn_listed(record)
        elif record.get("repository") in self._languages:
            self._learn_languages(record)

    def keep(self, place: Place | None) -> None:
        if place is not None:
            self._index.keep(place, {"done": self.done}, self._languages)

    def _learn_listed(self, record: dict) -> None:
        line = record["listed"].lower()
        if "status" in record:
            self._settle(line, record["listed"], record["status"], record)
            return
        found = record["found"]
        self._index.stage(line, 1, [found])
        if page := open_languages(found):
            others = self._languages.get(page.of, {"lines": []})["lines"]
            self._languages[page.of] = {"lines": [*others, line], "after": page.after}
        else:
            self._settle(line, found["repository"], OK, record)

    def _learn_languages(self, record: dict) -> None:
        repository = record["repository"]
        if "status" not in record:
            self._index.add_languages(repository, 1, record["languages"])
            if record["next"] and record["next"] != record["after"]:
                self._languages[repository]["after"] = record["next"]
                return
        for line in self._languages.pop(repository)["lines"]:
            self._settle(line, repository, record.get("status", OK), record)

    def _settle(self, line: str, name: str, status: str, record: dict) -> None:
        """All is known of a line of the list: the repository's own name, or why there is none."""
        time = record.get("time", 0)
        self.done += self._index.facts(line) is None
        failed = time if status in FAILED else None
        self._index.learn_facts(line, Facts(name, status, time, failed, 0, 1, "", 0, 0))


class RepositoryList:
    """The look-up of one study's list, with its journal and its index in the folder `state`.

    Of `stop_after` only the date ends it.
    """

    def __init__(self, study: dict, state: Path, operational: dict):
        self._settings = study["scrape"]
        self._exclude = study["exclude"]
        self._state = state
        self._operational = operational

    def crawl(self) -> None:
        """Look up what has not been looked up yet. Raises what `Client.request` raises; nothing is lost."""
        protocol, client = connect(self._settings, self._operational)

        def work(journal: Journal, index: Index) -> None:
            listing = self._recovered(journal, index)
            listing.ask_again()
            fetch = dated(protocol.fetch)
            try:
                walk(listing, fetch, journal, "repositories", lambda: client.progress(protocol.resource))
            except DateReached:
                log.info(
                    "scrape: the day of scrape.stop_after.date has come, after %d repositories", listing.done
                )
            listing.keep(journal.place)

        self._with_state(work)

    def seal(self, outputs: dict[str, Path]) -> None:
        """Write `users` (the owners, in the order of the list) and `repositories`.

        Raises InputError where not one repository of the list was found.
        """

        def work(journal: Journal, index: Index) -> None:
            listing = self._recovered(journal, index)
            owners = self._owners(index.visited(listing.total), listing.total)
            results.write_users(outputs["users"], owners.values())
            repositories = (
                {**each, "order": owners[results.owner_of(each["repository"])]["order"]}
                for each in index.repositories(listing.total, OK)
                if results.owner_of(each["repository"]) in owners
            )
            results.write_repositories(outputs["repositories"], repositories, self._settings, self._exclude)

        self._with_state(work)

    def _owners(self, lines: Iterable[dict], listed: int) -> dict[str, dict]:
        """The rows of users.parquet by owner; InputError where no line names a repository that was found."""
        outcomes = [(line["user"], line["status"]) for line in lines]
        failed = ", ".join(f"{name} ({status})" for name, status in outcomes if status != OK)
        if all(status != OK for _, status in outcomes):
            raise InputError(
                f"no repository of {self._settings['repositories_file']} was found: "
                f"{failed or 'none was looked up'}. Check their spelling, and the settings scrape.api, "
                "scrape.stop_after.date and exclude."
            )
        if failed:
            log.warning("scrape: not found, of the %d repositories listed: %s", listed, failed)
        return _owners(outcomes, self._exclude)

    def _with_state(self, work: Callable[[Journal, Index], None]) -> None:
        with_state(self._state, api_address(self._settings["api"]), {"listed": self._names()}, work)

    def _names(self) -> list[str]:
        """The repositories listed, those excluded aside."""
        excluded = Excluded(self._exclude)
        listed = read_list(self._settings["repositories_file"])
        return [name for name in listed if name not in excluded]

    def _recovered(self, journal: Journal, index: Index) -> Listing:
        listing = Listing(index, self._names())
        for entry in track(journal.after(index.kept()[0]), "scrape", "records of the journal read"):
            listing.learn(entry.record)
        listing.keep(journal.place)
        return listing


def _owners(outcomes: list[tuple[str, str]], exclude: list[str]) -> dict[str, dict]:
    """The rows of users.parquet by owner: those of the repositories, with how many of them were found."""
    excluded = Excluded(exclude)
    rows: dict[str, dict] = {}
    for repository, status in dict.fromkeys(outcomes):
        if repository in excluded:
            continue
        row = rows.setdefault(
            results.owner_of(repository),
            {"user": repository.split("/")[0], "depth": 0, "order": len(rows), "found_via": None}
            | {"status": status, "repositories": 0, "following": 0},
        )
        if status == OK:
            row |= {"status": OK, "repositories": row["repositories"] + 1}
    return rows
