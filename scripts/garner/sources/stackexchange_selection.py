"""Which questions of a site a study asks for, by its settings."""

from dataclasses import dataclass
from pathlib import Path

from garner.errors import ConfigError, InputError
from garner.http.waiting import midnight
from garner.sources.stackexchange_questions import read_excluded, read_reference


@dataclass(frozen=True)
class Selection:
    """Questions created from `begin` on and before `end` (seconds of the epoch; None: no end), but for those
    `excluded` (ids); of them the oldest `limit`."""

    begin: int
    end: int | None
    limit: int | None
    excluded: frozenset[int]

    def __contains__(self, question: dict) -> bool:
        created = question["created"]
        # A question of a table has no time, and such a selection no begin and no end.
        in_time = created is None or (self.begin <= created and (self.end is None or created < self.end))
        return in_time and question["id"] not in self.excluded


def read_selection(study: dict) -> Selection:
    """Raises ConfigError for what is no day, days in the wrong order, or an `exclude` of no question."""
    settings = study["scrape"]
    begin = midnight(settings["from_date"], "scrape.from_date") or 0
    end = midnight(settings["to_date"], "scrape.to_date")
    if end is not None and end <= begin:
        raise ConfigError(
            f"the settings scrape.from_date ({settings['from_date']}) and scrape.to_date "
            f"({settings['to_date']}) leave no time between them: the day of to_date does not belong to it."
        )
    excluded = read_excluded(study["exclude"], settings["site"])
    return Selection(begin, end, settings["stop_after"]["questions"], excluded)


def read_list(path: Path | str, site: str) -> list[int]:
    """The ids of the questions that a file names, by id or address, one a line, in their order, each once.

    Blank lines are skipped, and what follows a # after a space or at the beginning of a line. Raises
    InputError for a file that cannot be read or names no question, and for a line that is none of `site`.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise InputError(f"{path}, the setting scrape.questions_file, can't be read: {reason}.") from None
    ids: dict[int, None] = {}
    for number, line in enumerate(lines, start=1):
        text = f" {line}".split(" #")[0].strip()
        if not text:
            continue
        question = read_reference(text, site)
        if question is None:
            raise InputError(
                f"{path}, line {number} is {text[:200]!r}. Expected the id or the address of a question of "
                f"{site}."
            )
        ids[question] = None
    if not ids:
        raise InputError(f"{path} names no question. Write one id or address a line.")
    return list(ids)
