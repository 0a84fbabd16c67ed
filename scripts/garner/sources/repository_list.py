"""A text file of repositories, `owner/name` a line: each is looked up, and nobody is crawled."""

from collections.abc import Iterator
from pathlib import Path

from garner.client import DateReached
from garner.crawl import Journal, walk
from garner.errors import InputError
from garner.exclusion import Excluded
from garner.logs import log
from garner.sources import github_results as results
from garner.sources.github_api import api_address, connect
from garner.sources.github_records import OK, Page, is_repository_name, open_languages


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
    where they did not come with it."""

    def __init__(self, names: list[str]):
        self.total = self.known = len(names)
        self.repositories: dict[str, dict] = {}  # by the name that the API gives, which may be a newer one
        self.outcomes: dict[str, tuple[str, str]] = {}  # listed name -> (name that the API gives, status)
        self._left = {name.lower(): name for name in names}
        self._languages: dict[str, Page] = {}  # repository -> the page of its languages to ask for

    @property
    def done(self) -> int:
        return self.total - len(self._left) - len(self._languages)

    @property
    def finished(self) -> bool:
        return not self._left and not self._languages

    def open_pages(self) -> Iterator[Page]:
        for name in self._left.values():
            yield Page("listed", name)
        yield from self._languages.values()

    def learn(self, record: dict) -> None:
        if "listed" in record:
            self._learn_listed(record)
        elif record.get("repository") in self._languages:
            page = self._languages.pop(record["repository"])
            results.add_languages(self.repositories, record)
            if record.get("next"):
                self._languages[page.of] = page._replace(after=record["next"])

    def _learn_listed(self, record: dict) -> None:
        name = self._left.pop(record["listed"].lower(), None)
        if name is None:  # of an earlier, longer list
            return
        if "status" in record:
            self.outcomes[name] = (name, record["status"])
            return
        found = record["found"]
        self.outcomes[name] = (found["repository"], OK)
        self.repositories[found["repository"]] = found
        if page := open_languages(found):
            self._languages[page.of] = page


class RepositoryList:
    """The look-up of one study's list, with its journal in the folder `state`.

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
        journal, _, listing = self._recover()
        try:
            walk(listing, protocol.fetch, journal, "repositories", lambda: client.progress(protocol.resource))
        except DateReached:
            log.info(
                "scrape: the day of scrape.stop_after.date has come, after %d repositories", listing.done
            )

    def seal(self, outputs: dict[str, Path]) -> None:
        """Write `users` (the owners, in the order of the list) and `repositories`.

        Raises InputError where not one repository of the list was found.
        """
        _, names, listing = self._recover()
        outcomes = [listing.outcomes[name] for name in names if name in listing.outcomes]
        failed = ", ".join(f"{name} ({status})" for name, status in outcomes if status != OK)
        if not listing.repositories:
            raise InputError(
                f"no repository of {self._settings['repositories_file']} was found: "
                f"{failed or 'none was looked up'}. Check their spelling, and the settings scrape.api, "
                "scrape.stop_after.date and exclude."
            )
        if failed:
            log.warning("scrape: not found, of the %d repositories listed: %s", len(names), failed)
        owners = _owners(outcomes, self._exclude)
        results.write_users(outputs["users"], owners.values())
        orders = {owner: row["order"] for owner, row in owners.items()}
        repositories = (
            each for name, each in listing.repositories.items() if results.owner_of(name) in orders
        )
        results.write_repositories(
            outputs["repositories"], repositories, orders, self._settings, self._exclude
        )

    def _recover(self) -> tuple[Journal, list[str], Listing]:
        """The journal, the names listed (those excluded aside), and what is known of them."""
        excluded = Excluded(self._exclude)
        listed = read_list(self._settings["repositories_file"])
        names = [name for name in listed if name not in excluded]
        journal = Journal(self._state, api_address(self._settings["api"]))
        listing = Listing(names)
        for record in journal:
            listing.learn(record)
        return journal, names, listing


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
