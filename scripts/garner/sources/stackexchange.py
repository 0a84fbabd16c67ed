"""Stack Exchange: the questions of a site by date of creation, from a list, a public dump or a table."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from heapq import nsmallest
from pathlib import Path

from garner.crawl import Frontier, Journal, walk
from garner.errors import ConfigError, Interrupted
from garner.http.client import DateReached, connect
from garner.http.waiting import midnight
from garner.jobs import stop_requested
from garner.logs import Progress, log
from garner.sources.given_files import find_dump
from garner.sources.stackexchange_api import METHOD, Api
from garner.sources.stackexchange_dump import read_questions
from garner.sources.stackexchange_frontier import Listed, Walk
from garner.sources.stackexchange_limits import StackExchangeLimits
from garner.sources.stackexchange_questions import host_of
from garner.sources.stackexchange_results import sorted_by_id, write_results
from garner.sources.stackexchange_selection import read_list, read_selection
from garner.sources.stackexchange_table import is_table, read_table

SORTING = "questions.sqlite"  # while the results are written


def open_source(study: dict, state: Path, operational: dict) -> "ByDate | ByList | Dump | Table":
    """The crawl of a study, or the dump or table that its settings name instead.

    Raises ConfigError for settings that contradict one another, and InputError for a dump that is not there.
    """
    settings = study["scrape"]
    host_of(settings["site"])  # refuses what is no site
    if settings["dump"] is not None:
        if settings["questions_file"] is not None:
            raise ConfigError(
                "scrape.dump and scrape.questions_file are both given. Set one of them to null."
            )
        path = find_dump(Path(settings["dump"]), settings["site"])
        return Table(study, path, state) if is_table(path) else Dump(study, path)
    return (ByDate if settings["questions_file"] is None else ByList)(study, state, operational)


class Crawl:
    """The crawl of one study through the API, with its journal in the folder `state`."""

    mark: str  # the key by which the records of this kind of crawl are told from others
    limit: int | None  # of the questions found, the oldest so many are kept

    def __init__(self, study: dict, state: Path, operational: dict):
        self._settings = study["scrape"]
        self._selection = read_selection(study)
        self._state = state
        self._operational = operational
        self._address, self._site = self._settings["api"].rstrip("/"), self._settings["site"]

    def crawl(self) -> None:
        """Fetch what the journal does not hold yet. Raises what `Client.request` raises; nothing is lost."""
        until = midnight(self._settings["stop_after"]["date"])
        client = connect(self._address, self._operational, StackExchangeLimits(), until=until)
        journal = self._journal()
        frontier, fetch = self._plan(journal, Api(client, self._address, self._site))
        for record in journal:
            frontier.learn(record)
        try:
            walk(frontier, fetch, journal, "questions", lambda: client.progress(METHOD))
        except DateReached:
            log.info("scrape: the day of scrape.stop_after.date has come, after %d questions", frontier.done)

    def seal(self, outputs: dict[str, Path]) -> None:
        """Write `documents` and `failures` from the journal. Raises InputError where there is no question."""
        journal = self._journal()
        wanted = self._wanted(journal)

        def all_of(what: str) -> Iterator[dict]:
            records = (record for record in journal if self.mark in record)
            return (each for record in records for each in record[what] if wanted(each))

        with sorted_by_id(all_of("questions"), self._state / SORTING, self.limit) as questions:
            write_results(outputs, questions, all_of("failures"), self._site)

    def _plan(self, journal: Journal, api: Api) -> tuple[Frontier, Callable[[Iterator], list[dict]]]:
        """What to ask for, and how."""
        raise NotImplementedError

    def _wanted(self, journal: Journal) -> Callable[[dict], bool]:
        """Whether the study asks for a question, or a failure, of a record."""
        raise NotImplementedError

    def _journal(self) -> Journal:
        return Journal(self._state, f"{self._address} for {self._site}")


class ByDate(Crawl):
    """Questions by date of creation, oldest first."""

    mark = "from"

    def __init__(self, study: dict, state: Path, operational: dict):
        super().__init__(study, state, operational)
        self.limit = self._selection.limit

    def _plan(self, journal: Journal, api: Api) -> tuple[Walk, Callable]:
        return Walk(self._selection.begin, self._end(journal), self.limit), api.fetch_window

    def _wanted(self, journal: Journal) -> Callable[[dict], bool]:
        return replace(self._selection, end=self._end(journal)).__contains__

    def _end(self, journal: Journal) -> int:
        """Where the window ends: at to_date, or on the day on which the crawl began, which is kept."""
        if self._selection.end is not None:
            return self._selection.end
        for record in journal:
            if "until" in record:
                return record["until"]
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        journal.append([{"until": int(today.timestamp())}])
        return int(today.timestamp())


class ByList(Crawl):
    """The questions of a list; of `stop_after.questions`, the first so many."""

    mark = "asked"
    limit = None

    def __init__(self, study: dict, state: Path, operational: dict):
        super().__init__(study, state, operational)
        listed = read_list(self._settings["questions_file"], self._site)
        ids = [number for number in listed if number not in self._selection.excluded]
        self._ids = ids[: self._selection.limit]

    def _plan(self, journal: Journal, api: Api) -> tuple[Listed, Callable]:
        return Listed(self._ids), api.fetch_ids

    def _wanted(self, journal: Journal) -> Callable[[dict], bool]:
        ids = set(self._ids)
        return lambda each: each["id"] in ids


class Dump:
    """The questions of a site's public data dump: no request, and no progress but the file itself."""

    read = staticmethod(read_questions)

    def __init__(self, study: dict, path: Path):
        self._path = path
        self._site = study["scrape"]["site"]
        self._selection = read_selection(study)

    def crawl(self) -> None:
        """Nothing is to be fetched."""

    def seal(self, outputs: dict[str, Path]) -> None:
        """Write `documents` and `failures`. Raises InputError for a dump that cannot be used."""
        failures: list[dict] = []
        newest = None
        if self._selection.limit is not None:
            ages = ((each["created"], each["id"]) for each in self._read([]))
            newest = max(nsmallest(self._selection.limit, ages), default=None)
        questions = (
            each for each in self._read(failures) if newest is None or (each["created"], each["id"]) <= newest
        )
        write_results(outputs, questions, failures, self._site)

    def _read(self, failures: list[dict]) -> Iterator[dict]:
        """The questions of the selection; what cannot be read goes to `failures`."""
        with Progress(None, "scrape", "questions") as progress:
            for each in self.read(self._path, self._site):
                progress.advance()
                if stop_requested():
                    raise Interrupted("stopped on request. The same command reads the dump from the start.")
                if "reason" in each:
                    failures.append(each)
                elif each in self._selection:
                    yield each


class Table(Dump):
    """The questions of a Parquet, in any order; those with the lowest ids count as the oldest."""

    read = staticmethod(read_table)

    def __init__(self, study: dict, path: Path, state: Path):
        super().__init__(study, path)
        self._state = state
        if study["scrape"]["from_date"] or study["scrape"]["to_date"]:
            raise ConfigError(
                f"{path}, the setting scrape.dump, does not tell when its questions were asked. Set "
                "scrape.from_date and scrape.to_date to null."
            )

    def seal(self, outputs: dict[str, Path]) -> None:
        """Write `documents` and `failures`. Raises InputError for a table that cannot be used."""
        failures: list[dict] = []
        self._state.mkdir(parents=True, exist_ok=True)
        with sorted_by_id(self._read(failures), self._state / SORTING, self._selection.limit) as questions:
            write_results(outputs, questions, failures, self._site)
