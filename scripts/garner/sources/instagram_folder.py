"""Captions from a folder with a CSV a user, in the place of a crawl: `@name.csv` with a column `text`.

Each row is a post, the newest first, as the crawl would bring them. People are called as the crawl calls
them; the names of the files are theirs, so that an error tells which file it is by its place among them.
"""

from collections.abc import Iterator
from pathlib import Path

from garner.csv_rows import read_rows
from garner.errors import InputError, Interrupted
from garner.jobs import stop_requested
from garner.logs import track
from garner.pseudonyms import Naming, naming_of_crawl, plain_name
from garner.sources.given_files import csv_files
from garner.sources.instagram_frontier import User
from garner.sources.instagram_names import is_name
from garner.sources.instagram_results import write_all

COLUMN = "text"


class Folder:
    """The posts in the folder that the setting scrape.folder names: no request, and no progress to keep."""

    def __init__(self, study: dict, state: Path, operational: dict):
        self._settings = study["scrape"]
        self._path = Path(self._settings["folder"])
        self._exclude = study["exclude"]
        self._state = state
        self._operational = operational

    def crawl(self) -> None:
        """Nothing is to be fetched."""

    def seal(self, outputs: dict[str, Path]) -> None:
        """Write `documents`, `failures` and, where it is asked for, the folder `users`.

        Raises InputError for a folder or a file that cannot be used, and where there is no text at all, and
        what `naming_of_crawl` raises.
        """
        naming = naming_of_crawl(
            self._settings["pseudonymise"], self._operational["pseudonym_key"], self._state
        )
        files = self._files(naming)
        users = {key: User("", key, open=False) for key in files}
        write_all(outputs, users, self._posts(users, files, naming), "scrape.folder")

    def _files(self, naming: Naming) -> dict[str, tuple[Path, str]]:
        """By what stands for a user: their file, and what an error calls it."""
        excluded = set(map(naming.user, self._exclude))
        chosen: dict[str, tuple[Path, str]] = {}
        for place, path in enumerate(csv_files(self._path), start=1):
            called = f"file {place} of the CSV files in {self._path} (sorted by name)"
            if not is_name(plain_name(path.stem)):
                raise InputError(f"{called} is not named as a user: @name.csv.")
            user = naming.user(path.stem)
            if user in chosen:
                raise InputError(f"{called} is of the same user as another one. Put them into one.")
            if user not in excluded:
                chosen[user] = path, called
        if not chosen:
            raise InputError(f"{self._path}, the setting scrape.folder, holds no @name.csv of a user.")
        return dict(list(chosen.items())[: self._settings["stop_after"]["users"]])

    def _posts(
        self, users: dict[str, User], files: dict[str, tuple[Path, str]], naming: Naming
    ) -> Iterator[tuple[User, list[dict]]]:
        """The newest posts of each user, sorted by user."""
        for key, user in track(sorted(users.items()), "scrape", "users"):
            if stop_requested():
                raise Interrupted("stopped on request. The same command reads the folder from the start.")
            path, called = files[key]
            rows = list(read_rows(path, [COLUMN], called))
            user.count = len(rows)
            yield (
                user,
                [
                    {"id": str(row), "time": None, "text": naming.text(text)}
                    for row, (text,) in rows[: self._settings["posts_per_user"]]
                ],
            )
