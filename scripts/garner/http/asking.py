"""What is asked of an API, and the answer to it."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from requests import Request

from garner.http.credentials import Token


@dataclass(frozen=True)
class Answer:
    """What a good answer holds: its parsed JSON, and whether its header `Link` names a next page.

    `etag` is what to ask with the next time; where nothing has changed since, that answer is `not_modified`
    and its `body` None.
    """

    body: dict | list | None
    has_next: bool = False
    etag: str | None = None
    not_modified: bool = False


@dataclass(frozen=True)
class Ask:
    """What is asked for, as often as it takes."""

    method: str
    url: str
    resource: str
    expect: type
    check: Callable[[dict | list], None]
    etag: str | None
    content: dict

    def __str__(self) -> str:
        return f"{self.method} {urlsplit(self.url)._replace(query='', fragment='').geturl()}"

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    @property
    def asked_by(self) -> str | None:
        """The id of the token that got the ETag: with another one it would count, and may not match."""
        return self.etag and self.etag.partition(" ")[0]

    def request(self, token: Token) -> Request:
        headers = dict(self.content.get("headers") or {})
        if self.asked_by == token.id:
            headers["If-None-Match"] = self.etag.partition(" ")[2]
        return Request(self.method, self.url, **{**self.content, "headers": headers})
