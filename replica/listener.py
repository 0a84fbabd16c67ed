"""The server on loopback: reads a request whole, asks who answers it, writes the reply, even a false one."""

import contextlib
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from garner.errors import InputError
from garner.logs import log
from replica.exchange import Reply, Request

MAXIMUM_BODY = 32 * 2**20  # bytes of a request
IDLE = 300  # seconds until a silent connection is closed
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time: closing sends a reset in place of an end


@contextlib.contextmanager
def serve(
    address: tuple[str, int], reply: Callable[[Request], Reply], clock: Callable[[], float]
) -> Iterator["Server"]:
    """Answer at `address` within the block, dated by `clock`; InputError where it cannot be listened on."""
    try:
        server = Server(address, reply, clock)
    except OSError as error:
        host, port = address
        cure = "Choose another port, or 0 for any free one."
        raise InputError(f"{host}:{port} cannot be listened on ({error.strerror}). {cure}") from error
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server
    finally:
        server.end()


class Server(ThreadingHTTPServer):
    """Ends its connections when it ends, so that no client goes on talking to a replica that is gone."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], reply: Callable[[Request], Reply], clock: Callable[[], float]
    ):
        self.reply = reply
        self.clock = clock
        self._open: set[socket.socket] = set()
        super().__init__(address, Handler)

    def process_request(self, request, client_address) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request, client_address) -> None:
        if isinstance(sys.exception(), ConnectionResetError):
            with contextlib.suppress(OSError):
                request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
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
        self._write(self.server.reply(request))

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
        headers = {
            "Server": self.version_string(),
            "Date": formatdate(self.server.clock(), usegmt=True),
            **reply.headers,
        }
        stated = "Content-Length" in headers
        whole = isinstance(reply.body, bytes)
        if whole and not stated and reply.status != 304:
            headers["Content-Length"] = str(len(reply.body))
        elif not whole and not stated:
            headers["Transfer-Encoding"] = "chunked"
        self.send_response_only(reply.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if whole and not stated:
            self.wfile.write(b"" if self.command == "HEAD" else reply.body)
        elif not stated:
            self._write_chunks(reply.body)
        else:
            self._write_as_stated([reply.body] if whole else reply.body, int(headers["Content-Length"]))

    def _write_as_stated(self, pieces: Iterable[bytes], stated: int) -> None:
        """The body as it is; where its length is not what the headers say, the connection ends with it."""
        for piece in pieces:
            self.wfile.write(piece)
            self.wfile.flush()
            stated -= len(piece)
        self.close_connection = self.close_connection or stated != 0

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
