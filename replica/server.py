"""The replica of GitHub: an HTTP server on loopback, for a folder of repositories."""

import contextlib
import json
import socket
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from garner.errors import InputError
from garner.logs import log
from replica.exchange import Intercept, Reply, Request, Seen
from replica.hub import build_hub
from replica.quota import ANONYMOUS, WINDOW, Quota
from replica.service import Service

MAXIMUM_BODY = 32 * 2**20  # bytes of a request
IDLE = 300  # seconds until a silent connection is closed


class Replica:
    """`with Replica(folder) as replica:` serves the bare repositories of `folder` until its end.

    - `tokens`: who shows none is a stranger, with 60 requests an hour and no GraphQL, as on GitHub; an
      unknown token gets 401. Where none are given, nobody needs one.
    - `quota`: REST requests, and as many GraphQL points, for each token in `window` seconds.
    - `seed`: of who follows whom, and of the stars. `extra_users`: users without repositories.
    - `facts`: fields of a `Repository` to replace, as `{"owner/name": {"fork": True, "stars": 7}}`.
    - `log`: a file to which each request is appended as a line of JSON.
    - `intercept`: sees each request first and may answer it with its own (status, headers, body).

    Within the block `url` is the address and `requests` what was answered. Raises InputError where the folder
    holds no repositories or the port is taken.
    """

    def __init__(
        self,
        folder: Path,
        port: int = 0,
        host: str = "127.0.0.1",
        tokens: Iterable[str] = (),
        quota: int = 5000,
        window: float = WINDOW,
        seed: int = 0,
        extra_users: int = 0,
        facts: Mapping[str, Mapping] | None = None,
        log: Path | None = None,
        intercept: Intercept | None = None,
    ):
        self._address = (host, port)
        self._population = (Path(folder), seed, extra_users, facts or {})
        self._tokens = list(tokens)
        strangers = min(ANONYMOUS, quota) if self._tokens else quota
        self._quota = Quota({None: strangers, **dict.fromkeys(self._tokens, quota)}, window)
        self._log_path = log
        self.intercept = intercept
        self.records: list[dict] = []
        self._recording = threading.Lock()

    @property
    def requests(self) -> list[Seen]:
        """Method, path with query, and resource (`core`, `graphql`, `git`) of every request answered."""
        with self._recording:
            return [Seen(each["method"], each["path"], each["resource"]) for each in self.records]

    def __enter__(self) -> "Replica":
        folder, seed, extra_users, facts = self._population
        with contextlib.ExitStack() as undo:
            views = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="garner-replica-")))
            self._log = undo.enter_context(open(self._log_path, "a")) if self._log_path else None
            self.hub = build_hub(folder, views, seed, extra_users, facts)
            server = self._listen()
            undo.callback(server.end)
            self.url = f"http://{self._address[0]}:{server.server_address[1]}"
            self._service = Service(self.hub, views, self.url, self._tokens, self._quota)
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def _listen(self) -> "Server":
        try:
            return Server(self._address, self)
        except OSError as error:
            host, port = self._address
            cure = "Choose another port, or 0 for any free one."
            raise InputError(f"{host}:{port} cannot be listened on ({error.strerror}). {cure}") from error

    def reply(self, request: Request) -> Reply:
        # Whatever makes trouble on purpose has its place here, before anything else has seen the request.
        own = self.intercept(request) if self.intercept else None
        reply = Reply(*own) if own else self._service.reply(request)
        self._record(request, reply.status)
        return reply

    def _record(self, request: Request, status: int) -> None:
        path = request.path + ("?" + request.query if request.query else "")
        entry = {"method": request.method, "path": path, "resource": request.resource, "status": status}
        if request.resource == "graphql":
            entry["body"] = request.body.decode(errors="replace")
        with self._recording:
            self.records.append(entry)
            if self._log:
                print(json.dumps(entry), file=self._log, flush=True)


class Server(ThreadingHTTPServer):
    """Ends its connections when it ends, so that no client goes on talking to a replica that is gone."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], replica: Replica):
        self.replica = replica
        self._open: set[socket.socket] = set()
        super().__init__(address, Handler)

    def process_request(self, request, client_address) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request, client_address) -> None:
        if isinstance(sys.exception(), ConnectionError | TimeoutError):
            log.debug("a client of the replica went away", exc_info=True)
        else:
            log.exception("the replica failed on a request")

    def end(self) -> None:
        self.shutdown()
        self.server_close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Handler(BaseHTTPRequestHandler):
    """Reads a request whole, asks the replica, writes the reply."""

    protocol_version = "HTTP/1.1"
    server_version = "garner-replica"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and a short body leave in one packet
    timeout = IDLE

    def answer(self) -> None:
        try:
            body = self._read_body()
        except ValueError as error:
            self.close_connection = True
            self.send_error(400, str(error))
            return
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, unquote(parts.path), parts.query, headers, body)
        self._write(self.server.replica.reply(request))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def _read_body(self) -> bytes:
        """The body, of a known length or in chunks. Raises ValueError where it is neither, or too long."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return b"".join(self._read_chunks())
        return self.rfile.read(within_limit(int(self.headers.get("Content-Length", 0))))

    def _read_chunks(self) -> Iterator[bytes]:
        total = 0
        while size := int(self.rfile.readline(64).partition(b";")[0], 16):
            total = within_limit(total + within_limit(size))
            yield self.rfile.read(size)
            self.rfile.readline(64)
        self.rfile.readline(64)

    def _write(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        whole = isinstance(reply.body, bytes)
        if whole and reply.status != 304:
            self.send_header("Content-Length", str(len(reply.body)))
        elif not whole:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if whole:
            self.wfile.write(b"" if self.command == "HEAD" else reply.body)
        else:
            self._write_chunks(reply.body)

    def _write_chunks(self, chunks: Iterable[bytes]) -> None:
        with contextlib.closing(iter(chunks)) as stream:
            for chunk in filter(None, stream):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *arguments: object) -> None:
        log.debug("replica: " + format, *arguments)


def within_limit(size: int) -> int:
    if not 0 <= size <= MAXIMUM_BODY:
        raise ValueError(f"a body may have up to {MAXIMUM_BODY} bytes")
    return size
