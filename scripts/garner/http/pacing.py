"""The clocks of an API: when requests went out, which pauses it asked for, and what is left of its quotas.

They lie in a file that all jobs share which use the API, so that together they exceed no rate window, and so
that a restart does not start the hour anew. A request takes its turn under a short lock on that file.

A wall clock may jump, so ages are counted by the monotonic clock wherever an entry was made since the machine
was started; else by the wall clock, in whichever reading makes the entry younger. An entry from the future
(the clock was set back, or another machine's is ahead) counts from when it was first seen. Machines that
share the file need clocks that agree, as NTP keeps them.
"""

import math
import re
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from garner.http.dialect import Standing
from garner.http.shared_log import SharedLog

_WINDOW = re.compile(r"([1-9]\d*)/([1-9]\d*)(s|min|h|d)")
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
UNTOLD_RENEWAL = 60.0  # seconds until a used-up quota is asked about again whose renewal no answer has told
LONGEST_WINDOW = 3600.0  # seconds after which a quota is asked about again, whatever the API said
QUOTA_KEPT = 86400.0  # seconds for which what an answer told of a quota is of interest
SPARE_LINES = 100  # of entries that no longer count, before the file is rewritten


class Window(NamedTuple):
    """At most `requests` in any `seconds`."""

    requests: int
    seconds: float


def read_window(text: str) -> Window:
    """`60/1h` as a window; the units are s, min, h and d. Raises ValueError."""
    match = _WINDOW.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no rate window such as 60/1h")
    requests, length, unit = match.groups()
    return Window(int(requests), int(length) * _SECONDS[unit])


class Slot(NamedTuple):
    """Whose turn it is to send a request, or how long to wait, in seconds."""

    key: str
    wait: float
    why: str  # what to wait for: "pause", "quota" or "ratelimit"
    id: str  # of the entry that counts this request, if it is sent


class Stamp(NamedTuple):
    """A moment: seconds of the epoch, which start of which machine, and seconds of its monotonic clock."""

    wall: float
    boot: str
    monotonic: float


