"""A model hub on loopback with one model, which tests can make fail.

It answers as https://huggingface.co/docs/hub/api says: what a model has, and its files, also from a byte on.
"""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

REVISION = "0123456789abcdef0123456789abcdef01234567"


class Request(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]  # names in lower case


class LoopbackHub:
    """`cuts` are byte counts after which the next downloads break; `damaged` files have a wrong byte."""

    def __init__(self, url: str, name: str, files: dict[str, bytes]):
        self.url, self.name, self.files = url, name, files
        self.cuts: list[int] = []
        self.damaged: set[str] = set()
        self.status: int | None = None  # of every answer
        self.page: bytes | None = None  # the body of every answer
        self.requests: list[Request] = []

    def fetched(self) -> list[str]:
        """The files whose bytes were asked for, in that order."""
        return [
            path.rpartition("/")[2]
            for method, path, _ in self.requests
            if method == "GET" and "resolve" in path
        ]

    def model(self) -> dict:
        siblings = [
            {
                "rfilename": name,
                "size": len(data),
                "blobId": hashlib.sha1(data).hexdigest(),
                **({"lfs": _lfs(data)} if len(data) > 10_000 else {}),
            }
            for name, data in self.files.items()
        ]
        return {"id": self.name, "modelId": self.name, "sha": REVISION, "siblings": siblings}


def _lfs(data: bytes) -> dict:
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "pointerSize": 134}


@contextmanager
def serve_hub(name: str, files: dict[str, bytes]) -> Iterator[LoopbackHub]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            hub.requests.append(Request(self.command, self.path.partition("?")[0], headers))
            path = hub.requests[-1].path
            file = path.removeprefix(f"/{hub.name}/resolve/{REVISION}/")
            if hub.status is not None:
                self.answer(hub.status, b"", {})
            elif hub.page is not None:
                self.answer(200, hub.page, {})
            elif path == f"/api/models/{hub.name}":
                self.answer(200, json.dumps(hub.model()).encode(), {"Content-Type": "application/json"})
            elif file in hub.files:
                self.send_file(file, headers.get("range"))
            else:
                self.answer(404, b"", {"X-Error-Code": "RepoNotFound"})

        do_HEAD = do_GET

        def send_file(self, file: str, asked: str | None) -> None:
            data = hub.files[file]
            tag = _lfs(data)["sha256"]
            if self.command == "GET" and file in hub.damaged:
                data = bytes([data[0] ^ 1]) + data[1:]
            begin = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
            headers = {"ETag": f'"{tag}"', "X-Repo-Commit": REVISION, "Accept-Ranges": "bytes"}
            if asked:
                headers["Content-Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
            self.answer(206 if asked else 200, data[begin:], headers, large=len(data) > 10_000)

        def answer(self, status: int, body: bytes, headers: dict[str, str], large: bool = False) -> None:
            self.send_response_only(status)
            for key, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command == "HEAD":
                return
            cut = hub.cuts.pop(0) if large and hub.cuts else None
            self.wfile.write(body[:cut])
            self.close_connection = cut is not None

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub = LoopbackHub(f"http://127.0.0.1:{server.server_address[1]}", name, dict(files))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
