"""A server on loopback that answers as a test tells it, and a clock that a test drives."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import NamedTuple


def free_ports(number: int) -> list[int]:
    """Different ports that nothing listens on; tests that run beside these get others."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(number)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


class Reply(NamedTuple):
    """`cut`: bytes of the body after which the connection is closed, though its whole length was promised."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = MappingProxyType({})
    cut: int | None = None


class Seen(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes


class Loopback:
    """Answers with `replies` in turn, the last one again and again; `requests` is what came in."""

    def __init__(self, url: str, replies: list[Reply]):
        self.url = url
        self.replies = replies
        self.requests: list[Seen] = []

    def next_reply(self, request: Seen) -> Reply:
        self.requests.append(request)
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@contextmanager
def serve(*replies: Reply) -> Iterator[Loopback]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer leaves at once, not in two packets with a pause between

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = loopback.next_reply(Seen(self.command, self.path, headers, body))
            self.send_response_only(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body[: reply.cut])
            if reply.cut is not None:
                self.close_connection = True

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    loopback = Loopback(f"http://127.0.0.1:{server.server_address[1]}", list(replies))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield loopback
    finally:
        server.shutdown()
        server.server_close()


OFFLINE = {"tokens": None, "contact": None, "on_quota": "wait"}  # the least that `connect` is told


class Clock:
    """Stands for the module `time`; hours pass in no time. `slept` is how many seconds in all.

    `jumped` is how far somebody has set the wall clock, in seconds.
    """

    def __init__(self, now: float = 1_700_000_000.0):
        self.now = now
        self.jumped = 0.0
        self.slept = 0.0
        self.on_sleep: Callable[[], None] = lambda: None

    def time(self) -> float:
        return self.now + self.jumped

    def monotonic(self) -> float:
        return self.now - 1_000_000_000.0

    def sleep(self, seconds: float) -> None:
        self.now += max(seconds, 0.001)  # less could be lost in rounding, and the wait never end
        self.slept += seconds
        self.on_sleep()
