"""The sort stage of users: the class of each by their age, who is left out and why, divided, written.

People are called here as the crawl calls them, by pseudonyms unless the study has none: the names in the file
of labels become the same, and no error quotes one.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path

from garner.csv_rows import read_rows
from garner.document import Document, read_documents, write_documents
from garner.errors import InputError
from garner.files import open_parquet, read_json, write_json
from garner.logs import log, track
from garner.mentions import without_names
from garner.pseudonyms import Naming
from garner.splits import split_groups

OLDEST = 150  # years
_AGE = re.compile(r"\s*[0-9]{1,3}(\.[0-9]*)?\s*")
NO_LABEL, NOT_CRAWLED = "no label", "not crawled"


def sort_users(
    documents: Path,
    failures: Path,
    labels_file: Path,
    outputs: dict[str, Path],
    settings: dict,
    seed: int,
    exclude: list[str],
    naming: Naming,
) -> None:
    """Write the parts of the split (Parquets of Documents, a post each), `labels` and `drops`.

    `documents` and `failures` are what the crawl sealed: the posts of a user one after another, the newest
    first, and who could not be had. `labels_file` is a CSV with names and ages. A Document's label is the
    class of its user, who is its group. Raises InputError for a file of labels that cannot be used, and where
    a class has no user for each part.
    """
    ages = read_ages(labels_file, settings, naming)
    crawled = _crawled(documents)
    excluded = set(map(naming.user, exclude))
    chosen = {user: ages[user] for user in crawled if user in ages and user not in excluded}
    if not chosen:
        raise InputError(
            f"none of the {len(ages)} users in {labels_file} is among the {len(crawled)} with posts. Are "
            "they the same people, and does sort.name_column name the column with their user names?"
        )
    labels = _labels(settings["age_cutoff"])
    class_of = {user: labels[age >= settings["age_cutoff"]] for user, age in chosen.items()}
    _refuse_few(class_of, chosen, labels, settings)
    part_of = split_groups({user: {label: 1} for user, label in class_of.items()}, settings["parts"], seed)
    for part in settings["parts"]:
        write_documents(outputs[part], _documents(documents, part, part_of, class_of, settings))
    read = {"cutoff": settings["age_cutoff"], "post_characters": settings["post_characters"]}
    write_json(outputs["labels"], {"labels": labels, "left_out": {}} | read)
    left_out = _left_out(ages.keys() - excluded, crawled - excluded, _reasons(failures, excluded))
    parts = {part: _classes(part, part_of, class_of) for part in settings["parts"]}
    dropped = {"excluded": len(crawled & excluded), NO_LABEL: len(left_out[NO_LABEL])}
    drops = {"found": len(crawled), "drops": dropped, "kept": len(chosen), "users": left_out}
    write_json(outputs["drops"], drops | parts)
    log.info("sort: %s of %s users kept", f"{len(chosen):,}", f"{len(crawled):,}")
    for reason, users in left_out.items():
        if users:
            log.warning("sort: %d users are left out: %s", len(users), reason)


def read_ages(path: Path, settings: dict, naming: Naming) -> dict[str, float]:
    """The age of each user in years, by what stands for the user's name.

    Raises InputError for a file that cannot be used, an age that is no number, and a user with two ages.
    """
    columns = [settings["name_column"], settings["age_column"]]
    ages: dict[str, float] = {}
    row_of: dict[str, int] = {}
    for row, (name, text) in read_rows(path, columns):
        if not name.strip("@ "):
            raise InputError(f"{path}, row {row} has no name. Write one, or take the row away.")
        age = _years(text)
        if age is None:
            raise InputError(
                f"{path}, row {row}: {columns[1]} is {text[:50]!r}. Expected a number of years; where it is "
                "not known, take the row away."
            )
        user = naming.user(name)
        if ages.setdefault(user, age) != age:
            raise InputError(
                f"{path}: rows {row_of[user]} and {row} give two ages to one user. Take one of them away."
            )
        row_of.setdefault(user, row)
    return ages


def _years(text: str) -> float | None:
    return float(text) if _AGE.fullmatch(text) and float(text) <= OLDEST else None


def _labels(cutoff: int) -> list[str]:
    """The classes, the younger one first."""
    return [f"under {cutoff}", f"{cutoff} or over"]


def _refuse_few(
    class_of: Mapping[str, str], ages: Mapping[str, float], labels: list[str], settings: dict
) -> None:
    users = Counter(class_of.values())
    for label, other in (labels, labels[::-1]):
        if not users[label]:
            raise InputError(
                f"sort.age_cutoff leaves one class: all {len(ages)} labelled users with posts are {other} "
                f"({min(ages.values()):g} to {max(ages.values()):g} years). Set a cutoff between, or label "
                "others as well."
            )
        if users[label] < len(settings["parts"]):
            raise InputError(
                f"{users[label]} of the {len(ages)} labelled users with posts are {label}, and each of the "
                f"{len(settings['parts'])} parts needs one. Label and crawl more, or change sort.age_cutoff."
            )


def _posts_by_user(documents: Path, what: str) -> Iterator[tuple[str, Iterator[Document]]]:
    with open_parquet(documents) as file:
        total = file.metadata.num_rows
    posts = track(read_documents(documents), what, "posts", total)
    return groupby(posts, key=lambda document: document.group)


def _crawled(documents: Path) -> set[str]:
    """The users who have posts. Raises InputError where one's posts do not follow one another."""
    users: set[str] = set()
    for user, _ in _posts_by_user(documents, "sort: read"):
        if user in users:
            raise InputError(
                f"{documents} has the posts of one user in several places. Delete it and run the same "
                "command again."
            )
        users.add(user)
    return users


