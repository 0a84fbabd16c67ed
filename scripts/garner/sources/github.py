"""GitHub: users, breadth first over who follows whom, and the repositories that they own."""

from pathlib import Path

from garner.client import DateReached
from garner.crawl import Journal, walk
from garner.errors import ConfigError
from garner.logs import log
from garner.sources import github_results as results
from garner.sources.github_api import api_address, connect
from garner.sources.github_frontier import Frontier, User
from garner.sources.github_records import OK
from garner.sources.repository_list import RepositoryList


def open_source(study: dict, state: Path, operational: dict) -> "GitHub | RepositoryList":
    """The crawl of a study, or the list of repositories that its settings name instead."""
    source = RepositoryList if study["scrape"]["repositories_file"] is not None else GitHub
    return source(study, state, operational)


class GitHub:
    """The crawl of one study, with its journal in the folder `state`."""

    def __init__(self, study: dict, state: Path, operational: dict):
        self._settings = study["scrape"]
        self._exclude = study["exclude"]
        self._state = state
        self._operational = operational

    def crawl(self) -> None:
        """Go on until `stop_after`, or until nobody is left to visit. Sends no request if that is so already.

        Raises ConfigError where no seed exists, and what `Client.request` raises; nothing is lost then.
        """
        protocol, client = connect(self._settings, self._operational)
        journal, frontier = self._recover()
        frontier.restart(protocol.name)
        try:
            walk(frontier, protocol.fetch, journal, "users", lambda: client.progress(protocol.resource))
        except DateReached:
            log.info("scrape: the day of scrape.stop_after.date has come, after %d users", frontier.done)

    def seal(self, outputs: dict[str, Path]) -> None:
        """Write `users` and `repositories`, for the users whom `Frontier.visited` gives."""
        journal, frontier = self._recover()
        visited = frontier.visited()
        if not visited:
            raise ConfigError(
                "no user was wholly fetched before the day of scrape.stop_after.date. Set a later one."
            )
        orders = {user.login.lower(): user.order for user in visited if user.status == OK}
        results.write_users(outputs["users"], map(_user_row, visited))
        repositories = results.collect(journal, orders)
        results.write_repositories(
            outputs["repositories"], repositories, orders, self._settings, self._exclude
        )

    def _recover(self) -> tuple[Journal, Frontier]:
        """The journal, and the frontier that follows from it."""
        stop_after = self._settings["stop_after"]
        excluded = [name for name in self._exclude if "/" not in name]
        frontier = Frontier(
            self._settings["seeds"], excluded, stop_after["users"], stop_after["repositories"]
        )
        if not frontier.known:
            raise ConfigError(
                "the setting scrape.seeds names nobody, those excluded aside. Name a user to begin with, or "
                "a list of repositories in scrape.repositories_file."
            )
        journal = Journal(self._state, api_address(self._settings["api"]))
        for record in journal:
            if "listed" not in record:
                frontier.learn(record)
        return journal, frontier


def _user_row(user: User) -> dict:
    return {
        "user": user.login,
        "depth": user.depth,
        "order": user.order,
        "found_via": user.found_via,
        "status": user.status,
        "repositories": user.repositories_count,
        "following": user.following_count,
    }