class Clocks:
    """The clocks of one API, in the file `path` (None: in memory), with `windows` for each key.

    A key stands for a token, or for all of them where an API counts them together.
    """

    def __init__(
        self, path: Path | None, windows: Sequence[Window] = (), clock=time, boot: str | None = None
    ):
        self._log = SharedLog(path)
        self._windows = windows
        self._clock = clock
        self._boot = boot or _boot_id()
        self._wall_at_zero = clock.time() - clock.monotonic()
        self._entries: dict[tuple, tuple[object, Stamp]] = {}
        self._lines = 0  # in the file, as far as it was read
        self._most_lines = SPARE_LINES
        self._first_seen: dict[tuple, float] = {}
        with self._log.locked():
            self._read()

    def take_slot(self, keys: Sequence[str], resource: str, prefer: str | None = None) -> Slot:
        """Count a request by the key with most quota among those whose turn it is, `prefer` before all.

        If it is nobody's, nothing is counted, and the slot says how long to wait.
        """
        with self._log.locked():
            self._read()
            slot = min(
                (self._slot(key, resource) for key in keys),
                key=lambda slot: (slot.wait, slot.key != prefer, -self.quota(slot.key, resource).remaining),
            )
            if slot.wait <= 0 and self._windows:
                self._write(("sent", slot.key, slot.id), None)
        return slot

    def settle(self, slot: Slot, resource: str, standing: Standing | None = None) -> None:
        """Count the request of a slot from now on, since it may have arrived any time before its answer came.

        `standing` is what the answer told of the quota.
        """
        if not self._windows and standing is None:
            return
        with self._log.locked():
            self._read()
            if self._windows:
                self._write(("sent", slot.key, slot.id), None)
            if standing is not None:
                renewed_in = UNTOLD_RENEWAL if standing.renewed_in is None else standing.renewed_in
                told = [standing.remaining, standing.limit, min(renewed_in, LONGEST_WINDOW)]
                self._write(("quota", slot.key, resource), told)

    def rest(self, key: str, resource: str, seconds: float) -> None:
        """Send nothing by one key for so long, as if its quota were used up."""
        with self._log.locked():
            self._read()
            self._write(("quota", key, resource), [0, self.quota(key, resource).limit, seconds])

    def pause(self, seconds: float) -> None:
        """Send nothing by any key for so long, nor for less than was asked for before."""
        with self._log.locked():
            self._read()
            if seconds > self._pause_left():
                self._write(("pause",), seconds)

    def quota(self, key: str, resource: str) -> Standing:
        """What a key has left as far as is known, without end where nothing is; `renewed_in` as of now."""
        entry = ("quota", key, resource)
        if entry not in self._entries:
            return Standing(math.inf)
        (remaining, limit, renewed_in), stamp = self._entries[entry]
        left = renewed_in - self._age(entry, stamp)
        if left > 0:
            return Standing(remaining, limit, left)
        # Even where the limit was zero: only asking shows whether it still is.
        return Standing(max(limit, 1), limit)

    def _slot(self, key: str, resource: str) -> Slot:
        quota = self.quota(key, resource)
        waits = {
            "quota": quota.renewed_in if quota.remaining <= 0 else 0.0,
            "ratelimit": self._window_wait(key),
            "pause": self._pause_left(),
        }
        why = max(waits, key=waits.get)
        return Slot(key, waits[why], why, uuid.uuid4().hex[:12])

    def _window_wait(self, key: str) -> float:
        """Seconds until every window has room for one more request."""
        if not self._windows:
            return 0.0
        ages = sorted(
            self._age(entry, stamp)
            for entry, (_, stamp) in self._entries.items()
            if entry[:2] == ("sent", key)
        )
        waits = [
            window.seconds - ages[window.requests - 1]
            for window in self._windows
            if len(ages) >= window.requests
        ]
        return max(waits, default=0.0)

    def _pause_left(self) -> float:
        if ("pause",) not in self._entries:
            return 0.0
        seconds, stamp = self._entries["pause",]
        return max(seconds - self._age(("pause",), stamp), 0.0)

    def _read(self) -> None:
        """Take in what all jobs have written; once that is much, drop from the file what no longer counts."""
        lines, anew = self._log.read()
        if anew:
            self._entries, self._lines = {}, 0
        self._lines += len(lines)
        self._entries |= {tuple(name): (value, Stamp(*stamp)) for name, value, stamp in lines}
        if self._lines > self._most_lines:
            self._entries = {
                name: entry for name, entry in self._entries.items() if self._counts(name, *entry)
            }
            self._first_seen = {
                (name, wall): at for (name, wall), at in self._first_seen.items() if name in self._entries
            }
            self._most_lines = 2 * len(self._entries) + SPARE_LINES
            self._log.rewrite([name, *entry] for name, entry in self._entries.items())

    def _counts(self, name: tuple, value: object, stamp: Stamp) -> bool:
        longest_window = max((window.seconds for window in self._windows), default=0.0)
        lifetime = {"sent": longest_window, "pause": value, "quota": QUOTA_KEPT}[name[0]]
        return self._age(name, stamp) < lifetime

    def _write(self, name: tuple, value: object) -> None:
        latest = max(self._clock.time(), self._wall())
        stamp = Stamp(latest, self._boot, self._clock.monotonic())
        self._log.append([name, value, stamp])
        self._entries[name] = (value, stamp)

    def _age(self, name: tuple, stamp: Stamp) -> float:
        now = self._clock.monotonic()
        if stamp.boot == self._boot and stamp.monotonic <= now:
            return now - stamp.monotonic
        first_seen = self._first_seen.setdefault((name, stamp.wall), now)
        return max(min(self._clock.time(), self._wall()) - stamp.wall, now - first_seen)

    def _wall(self) -> float:
        """What the wall clock would say had it not jumped since this job began."""
        return self._wall_at_zero + self._clock.monotonic()


def _boot_id() -> str:
    """What tells this start of this machine from all others."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:  # no Linux: then every job goes by the wall clock
        return uuid.uuid4().hex
