"""GitHub made up: users who follow one another and own repositories, served by the replica without git."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pyarrow.parquet

from garner.sources import open_source
from replica import Replica
from replica.hub import Hub, User, connect
from replica.licences import OTHER, Licence
from replica.repositories import Repository

MIT = Licence("mit", "MIT License", "MIT")


def repository(owner: str, name: str, **changes: object) -> Repository:
    facts = {
        "view": Path("/nowhere"),
        "default_branch": "main",
        "head": "a" * 40,
        "pushed_at": "2024-01-01T00:00:00Z",
        "size_kib": 10,
        "languages": {"Python": 1000},
        "licence": MIT,
        "stars": 1,
    }
    return Repository(owner=owner, name=name, **facts | changes)


def hub(follows: dict[str, list[str]], owned: dict[str, list[Repository]] | None = None) -> Hub:
    """Users by login, with whom each follows and what each owns; whoever is only followed owns nothing."""
    logins = dict.fromkeys(
        [*follows, *(login for each in follows.values() for login in each), *(owned or {})]
    )
    users = {login: User(login) for login in logins}
    for login, followed in follows.items():
        for other in followed:
            connect(users[login], users[other])
    for login, repositories in (owned or {}).items():
        users[login].repositories.extend(repositories)
    return Hub(users.values())


def varied_hub(users: int = 30, many: bool = False, seed: int = 0) -> Hub:
    """A seeded graph in which everyone is reached from `User00`, with forks, empty repositories, odd licences
    and names that differ in case. With `many`, all that comes in pages needs a second one somewhere."""
    chance = random.Random(seed)
    logins = [f"{chance.choice(['User', 'user', 'USER'])}{index:02}" for index in range(users)]
    logins[0] = "User00"
    follows = {login: chance.sample(logins, min(4, users)) for login in logins}
    for index, login in enumerate(logins[1:], start=1):
        follows[logins[chance.randrange(index)]].append(login)
    owned = {login: varied_repositories(login, chance.randrange(5), chance) for login in logins}
    if many:
        follows["User00"] += [f"follower-{index:03}" for index in range(120)]
        owned["User00"] += [repository("User00", f"many-{index:03}") for index in range(140)]
        languages = {f"L{index}": index for index in range(130)}
        owned[logins[5]].append(repository(logins[5], "babel", languages=languages))
    return hub(follows, owned)


def varied_repositories(owner: str, count: int, chance: random.Random) -> list[Repository]:
    found = []
    for index in range(count):
        languages = {
            name: chance.randrange(1, 9999) for name in chance.sample(["C", "Go", "Lua", "Shell"], 2)
        }
        empty = chance.random() < 0.2
        changes = {"head": None, "size_kib": 0, "languages": {}} if empty else {"languages": languages}
        changes |= {"stars": chance.randrange(9), "licence": chance.choice([MIT, OTHER, None])}
        changes |= {"fork": chance.random() < 0.3, "archived": chance.random() < 0.3}
        found.append(repository(owner, f"{chance.choice(['Repo', 'repo'])}-{index}", **changes))
    return found


@contextmanager
def serve(made_up: Hub, **options: object) -> Iterator[Replica]:
    """The replica over users that are made up."""
    with mock.patch("replica.server.build_hub", return_value=made_up), Replica(Path(), **options) as replica:
        yield replica


def study(api: str, protocol: str = "graphql", exclude: tuple[str, ...] = (), **changes: object) -> dict:
    """The block of a study. `changes` are settings of `scrape`, or of its `stop_after`."""
    stop_after = {key: changes.pop(key, None) for key in ("users", "repositories", "date")}
    scrape = {
        "api": api,
        "protocol": protocol,
        "seeds": ["user00"],
        "repositories_file": None,
        "stop_after": stop_after,
        "forks": True,
        "archived": True,
        "maximum_size_kib": None,
        "minimum_stars": 0,
        "licences": [],
        "languages": [],
    }
    return {"source": "github", "exclude": list(exclude), "scrape": scrape | changes}


def operational(**changes: object) -> dict:
    return {"tokens": None, "contact": None, "on_quota": "wait"} | changes


def outputs(folder: Path) -> dict[str, Path]:
    return {name: folder / f"{name}.parquet" for name in ("users", "repositories")}


def scrape(settings: dict, state: Path, **changes: object) -> dict[str, bytes]:
    """Crawl and seal; the bytes of the results."""
    source = open_source(settings, state, operational(**changes))
    source.crawl()
    return seal(settings, state)


def rows(folder: Path, name: str) -> list[dict]:
    """What was sealed beside `folder / "state"`."""
    return pyarrow.parquet.read_table(folder / f"results/{name}.parquet").to_pylist()


def seal(settings: dict, state: Path) -> dict[str, bytes]:
    results = outputs(state.parent / "results")
    open_source(settings, state, operational()).seal(results)
    return {name: path.read_bytes() for name, path in results.items()}
