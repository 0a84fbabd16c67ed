"""A drill: the same crawl calm and in trouble, from the settings to the sealed results."""

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import github_study
import pytest
from instagram_study import person
from loopback import Clock, free_ports

from garner.http.client import connect
from garner.sources import open_source
from replica import Replica, questions
from replica.faults import Faults
from replica.hub import Hub
from replica.instagram import Instagram
from replica.stackexchange import StackExchange

ROOT = Path(__file__).resolve().parents[2]
(PORT,) = free_ports(1)  # the same for all crawls, since GitHub's results name the address
ENDLESS = 3000  # requests, after which a drill is stopped
TOKENS = ["first-secret", "second-secret"]


@dataclass(frozen=True)
class Subject:
    """A source with something to crawl.

    `serve(tokens, **options)` gives the replica that has it, `study(url, folder)` the settings; `outputs` are
    the names of what is sealed, and `deleted` is an item that a fault may delete.
    """

    name: str
    serve: Callable[..., AbstractContextManager[Replica]]
    study: Callable[[str, Path], dict]
    outputs: dict[str, str]
    deleted: str


@dataclass
class Crawl:
    """One crawl in its own folder, against one replica."""

    subject: Subject
    folder: Path
    replica: Replica
    clock: "JumpyClock"
    tokens: Path | None

    @property
    def state(self) -> Path:
        return self.folder / "state" / "scrape"

    def operational(self) -> dict:
        return {
            "tokens": self.tokens,
            "contact": None,
            "on_quota": "wait",
            "ratelimit": [],
            "backoff": {"mult": 1, "exp": None, "max": 60},
            "proxies": None,
            "clocks": self.folder / "state/.clocks",
            "pseudonym_key": self.folder / "pseudonyms.key",
        }

    def run(self) -> dict[str, bytes]:
        """Crawl by the clock and seal; the bytes of the results."""
        study = self.subject.study(self.replica.url, self.folder)
        with by_clock(self.clock), mock.patch("garner.crawl.stop_requested", self._is_endless):
            open_source(study, self.state, self.operational()).crawl()
        return self.seal()

    def _is_endless(self) -> bool:
        return len(self.replica.requests) > ENDLESS

    def seal(self) -> dict[str, bytes]:
        outputs = {key: self.folder / "results" / name for key, name in self.subject.outputs.items()}
        study = self.subject.study(self.replica.url, self.folder)
        open_source(study, self.state, self.operational()).seal(outputs)
        return {key: without_times(path) for key, path in outputs.items()}

    def start(self, **options: object) -> subprocess.Popen:
        """The same crawl in a process of its own, by the true clock."""
        study = self.subject.study(self.replica.url, self.folder)
        arguments = json.dumps([study, str(self.state), self.operational()], default=str)
        path = os.pathsep.join([str(ROOT / "scripts"), os.environ.get("PYTHONPATH", "")])
        return subprocess.Popen(
            [sys.executable, "-c", CHILD, arguments],
            env={**os.environ, "PYTHONPATH": path},
            stderr=subprocess.PIPE,
            **options,
        )


CHILD = """
import json, sys
from pathlib import Path
from garner.sources import open_source
study, state, operational = json.loads(sys.argv[1])
for name in ("clocks", "pseudonym_key"):
    operational[name] = Path(operational[name])
open_source(study, Path(state), operational).crawl()
"""


class JumpyClock(Clock):
    """A clock that is wrong by `jump` seconds; `now` is the true time, which the replica goes by."""

    jump = 0.0

    def time(self) -> float:
        return self.now + self.jump


@contextmanager
def by_clock(clock: Clock) -> Iterator[None]:
    """All that a crawl waits passes by this clock."""
    *others, _ = connect.__defaults__
    with mock.patch.object(connect, "__defaults__", (*others, clock)):
        yield


def without_times(path: Path) -> bytes:
    """The bytes of a result; of a list of failures all but when they were met."""
    if path.suffix != ".json":
        return path.read_bytes()
    failures = json.loads(path.read_text())
    return json.dumps([{key: each[key] for key in each if key != "time"} for each in failures]).encode()


@contextmanager
def crawl(subject: Subject, folder: Path, *faults: dict, tokens: bool = False) -> Iterator[Crawl]:
    """A crawl that meets `faults`, with TOKENS or with none."""
    known = TOKENS if tokens else []
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in (("tokens", known), ("pseudonyms.key", ["0123456789abcdef" * 4])):
        (folder / name).touch(mode=0o600)
        (folder / name).write_text("\n".join(lines))
    clock = JumpyClock()
    script = Faults.of(*faults, seed=7)
    with subject.serve(known, port=PORT, faults=script, clock=lambda: clock.now) as replica:
        yield Crawl(subject, folder, replica, clock, folder / "tokens" if tokens else None)


