"""The results of scraping GitHub: users.parquet, repositories.parquet, and the filters on the way there."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow

from garner.exclusion import Excluded
from garner.files import write_parquet
from garner.logs import log
from garner.sources.github_records import OK

USERS = pyarrow.schema(
    [
        ("user", pyarrow.string()),
        ("depth", pyarrow.int32()),
        ("order", pyarrow.int64()),
        ("found_via", pyarrow.string()),
        ("status", pyarrow.string()),
        ("repositories", pyarrow.int64()),
        ("following", pyarrow.int64()),
    ]
)
REPOSITORIES = pyarrow.schema(
    [
        ("repository", pyarrow.string()),
        ("owner", pyarrow.string()),
        ("clone_url", pyarrow.string()),
        ("default_branch", pyarrow.string()),
        ("fork", pyarrow.bool_()),
        ("archived", pyarrow.bool_()),
        ("stars", pyarrow.int64()),
        ("size_kib", pyarrow.int64()),
        ("licence", pyarrow.string()),
        ("languages", pyarrow.map_(pyarrow.string(), pyarrow.int64())),
        ("order", pyarrow.int64()),
    ]
)


def owner_of(repository: str) -> str:
    """The owner of "owner/name", in lower case, as GitHub's names ignore it."""
    return repository.split("/")[0].lower()


def add_languages(repositories: dict[str, dict], record: dict) -> None:
    """Take in a page of a repository's languages, or that it is gone."""
    if "status" in record:
        repositories.pop(record["repository"], None)
    elif repository := repositories.get(record["repository"]):
        repository["languages"] = (repository["languages"] or {}) | record["languages"]


def write_users(path: Path, rows: Iterable[dict]) -> None:
    """Seal users.parquet and say how many could not be had, and why."""
    statuses = Counter()

    def counted() -> Iterator[dict]:
        for row in rows:
            statuses[row["status"]] += 1
            yield row

    write_parquet(path, counted(), USERS)
    for reason, count in sorted(statuses.items()):
        if reason != OK:
            log.warning("scrape: %d of %d users %s", count, statuses.total(), reason)


def write_repositories(
    path: Path, repositories: Iterable[dict], settings: dict, exclude: Iterable[str]
) -> None:
    """Seal repositories.parquet: those that pass the filters; say how many did not, and why.

    `repositories` are sorted by name, each with its owner's `order`; `settings` is the stage's configuration.
    """
    excluded = Excluded(exclude)
    dropped = Counter()

    def kept() -> Iterator[dict]:
        for repository in repositories:
            if reason := drop_reason(repository, settings, excluded):
                dropped[reason] += 1
            else:
                yield _row(repository)

    count = write_parquet(path, kept(), REPOSITORIES)
    log.info("scrape: %d of %d repositories kept", count, count + dropped.total())
    for reason, count in sorted(dropped.items()):
        log.info("scrape: %d dropped: %s", count, reason)


def drop_reason(repository: dict, settings: dict, excluded: Excluded) -> str | None:
    """Why a repository is filtered out; None where it is kept."""
    licences = [licence.lower() for licence in settings["licences"]]
    languages = {language.lower() for language in settings["languages"]}
    maximum = settings["maximum_size_kib"]
    reasons = {
        "excluded": repository["repository"] in excluded,
        "fork": repository["fork"] and not settings["forks"],
        "archived": repository["archived"] and not settings["archived"],
        "too large": maximum is not None and repository["size_kib"] > maximum,
        "too few stars": repository["stars"] < settings["minimum_stars"],
        "licence": bool(licences) and (repository["licence"] or "").lower() not in licences,
        "language": bool(languages) and languages.isdisjoint(map(str.lower, repository["languages"])),
    }
    return next((reason for reason, applies in reasons.items() if applies), None)


def _row(repository: dict) -> dict:
    languages = sorted(repository["languages"].items())
    # REST names a branch of an empty repository, too, which only size and languages give away.
    empty = not languages and repository["size_kib"] == 0
    return {
        **{field: repository[field] for field in REPOSITORIES.names if field in repository},
        "owner": repository["repository"].split("/")[0],
        "default_branch": None if empty else repository["default_branch"],
        "languages": languages,
    }
