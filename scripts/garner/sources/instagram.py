"""Instagram: the users of a list, and the captions of their newest posts; or what a folder holds of both.

People are called by pseudonyms in everything that is stored, unless `scrape.pseudonymise` is false: the list
of users is the one place where their names stand, and it is matched to the progress by hashing.
"""

from pathlib import Path

from garner.crawl import Journal, walk
from garner.errors import ApiError
from garner.http.client import DateReached, connect
from garner.http.waiting import midnight
from garner.logs import log
from garner.pseudonyms import Naming, naming_of_crawl
from garner.sources import instagram_results as results
from garner.sources.instagram_api import HEADERS, Api
from garner.sources.instagram_folder import Folder
from garner.sources.instagram_frontier import DOUBTS, Frontier
from garner.sources.instagram_limits import InstagramLimits
from garner.sources.instagram_names import read_users


def open_source(study: dict, state: Path, operational: dict) -> "Instagram | Folder":
    """The crawl of a study, or the folder that its settings name instead."""
    crawled = study["scrape"]["folder"] is None
    return (Instagram if crawled else Folder)(study, state, operational)


class Instagram:
    """The crawl of one study, with its journal in the folder `state`."""

    def __init__(self, study: dict, state: Path, operational: dict):
        self._settings = study["scrape"]
        self._address = self._settings["api"].rstrip("/")
        self._exclude = study["exclude"]
        self._state = state
        self._operational = operational

    def crawl(self) -> None:
        """Go on until `posts_per_user` posts of each user are known. Sends no request if that is so already.

        Raises ApiError where the site answers as it used to for none of several users in a row, what
        `Client.request` raises, and what `naming_of_crawl` raises; nothing is lost then.
        """
        naming, journal, frontier = self._recover()
        frontier.ask_anew()
        until = midnight(self._settings["stop_after"]["date"])
        client = connect(self._address, self._operational, InstagramLimits(), headers=HEADERS, until=until)
        api = Api(client, self._address, naming)
        try:
            walk(frontier, api.fetch, journal, "users", lambda: client.progress(api.resource))
        except DateReached:
            log.info("scrape: the day of scrape.stop_after.date has come, after %d users", frontier.done)
        if frontier.in_doubt:
            raise ApiError(
                f"the site refused {DOUBTS} users in a row, or answered what can't be read. It may have "
                "changed its pages, or the setting scrape.api is wrong. What was read is kept; the next run "
                "asks for them again."
            )

    def seal(self, outputs: dict[str, Path]) -> None:
        """Write `documents`, `failures` and, where it is asked for, the folder `users`.

        Raises InputError where not one caption could be read.
        """
        _, journal, frontier = self._recover()
        posts = results.posts_by_user(journal, frontier.users, self._settings["posts_per_user"])
        results.write_all(outputs, frontier.users, posts, "scrape.users_file")

    def _recover(self) -> tuple[Naming, Journal, Frontier]:
        """How people are called, the journal, and the frontier that follows from it and from the list."""
        listed = read_users(self._settings["users_file"])
        naming = naming_of_crawl(
            self._settings["pseudonymise"], self._operational["pseudonym_key"], self._state
        )
        excluded = set(map(naming.user, self._exclude))
        names = {naming.user(name): name for name in listed}
        chosen = [key for key in names if key not in excluded][: self._settings["stop_after"]["users"]]
        frontier = Frontier({key: names[key] for key in chosen}, self._settings["posts_per_user"])
        journal = Journal(self._state, self._address)
        for record in journal:
            frontier.learn(record)
        return naming, journal, frontier
