"""A package index and an npm registry on loopback, and packages to put into them."""

import base64
import hashlib
import io
import json
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

from replica.downloads import NPM, PYTHON, Package

SIMPLE_JSON = "application/vnd.pypi.simple.v1+json"


def tar_gz(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def write_list(path: Path, packages: list[Package]) -> Path:
    lines = ["registry,name,version,bytes,sha256,languages"]
    for one in packages:
        fields = one.registry, one.name, one.version, one.bytes, one.sha256, ";".join(one.languages)
        lines.append(",".join(map(str, fields)))
    path.write_text("\n".join(lines) + "\n")
    return path


class PackageIndex:
    """`with PackageIndex() as index:` serves what `add_…` puts in, at `index.python` and `index.npm`."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[str, bytes]] = {}
        self.requests: list[str] = []
        self.broken: set[str] = set()  # paths whose answer ends a byte early
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = unquote(self.path)
                index.requests.append(path)
                content_type, body = index.pages.get(path, ("text/plain", None))
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body or b"") + (path in index.broken)))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.python, self.npm = f"{self.url}/simple/", f"{self.url}/npm/"

    def __enter__(self) -> "PackageIndex":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add_distribution(
        self, name: str, version: str, data: bytes, *, html: bool = False, file_name: str | None = None
    ) -> Package:
        file_name = file_name or f"{name}-{version}.tar.gz"
        others = [f"{name}-{version}-py3-none-any.whl", f"{name}-{version}9.tar.gz"]
        self.pages[f"/files/{file_name}"] = ("application/gzip", data)
        if html:
            anchors = "".join(
                f'<a href="../../files/{one}#sha256=0">{one}</a>' for one in [*others, file_name]
            )
            page = "text/html", f"<!DOCTYPE html><body>{anchors}</body>".encode()
        else:
            files = [{"filename": one, "url": f"../../files/{one}"} for one in [*others, file_name]]
            page = SIMPLE_JSON, json.dumps({"files": files}).encode()
        self.pages[f"/simple/{name.lower().replace('_', '-')}/"] = page
        return _package(PYTHON, name, version, data)

    def add_npm_package(
        self, name: str, version: str, files: dict[str, bytes], **manifest: object
    ) -> Package:
        manifest = {"name": name, "version": version, "license": "MIT", **manifest}
        members = {"package/package.json": json.dumps(manifest).encode()}
        data = tar_gz(members | {f"package/{path}": content for path, content in files.items()})
        tarball = f"/npm/{name}/-/{name.rsplit('/', 1)[-1]}-{version}.tgz"
        integrity = "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
        described = manifest | {"dist": {"tarball": self.url + tarball, "integrity": integrity}}
        document = {"name": name, "dist-tags": {"latest": version}, "versions": {version: described}}
        self.pages[tarball] = ("application/octet-stream", data)
        self.pages[f"/npm/{name}"] = ("application/json", json.dumps(document).encode())
        return _package(NPM, name, version, data)


def _package(registry: str, name: str, version: str, data: bytes) -> Package:
    return Package(registry, name, version, len(data), hashlib.sha256(data).hexdigest(), ("Rust",))
