"""Instagram made up: people with posts, served by the replica, and a study of them."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from garner.document import Document, read_documents
from garner.sources import open_source
from replica import Replica
from replica.instagram import Instagram
from replica.instagram_people import Person, Post, number_of

NEWEST = 1_700_000_000


def person(name: str, posts: int | Iterable[str | None] = 3, **facts: object) -> Person:
    """Someone with that many posts, or with posts of these texts, the newest first and an hour apart."""
    texts = [f"post {number} of a life" for number in range(posts)] if isinstance(posts, int) else posts
    return Person(
        name,
        [Post(f"{number_of(name)}{n:05}", NEWEST - 3600 * n, text) for n, text in enumerate(texts)],
        **facts,
    )


@contextmanager
def serve(*people: Person, faults=None, intercept=None, **options: object) -> Iterator[Replica]:
    with Replica(apis=[Instagram(people, **options)], faults=faults, intercept=intercept) as replica:
        yield replica


class Study:
    """A study in `folder`, whose list holds `names`; `changes` are settings of `scrape`."""

    def __init__(
        self, folder: Path, api: str, names: Iterable[str], exclude: Iterable[str] = (), **changes: object
    ):
        self.folder = folder
        self.state = folder / "state/ages/scrape"
        self.key = folder / "state/pseudonyms.key"
        self.list_users(names)
        stop_after = {key: changes.pop(key, None) for key in ("users", "date")}
        self.scrape = {
            "api": api,
            "users_file": str(folder / "users.txt"),
            "folder": None,
            "posts_per_user": 50,
            "pseudonymise": True,
            "export": "json",
            "stop_after": stop_after,
        } | changes
        self.exclude = list(exclude)
        self.operational = {
            "tokens": None,
            "contact": None,
            "on_quota": "wait",
            "ratelimit": [],
            "backoff": {"mult": 1, "exp": None, "max": 300},
            "proxies": None,
            "clocks": folder / "state/.clocks",
            "pseudonym_key": self.key,
        }

    def list_users(self, names: Iterable[str]) -> None:
        (self.folder / "users.txt").write_text("".join(f"{name}\n" for name in names))

    def source(self):
        block = {"source": "instagram", "exclude": self.exclude, "scrape": self.scrape}
        return open_source(block, self.state, self.operational)

    def run(self) -> list[Document]:
        """Crawl and seal; the documents."""
        self.source().crawl()
        return self.seal()

    def seal(self) -> list[Document]:
        results = self.folder / "results"
        outputs = {"documents": results / "documents.parquet", "failures": results / "failures.json"}
        if self.scrape["export"] == "json":
            outputs["users"] = results / "users"
        self.source().seal(outputs)
        return list(read_documents(outputs["documents"]))

    def failures(self) -> dict[str, dict]:
        found = json.loads((self.folder / "results/failures.json").read_text())
        return {failure["item"]: failure for failure in found}

    def sealed(self) -> dict[str, bytes]:
        """The bytes of the results, but for the failures, which hold when they were met."""
        results = self.folder / "results"
        files = [
            path for path in sorted(results.rglob("*")) if path.is_file() and path.name != "failures.json"
        ]
        return {str(path.relative_to(results)): path.read_bytes() for path in files}
