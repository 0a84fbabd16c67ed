"""The faults that a script can name: each gives a reply, or changes the API and gives none."""

import functools
import json
import random
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING

from replica.api import Api
from replica.exchange import Reply, Request

if TYPE_CHECKING:
    from replica.faults import Faults

JSON = {"Content-Type": "application/json; charset=utf-8"}
HTML = b"<!DOCTYPE html>\n<html><head><title>Just a moment...</title></head><body>Wait.</body></html>"


@dataclass(frozen=True)
class Scene:
    """A request that meets a fault, the API that it is for, and the chance of its details."""

    request: Request
    api: Api
    faults: "Faults"
    chance: random.Random

    def answer(self) -> tuple[Reply, bytes]:
        """What the API answers, and the body of that as a whole."""
        reply = self.api.reply(self.request)
        return reply, reply.body if isinstance(reply.body, bytes) else b"".join(reply.body)


def reset_before(scene: Scene) -> Reply:
    """The connection is reset before a byte of the answer."""
    raise ConnectionResetError


def reset_amid(scene: Scene, after: float | int = 0.5) -> Reply:
    """The connection is reset when that part of the body is sent."""
    reply, body = scene.answer()

    def cut() -> Iterator[bytes]:
        yield body[: int(len(body) * after)]
        raise ConnectionResetError

    return with_length(reply, len(body), cut())


def truncated(scene: Scene, after: float | int = 0.5) -> Reply:
    """An answer that is whole by its headers, though its JSON ends in the middle."""
    reply, body = scene.answer()
    return reply._replace(body=body[: int(len(body) * after)])


def malformed(scene: Scene, body: str = '{"data": {"items": [,]}') -> Reply:
    """Status 200 and what is no JSON, or none of that shape: `body: "[]"`."""
    return Reply(200, JSON, body.encode())


def status(scene: Scene, status: int) -> Reply:
    """A status of the gateway in front of the API, with the page that such have."""
    return Reply(status, {"Content-Type": "text/html"}, f"<h1>{status}</h1>".encode())


def too_many(scene: Scene, seconds: int | None = None, date: bool = False, status: int = 429) -> Reply:
    """429 with a Retry-After of `seconds`, or with the `date` of then; without `seconds` it names no time."""
    headers = dict(JSON)
    if seconds is not None:
        moment = scene.faults.time() + seconds
        headers["Retry-After"] = formatdate(moment, usegmt=True) if date else str(seconds)
    return Reply(status, headers, b'{"message": "Too Many Requests"}')


def refuse(scene: Scene, seconds: int | None = None, status: int | None = None) -> Reply:
    """Too many requests in the API's own words: GitHub's secondary limit, Stack Exchange's throttle …"""
    reply = scene.api.refuse(seconds)
    return reply if status is None else reply._replace(status=status)


def login(scene: Scene) -> Reply:
    """The API's own page that asks to log in."""
    return scene.api.login()


def exhaust(scene: Scene, seconds: float | int = 1) -> None:
    """Every quota is used up, for `seconds`."""
    scene.api.exhaust(seconds)


def clock(scene: Scene, by: float | int) -> None:
    """The server's clock jumps by that many seconds, and with it all times that it names."""
    scene.faults.clock += by


def drip(scene: Scene, pieces: int = 20, seconds: float | int = 0.01) -> Reply:
    """The body comes in `pieces`, with a pause of `seconds` before each."""
    reply, body = scene.answer()
    size = max(1, -(-len(body) // pieces))

    def slowly() -> Iterator[bytes]:
        for begin in range(0, len(body), size):
            time.sleep(seconds)
            yield body[begin : begin + size]

    return with_length(reply, len(body), slowly())


def duplicate(scene: Scene, share: float | int = 0.5) -> Reply:
    """That share of the items on the page stands on it twice."""
    reply, body = scene.answer()
    parsed = parse(reply, body)
    if parsed is None:
        return reply._replace(body=body)
    for items in scene.api.lists(parsed):
        items[:] = [item for each in items for item in [each] * (1 + (scene.chance.random() < share))]
    return as_json(reply, parsed)


def shift(scene: Scene, count: int = 1) -> None:
    """From now on all pages that go by number are shifted by `count` new items in front."""
    scene.api.shift(count)


def loop(scene: Scene) -> Reply:
    """The next page of this page is this page."""
    reply, body = scene.answer()
    parsed = parse(reply, body)
    if parsed is None:
        return reply._replace(body=body)
    headers = scene.api.loop(scene.request, parsed) or {}
    return as_json(reply._replace(headers={**reply.headers, **headers}), parsed)


def html(scene: Scene) -> Reply:
    """A page for people, with status 200, as a proxy or a check for robots sends it."""
    return Reply(200, {"Content-Type": "text/html; charset=utf-8"}, HTML)


def bomb(scene: Scene, mib: int = 128) -> Reply:
    """A small body that unpacks to `mib` MiB of blanks, which would be good JSON at its end."""
    return Reply(200, {**JSON, "Content-Encoding": "gzip"}, packed_blanks(mib))


def length(scene: Scene, by: int = 10) -> Reply:
    """A Content-Length that is wrong by that many bytes, less or more."""
    reply, body = scene.answer()
    return with_length(reply, max(0, len(body) + by), [body])


def redirect(scene: Scene, status: int = 302) -> Reply:
    """To another host, which keeps what comes to it."""
    where = f"{scene.faults.elsewhere}{scene.request.path}"
    return Reply(status, {"Location": where, "Content-Type": "text/html"}, b"")


def expire(scene: Scene, number: int = 0) -> None:
    """The token of that number (0 is the first) is refused from now on."""
    scene.api.expire(number)


def delete(scene: Scene, item: str) -> None:
    """A user, question or repository is gone from now on."""
    scene.api.delete(item)


Trouble = Callable[..., Reply | None]
TROUBLES: dict[str, Trouble] = {
    trouble.__name__: trouble
    for trouble in (
        *(reset_before, reset_amid, truncated, malformed, status, too_many, refuse, login, exhaust, clock),
        *(drip, duplicate, shift, loop, html, bomb, length, redirect, expire, delete),
    )
}
# The method of an API without which it cannot meet the fault.
NEEDS = {name: name for name in ("refuse", "login", "exhaust", "shift", "loop", "expire", "delete")}
NEEDS["duplicate"] = "lists"


@functools.cache
def packed_blanks(mib: int) -> bytes:
    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    blanks = [packer.compress(b" " * 2**20) for _ in range(mib)]
    return b"".join([*blanks, packer.compress(b"{}"), packer.flush()])


def with_length(reply: Reply, length: int, body: bytes | Iterator[bytes]) -> Reply:
    return reply._replace(headers={**reply.headers, "Content-Length": str(length)}, body=body)


def parse(reply: Reply, body: bytes) -> dict | list | None:
    """The JSON of a body that brings items; None for any other."""
    if reply.status != 200:
        return None
    try:
        parsed = json.loads(body)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict | list) else None


def as_json(reply: Reply, parsed: dict | list) -> Reply:
    return reply._replace(body=json.dumps(parsed, ensure_ascii=False, separators=(",", ":")).encode())
