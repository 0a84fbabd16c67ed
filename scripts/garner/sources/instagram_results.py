"""The results of scraping Instagram: documents.parquet, failures.json, and one JSON a user if asked for."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from garner.document import Document, write_documents
from garner.errors import GoneError, InputError
from garner.files import atomic, write_json
from garner.logs import log
from garner.sources.instagram_frontier import OK, PRIVATE, RENAMED, User

NO_CAPTION = "no caption"  # the reason why a user is listed who has no document
WITHDRAWN = {GoneError.reason, PRIVATE, RENAMED}  # nothing of such a user is kept, read before though it was
AT_ONCE = 250_000  # posts in memory; where there are more, the journal is read several times


def posts_by_user(
    records: Iterable[dict], users: dict[str, User], most: int, at_once: int = AT_ONCE
) -> Iterator[tuple[User, list[dict]]]:
    """The newest `most` posts of each of `users` who is done and has not withdrawn, sorted by user.

    Newest by their time, since the site lists a few first that the user pinned there. `records` is iterated
    over as often as it takes.
    """
    done = [user for _, user in sorted(users.items()) if not user.open and user.status not in WITHDRAWN]
    for group in _groups(done, most, at_once):
        found: dict[str, dict[str, dict]] = {user.key: {} for user in group}
        for record in records:
            if "posts" in record and (posts := found.get(record["user"])) is not None:
                if "count" in record:  # the profile: what was read before is asked for again
                    posts.clear()
                posts.update((post["id"], post) for post in record["posts"])
        for user in group:
            newest = sorted(found.pop(user.key).values(), key=lambda post: (-post["time"], post["id"]))
            yield user, newest[:most]


def write_all(
    outputs: dict[str, Path], users: dict[str, User], posts: Iterable[tuple[User, list[dict]]], given: str
) -> None:
    """Seal `documents`, `failures`, and `users` (a folder) where it is among the outputs.

    Raises InputError where there is no caption at all, before anything is written; `given` is the setting
    that names the users.
    """
    failures = [
        _failure(user, user.status, user.detail)
        for user in users.values()
        if not user.open and user.status != OK
    ]
    with _exported(outputs.get("users")) as export:
        count = write_documents(outputs["documents"], _documents(users, posts, export, failures, given))
    failures.sort(key=lambda failure: failure["item"])
    write_json(outputs["failures"], failures)
    log.info("scrape: %d captions", count)
    for reason, number in sorted(Counter(failure["reason"] for failure in failures).items()):
        log.warning("scrape: %d of %d users: %s", number, len(users), reason)


def _documents(
    users: dict[str, User],
    posts: Iterable[tuple[User, list[dict]]],
    export: Callable[[User, list[dict]], None],
    failures: list[dict],
    given: str,
) -> Iterator[Document]:
    """A document for each caption, by user and the newest first; `failures` gets the users without one."""
    empty = True
    for user, listed in posts:
        captions = [post | {"time": _date(post)} for post in listed if post["text"].strip()]
        export(user, captions)
        if not captions and user.status == OK:
            shown = f"{len(listed)} of {user.count} posts were shown, none with a caption"
            failures.append(_failure(user, NO_CAPTION, shown))
        for post in captions:
            empty = False
            origin = {"user": user.key, "post_id": post["id"]}
            if post["time"] is not None:
                origin["time"] = post["time"]
            yield Document(f"{user.key}:{post['id']}", post["text"], (), user.key, origin)
    if empty:
        reasons = ", ".join(sorted({failure["reason"] for failure in failures})) or "none asked for yet"
        raise InputError(
            f"not one caption could be read of the {len(users)} users in {given} ({reasons}). "
            "Check their spelling, and the settings scrape.api, scrape.stop_after and exclude."
        )


@contextmanager
def _exported(folder: Path | None) -> Iterator[Callable[[User, list[dict]], None]]:
    """What writes a JSON for a user into `folder`, named for what stands for them; None writes nothing."""
    if folder is None:
        yield lambda user, captions: None
        return
    with atomic(folder) as part:
        part.mkdir()

        def export(user: User, captions: list[dict]) -> None:
            content = {"user": user.key, "posts": user.count, "captions": captions}
            write_json(part / f"{user.key}.json", content)

        yield export


def _groups(users: list[User], most: int, at_once: int) -> Iterator[list[User]]:
    """The users in their order, as many at a time as have about `at_once` posts."""
    group: list[User] = []
    posts = 0
    for user in users:
        group.append(user)
        posts += min(user.count, most)
        if posts >= at_once:
            yield group
            group, posts = [], 0
    if group:
        yield group


def _failure(user: User, reason: str, detail: str) -> dict:
    return {"item": user.key, "reason": reason, "detail": detail, "time": user.time or None}


def _date(post: dict) -> str | None:
    """None for a post of a folder."""
    if post["time"] is None:
        return None
    return f"{datetime.fromtimestamp(post['time'], UTC):%Y-%m-%dT%H:%M:%SZ}"
