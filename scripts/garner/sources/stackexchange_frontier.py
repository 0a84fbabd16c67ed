"""What a crawl of questions still has to ask: by date of creation, or by their ids.

A walk by date keeps no page number. Each request asks for the oldest questions of what is left of the window,
oldest first, and the next one begins with the second in which that answer ended. So nothing that is asked,
edited or deleted meanwhile moves a page, and no page lies beyond the 25th, which only a key opens.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

PAGE = 100  # the most that the API gives at once, of questions and of ids


class Window(NamedTuple):
    """To ask for: page `page` of the questions created from `begin` on, before `end` (seconds, epoch)."""

    begin: int
    end: int
    page: int = 1


class Stretch(NamedTuple):
    """A time of which all questions are known, `count` of them; one of no length is a page of a second."""

    begin: int
    end: int
    count: int


class Walk:
    """Questions created from `begin` on and before `end`, the oldest `limit` of them if that is given.

    It learns records {"from", "to", "page", "questions"}: with it, all is known from `from` on and before
    `to`. Those of an earlier run with another window count for what they share with this one.
    """

    def __init__(self, begin: int, end: int, limit: int | None = None):
        self.total = limit
        self.known = 0
        self._begin, self._end = begin, max(begin, end)
        self._stretches: list[Stretch] = []
        self._pages: dict[int, int] = {}  # by the second that they begin with, the last one of those asked

    @property
    def done(self) -> int:
        """Questions of which it is sure that no older one is missing."""
        return self._first().count

    @property
    def finished(self) -> bool:
        first = self._first()
        return first.end == self._end or (self.total is not None and first.count >= self.total)

    def open_pages(self) -> Iterator[Window]:
        begin, end = self._first().end, self._end
        if begin < end:
            later = [stretch.begin for stretch in self._stretches if stretch.begin > begin]
            yield Window(begin, min([end, *later]), self._pages.get(begin, 0) + 1)

    def learn(self, record: dict) -> None:
        if "from" not in record:
            return
        self._pages[record["from"]] = record["page"]
        begin, end = max(record["from"], self._begin), min(record["to"], self._end)
        if begin > end:
            return
        count = sum(self._begin <= question["created"] < self._end for question in record["questions"])
        self.known += count
        self._stretches = _joined(self._stretches, Stretch(begin, end, count))

    def _first(self) -> Stretch:
        """The stretch that the window begins with."""
        found = (stretch for stretch in self._stretches if stretch.begin == self._begin)
        return next(found, Stretch(self._begin, self._begin, 0))


def _joined(stretches: list[Stretch], new: Stretch) -> list[Stretch]:
    """With one more, in order, those that touch made one."""
    result: list[Stretch] = []
    for stretch in sorted([*stretches, new]):
        if result and stretch.begin <= result[-1].end:
            last = result.pop()
            stretch = Stretch(last.begin, max(last.end, stretch.end), last.count + stretch.count)
        result.append(stretch)
    return result


class Listed:
    """Questions by their ids, in the order of a list.

    It learns records {"asked": [id], "questions"}: what was asked for and is not among the questions is gone.
    """

    def __init__(self, ids: Iterable[int]):
        self._ids = list(dict.fromkeys(ids))
        self._left = set(self._ids)
        self._next = 0  # where the first of those that are left stands
        self.total = self.known = len(self._ids)

    @property
    def done(self) -> int:
        return self.known - len(self._left)

    @property
    def finished(self) -> bool:
        return not self._left

    def open_pages(self) -> Iterator[list[int]]:
        left = (number for number in islice(self._ids, self._next, None) if number in self._left)
        yield list(islice(left, PAGE))

    def learn(self, record: dict) -> None:
        self._left.difference_update(record.get("asked", ()))
        while self._next < self.known and self._ids[self._next] not in self._left:
            self._next += 1