def _documents(
    documents: Path, part: str, part_of: Mapping[str, str], class_of: Mapping[str, str], settings: dict
) -> Iterator[Document]:
    """The newest posts of the users in a part, which name nobody, cut where they are too long."""
    for user, posts in _posts_by_user(documents, f"sort: write {part}"):
        if part_of.get(user) == part:
            newest = (
                replace(post, text=without_names(post.text))
                for post in islice(posts, settings["posts_per_user"])
            )
            if settings["post_characters"]:
                newest = _cut(newest, settings["post_characters"], rest=part == "train")
            for post in newest:
                yield Document(post.id, post.text, (class_of[user],), user, post.origin)


def _cut(posts: Iterable[Document], characters: int, rest: bool) -> list[Document]:
    """The beginnings of posts; with `rest` the second pieces of longer ones behind them, and so on."""
    pieces = [
        (
            first,
            replace(post, id=f"{post.id}+{first}" if first else post.id, text=post.text[first:][:characters]),
        )
        for post in posts
        for first in range(0, len(post.text) if rest else 1, characters)
    ]
    return [piece for _, piece in sorted(pieces, key=itemgetter(0))]


def _reasons(failures: Path, excluded: set[str]) -> dict[str, str]:
    """Why the crawl has no posts of a user."""
    listed = read_json(failures)
    return {failure["item"]: failure["reason"] for failure in listed if failure["item"] not in excluded}


def _left_out(labelled: set[str], crawled: set[str], reason_of: Mapping[str, str]) -> dict[str, list[str]]:
    """Who is neither excluded nor kept, by reason: posts and no label, or no posts."""
    left_out: dict[str, list[str]] = {NO_LABEL: sorted(crawled - labelled), NOT_CRAWLED: []}
    for user in sorted((labelled | reason_of.keys()) - crawled):
        left_out.setdefault(reason_of.get(user, NOT_CRAWLED), []).append(user)
    return left_out


def _classes(part: str, part_of: Mapping[str, str], class_of: Mapping[str, str]) -> dict[str, int]:
    return Counter(class_of[user] for user in class_of if part_of[user] == part)
