"""Proxies from a file that only its owner can read: one is used until it fails, and then rests."""

import re
import time
from dataclasses import dataclass, field
from pathlib import Path

from garner.errors import CredentialsError
from garner.http.credentials import private_lines

SHORTEST_REST = 60.0  # seconds; doubled at each further failure in a row
LONGEST_REST = 3600.0
_PROXY = re.compile(r"https?://(?:[^\s/@]+@)?(?:[A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\])(?::\d{1,5})?/?")


@dataclass(frozen=True)
class Proxy:
    """One line of a file of proxies."""

    url: str = field(repr=False)  # may hold a password
    place: str  # "FILE, line N", for messages


def read_proxies(path: Path | str) -> list[Proxy]:
    """The proxies of a file, one address a line. Raises CredentialsError."""
    proxies: dict[str, Proxy] = {}
    for place, line in private_lines(path, "proxy"):
        if not _PROXY.fullmatch(line):
            raise CredentialsError(
                f"{place} is no address of a proxy. Expected http://HOST:PORT or http://USER:PASSWORD@HOST:PORT."
            )
        proxies.setdefault(line, Proxy(line, place))
    return list(proxies.values())


class Proxies:
    """Proxies with their health; without any, requests go out directly (or as the environment says)."""

    def __init__(self, proxies: list[Proxy], clock=time):
        self._proxies = proxies
        self._clock = clock
        self._failures = dict.fromkeys(proxies, 0)  # in a row
        self._rested_at = dict.fromkeys(proxies, 0.0)

    def best(self) -> Proxy | None:
        """The first in the file that does not rest; where all do, the one whose rest ends first."""
        now = self._clock.monotonic()
        return min(self._proxies, key=lambda proxy: max(self._rested_at[proxy] - now, 0.0), default=None)

    def rest(self, proxy: Proxy) -> float:
        """Leave a proxy alone for a while; returns how long, in seconds."""
        seconds = min(SHORTEST_REST * 2 ** self._failures[proxy], LONGEST_REST)
        self._failures[proxy] += 1
        self._rested_at[proxy] = self._clock.monotonic() + seconds
        return seconds

    def worked(self, proxy: Proxy) -> None:
        """A request went through."""
        self._failures[proxy] = 0

    def __len__(self) -> int:
        return len(self._proxies)
