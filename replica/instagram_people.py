"""People for the replica of Instagram: plain data, and a seeded generator of made-up ones for the demo.

The generated people do not exist. Each has an age, and their captions are drawn from word lists that lean
on that age by a stated amount, so that a classifier finds something to learn. What it scores on them says
nothing about real people.
"""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

LEAN = 0.5
CAPTIONLESS = 0.06  # chance that a post has no caption
_NOW = 1_735_689_600  # 2025-01-01T00:00:00Z: the newest post there may be

_YOUNG = (
    "school tomorrow", "math homework again", "prom dress", "practice with the team", "mom says no",
    "first job", "finals week", "my besties", "sleepover", "driving lessons", "new skin in the game",
    "after class", "lol", "so bored rn", "ngl this slaps", "varsity game", "summer break", "study group",
    "dorm life", "freshman year",
)  # fmt: skip
_GROWN = (
    "at the office", "my daughter's birthday", "mortgage signed", "anniversary dinner", "our wedding",
    "the commute", "quarterly report", "grateful for my team", "new kitchen", "school run with the kids",
    "red wine", "back pain", "conference in Berlin", "my husband cooked", "garden is growing", "tax season",
    "client meeting", "long drive", "reunion of our class", "weekend market",
)  # fmt: skip
_ANYONE = (
    "sunset", "coffee first", "rainy day", "best dog ever", "on the road", "pizza night", "by the sea",
    "good light", "early run", "this view", "old photo", "happy monday", "new haircut", "music on",
    "snow at last", "long walk",
)  # fmt: skip
_SIGNS = ("☀️", "🎉", "❤️", "😂", "🌊", "📚", "🍷", "🐶", "")
_FIRST = (
    "ada",
    "ben",
    "cleo",
    "dana",
    "eli",
    "finn",
    "gia",
    "hugo",
    "ines",
    "jo",
    "kim",
    "lea",
    "max",
    "nora",
)
_LAST = ("ash", "birch", "cedar", "dale", "elm", "field", "grove", "hill", "isle", "lake", "moor", "reed")


@dataclass(frozen=True)
class Post:
    """`time` is in seconds of the epoch; `text` is None where there is no caption."""

    id: str
    time: int
    text: str | None = None
    by: str | None = None  # the name of another account that wrote it, and whose post stands here as well


@dataclass
class Person:
    """An account, its newest post first. Who is `renamed` is found by `name`, but shows that new one."""

    name: str
    posts: list[Post] = field(default_factory=list)
    private: bool = False
    renamed: str | None = None
    age: int | None = None  # known to the generator alone, for the file of labels

    @property
    def id(self) -> str:
        return number_of(self.name)


def number_of(name: str) -> str:
    """The number of the account with that name: always the same."""
    return str(int.from_bytes(hashlib.sha256(name.encode()).digest()[:5]) + 10**9)


def invent(count: int, posts: int = 24, seed: int = 0, lean: float = LEAN) -> list[Person]:
    """`count` made-up people aged 13 to 17 and 23 to 48, half and half, with about `posts` posts each.

    `lean` is how far their phrases lean on their age: the chance that one comes from the list of their side
    of 21, else from any list. One in forty is private and one in forty has another name by now. Equal
    arguments give equal people.
    """
    source = random.Random(f"people {seed}")
    people: dict[str, Person] = {}
    while len(people) < count:
        name = f"{source.choice(_FIRST)}.{source.choice(_LAST)}{source.randrange(10_000):04}"
        if name not in people:
            people[name] = _person(name, posts, source)
    names = list(people)
    for person in people.values():
        number = source.randint(posts // 2, posts + posts // 2)
        person.posts = list(_posts(person, number, names, source, lean))
    return list(people.values())


def _person(name: str, posts: int, source: random.Random) -> Person:
    age = source.randint(13, 17) if source.random() < 0.5 else source.randint(23, 48)
    fate = source.randrange(40)
    return Person(name, private=fate == 0, renamed=f"{name}_" if fate == 1 else None, age=age)


def _posts(
    person: Person, count: int, names: list[str], source: random.Random, lean: float
) -> Iterator[Post]:
    moment = _NOW - source.randrange(30 * 86400)
    for number in range(count):
        text = None if source.random() < CAPTIONLESS else _caption(person, names, source, lean)
        yield Post(f"{number_of(person.name)}{count - number:04}", moment, text)
        moment -= source.randrange(3600, 6 * 86400)


def _caption(person: Person, names: list[str], source: random.Random, lean: float) -> str:
    own = _YOUNG if person.age < 21 else _GROWN
    anyones = (_YOUNG, _GROWN, _ANYONE, _ANYONE)
    phrases = []
    for _ in range(source.randint(1, 4)):
        leaning = source.random() < lean
        phrases.append(source.choice(own if leaning else source.choice(anyones)))
    if source.random() < 0.15:
        phrases.append(f"with @{source.choice(names)}")
    return f"{', '.join(phrases)} {source.choice(_SIGNS)}".strip()
