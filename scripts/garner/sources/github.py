"""GitHub: users, breadth first over who follows whom, and the repositories that they own.

What is sealed is a function of the settings and of the journal, and of no clock: for each user the last
whole answer counts, and the order is the breadth-first one over these answers, whether they came in one crawl
or in a first one and later refreshes. The clock decides only what is asked: with `scrape.refresh_days`, a run
that finds nothing left to ask goes back to the first user whose answer is older than that, and walks on from
there, asking only about those who are; whom they follow by now, it visits. So two journals that hold the same
answers seal the same bytes, and so does a refresh that finds nothing changed. One that is interrupted goes on
with the next run; where it is sealed half-way, as on the day of `stop_after.date`, the earlier answer stands
wherever the new one is not whole. A run also goes back to those whom an earlier one could not fetch.
"""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from garner.crawl import Journal, walk
from garner.errors import ConfigError, Interrupted
from garner.exclusion import Excluded
from garner.http.client import DateReached
from garner.jobs import stop_requested
from garner.logs import log, track
from garner.sources import github_results as results
from garner.sources.github_api import api_address, connect
from garner.sources.github_frontier import Frontier
from garner.sources.github_index import Index
from garner.sources.github_records import Page, dated
from garner.sources.github_state import with_state
from garner.sources.repository_list import RepositoryList

DAY = 86400.0  # seconds


def open_source(study: dict, state: Path, operational: dict) -> "GitHub | RepositoryList":
    """The crawl of a study, or the list of repositories that its settings name instead."""
    source = RepositoryList if study["scrape"]["repositories_file"] is not None else GitHub
    return source(study, state, operational)


class GitHub:
    """The crawl of one study, with its journal and its index in the folder `state`."""

    def __init__(self, study: dict, state: Path, operational: dict):
        self._settings = study["scrape"]
        self._exclude = study["exclude"]
        self._state = state
        self._operational = operational

    def crawl(self) -> None:
        """Go on until `stop_after`, or until nobody is left to visit. Sends no request if that is so already,
        nobody's answer is older than `refresh_days`, and nobody could not be fetched the last time.

        Raises ConfigError where no seed exists, and what `Client.request` raises; nothing is lost then.
        """
        self._refuse_no_seeds()
        protocol, client = connect(self._settings, self._operational)

        def work(journal: Journal, index: Index) -> None:
            frontier = self._recovered(journal, index)
            frontier.begin_run()
            restarted = frontier.restart(protocol.name)
            journal.append(restarted)
            for record in restarted:
                frontier.learn(record)

            def fetch(pages: Iterable[Page]) -> list[dict]:
                frontier.keep(journal.place)
                return dated(protocol.fetch)(pages)

            def note() -> str:
                return client.progress(protocol.resource)

            try:
                walk(frontier, fetch, journal, "users", note)
                if frontier.ask_again(self._oldest()):
                    walk(frontier, fetch, journal, "users", note)
            except DateReached:
                log.info("scrape: the day of scrape.stop_after.date has come, after %d users", frontier.done)
            frontier.refuse_vain_seeds()
            frontier.keep(journal.place, at_once=True)

        self._with_state(work)

    def seal(self, outputs: dict[str, Path]) -> None:
        """Write `users` and `repositories`, for the users whom `Frontier.visited` gives."""
        self._refuse_no_seeds()

        def work(journal: Journal, index: Index) -> None:
            frontier = self._recovered(journal, index)
            frontier.be_content()
            if not frontier.done:
                raise ConfigError(
                    "no user was wholly fetched before the day of scrape.stop_after.date. Set a later one."
                )
            results.write_users(outputs["users"], frontier.visited())
            results.write_repositories(
                outputs["repositories"], frontier.repositories(), self._settings, self._exclude
            )

        self._with_state(work)

    def _refuse_no_seeds(self) -> None:
        excluded = Excluded(self._exclude)
        if all(seed in excluded for seed in self._settings["seeds"]):
            raise ConfigError(
                "the setting scrape.seeds names nobody, those excluded aside. Name a user to begin with, or "
                "a list of repositories in scrape.repositories_file."
            )

    def _with_state(self, work: Callable[[Journal, Index], None]) -> None:
        settings = {"seeds": self._settings["seeds"], "exclude": sorted(self._exclude)}
        with_state(self._state, api_address(self._settings["api"]), settings, work)

    def _recovered(self, journal: Journal, index: Index) -> Frontier:
        """The frontier that follows from the journal."""
        stop_after = self._settings["stop_after"]
        frontier = Frontier(
            index, self._settings["seeds"], self._exclude, stop_after["users"], stop_after["repositories"]
        )
        for entry in track(journal.after(index.kept()[0]), "scrape", "records of the journal read"):
            frontier.absorb(entry.record)
            if frontier.keep(entry.place) and stop_requested():
                raise Interrupted("stopped on request. Nothing is lost: run the same command again to go on.")
        frontier.settle()
        frontier.keep(journal.place, at_once=True)
        return frontier

    def _oldest(self) -> float:
        """The time, in seconds of the epoch, before which an answer is to be asked for again."""
        days = self._settings.get("refresh_days")
        return 0.0 if days is None else time.time() - days * DAY