# --- what there is to crawl ---

ODD = "naïve “quotes” \u2028 🦄\u200d🧑 \u202ertl\u0007 日本語 \ud7ff \ufffd e\u0301"
LONG = ("ein sehr langer Text " + ODD) * 20_000  # more than a megabyte


def github(name: str, protocol: str, make_hub: Callable[[], Hub], users: int | None = None) -> Subject:
    @contextmanager
    def serve(tokens: list[str], **options: object) -> Iterator[Replica]:
        with github_study.serve(make_hub(), tokens=tokens, quota=100_000, **options) as replica:
            yield replica

    outputs = {"users": "users.parquet", "repositories": "repositories.parquet"}
    settings = {"seeds": ["User00"], "users": users}
    return Subject(
        name, serve, lambda url, _: github_study.study(url, protocol, **settings), outputs, "Friend005"
    )


def varied() -> Hub:
    """16 users with all that they may have, and of all that comes in pages a second one somewhere."""
    return github_study.varied_hub(users=16, many=True)


def star() -> Hub:
    """One user who follows 120, which makes two pages, and few repositories: REST asks for each of them."""
    followed = [f"Friend{n:03}" for n in range(120)]
    owners = ["User00", *followed[:10]]
    owned = {owner: [github_study.repository(owner, f"{owner}-{n}") for n in range(2)] for owner in owners}
    return github_study.hub({"User00": followed}, owned)


def stackexchange() -> Subject:
    """1,200 questions, two of them odd and long."""
    rows = [
        {
            "question_id": 3 * n,
            "title": f"Question {n}?",
            "body": f"<p>Body {n}</p>",
            "tags": ["a", f"t{n % 9}"],
        }
        for n in range(1, 1201)
    ]
    rows[3] |= {"title": ODD, "body": f"<p>{ODD}</p>"}
    rows[500] |= {"body": f"<p>{LONG}</p>"}

    @contextmanager
    def serve(tokens: list[str], clock: Callable[[], float], **options: object) -> Iterator[Replica]:
        api = StackExchange(
            questions.items(rows, "scifi.stackexchange.com"), site="scifi", keys=tokens, clock=clock
        )
        with Replica(apis=[api], clock=clock, **options) as replica:
            yield replica

    def study(url: str, folder: Path) -> dict:
        scrape = {"api": f"{url}/2.3", "site": "scifi", "from_date": None, "to_date": "2020-01-01"}
        scrape |= {"questions_file": None, "dump": None, "stop_after": {"questions": None, "date": None}}
        return {"source": "stackexchange", "exclude": [], "scrape": scrape}

    outputs = {"documents": "documents.parquet", "failures": "failures.json"}
    return Subject("stackexchange", serve, study, outputs, "3597")


def instagram() -> Subject:
    """12 people with three pages of posts, odd captions; one is private, one renamed, one is not there."""
    people = [person(f"person{n:02}", 30) for n in range(12)]
    people[1] = person("person01", [ODD, None, "", LONG, *("and on" for _ in range(20))])
    people[2].private = True
    people[3].renamed = "another"

    @contextmanager
    def serve(tokens: list[str], clock: Callable[[], float], **options: object) -> Iterator[Replica]:
        api = Instagram(copy.deepcopy(people), sessions=tokens, clock=clock)
        with Replica(apis=[api], clock=clock, **options) as replica:
            yield replica

    def study(url: str, folder: Path) -> dict:
        folder.mkdir(parents=True, exist_ok=True)
        names = folder / "users.txt"
        names.write_text("".join(f"{each.name}\n" for each in people) + "nobody\n")
        scrape = {"api": url, "users_file": str(names), "folder": None, "posts_per_user": 50}
        scrape |= {"pseudonymise": True, "export": None, "stop_after": {"users": None, "date": None}}
        return {"source": "instagram", "exclude": [], "scrape": scrape}

    outputs = {"documents": "documents.parquet", "failures": "failures.json"}
    return Subject("instagram", serve, study, outputs, "person00")


SUBJECTS = [
    github("github", "graphql", varied),
    github("github-rest", "rest", star, users=12),
    stackexchange(),
    instagram(),
]


def only(*names: str) -> pytest.MarkDecorator:
    """A drill for those sources alone which can meet its fault."""
    chosen = [subject for subject in SUBJECTS if subject.name in names]
    return pytest.mark.parametrize("subject", chosen, ids=lambda subject: subject.name, indirect=True)
