"""What comes in and what goes out, whatever the API."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Request:
    """`path` is decoded and without `query`; the names of `headers` are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def resource(self) -> str:
        """Which of GitHub's it draws on: `git`, `graphql`, or `core` for REST."""
        if self.path == "/graphql":
            return "graphql"
        return "git" if self.path.endswith(GIT_TAILS) else "core"


GIT_TAILS = ("/info/refs", "/git-upload-pack", "/git-receive-pack")


class Reply(NamedTuple):
    """A body of bytes is sent with its length, any other in chunks as it comes.

    Where `headers` hold a Content-Length, the body is sent as it is under that, be it true or not.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes | Iterable[bytes]


# Sees a request before anyone else, and may answer it with a reply (or its three parts) of its own.
Intercept = Callable[[Request], tuple[int, Mapping[str, str], bytes | Iterable[bytes]] | None]


class Seen(NamedTuple):
    """A request as tests count them: the path has its query."""

    method: str
    path: str
    resource: str
