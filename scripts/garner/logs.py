"""The job's log, and progress with rate and time left: a bar on a terminal, now and then a line in a log."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator

from tqdm import tqdm

log = logging.getLogger("garner")

FIRST_LINE = 5.0  # seconds until the first line of progress in a log; each further pause is twice as long,
LINE_EVERY = 60.0  # up to this


class Progress:
    """`with Progress(total, "clone", "repositories") as progress: progress.advance()`.

    `total` may be None where it is not known. `note` is shown behind the numbers.
    """

    def __init__(self, total: int | None, what: str, unit: str, clock=time.monotonic):
        self.total, self.what, self.unit = total, what, unit
        self.done = 0
        self.note = ""
        self._clock = clock
        self._begin = clock()
        self._pause = FIRST_LINE
        self._next_line = self._begin + FIRST_LINE
        self._bar = tqdm(
            total=total,
            desc=what,
            unit=f" {unit}",
            file=sys.stderr,
            leave=False,
            dynamic_ncols=True,
            disable=not sys.stderr.isatty(),
        )

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
        if self._pause > FIRST_LINE:
            log.info(self.line())

    def advance(self, count: int = 1, note: str | None = None) -> None:
        self.done += count
        if note is not None:
            self.note = note
            self._bar.set_postfix_str(note, refresh=False)
        self._bar.update(count)
        now = self._clock()
        if now >= self._next_line:
            self._pause = min(2 * self._pause, LINE_EVERY)
            self._next_line = now + self._pause
            log.info(self.line())

    def line(self) -> str:
        """`clone: 120 of 400 repositories, 2.1/s, 2 min 13 s left`."""
        elapsed = max(self._clock() - self._begin, 1e-9)
        rate = self.done / elapsed
        known = f" of {self.total:,}" if self.total is not None else ""
        parts = [f"{self.what}: {self.done:,}{known} {self.unit}", f"{rate:.3g}/s"]
        if self.total is not None and 0 < self.done < self.total:
            parts.append(f"{duration((self.total - self.done) / rate)} left")
        if self.note:
            parts.append(self.note)
        return ", ".join(parts)


def track(iterable: Iterable, what: str, unit: str, total: int | None = None) -> Iterator:
    """Iterate with progress shown."""
    if total is None and hasattr(iterable, "__len__"):
        total = len(iterable)
    with Progress(total, what, unit) as progress:
        for item in iterable:
            yield item
            progress.advance()


def duration(seconds: float) -> str:
    """`45 s`, `2 min 13 s`, `3 h 5 min`, `2 d 4 h`."""
    seconds = round(seconds)
    for unit, size, smaller, smaller_size in (
        ("d", 86400, "h", 3600),
        ("h", 3600, "min", 60),
        ("min", 60, "s", 1),
    ):
        if seconds >= size:
            rest = seconds % size // smaller_size
            return f"{seconds // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{seconds} s"
