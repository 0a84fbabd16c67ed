"""Git's smart HTTP protocol by `git http-backend`, for reading alone: https://git-scm.com/docs/http-protocol"""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from replica import safe_git
from replica.exchange import GIT_TAILS, Reply, Request
from replica.repositories import Repository

CHUNK = 65_536  # bytes read at once


def split_path(path: str) -> tuple[str, str, str]:
    """Owner, name and the rest of a path that ends in one of GIT_TAILS. Owner and name may not exist."""
    tail = next(tail for tail in GIT_TAILS if path.endswith(tail))
    owner, _, name = path.removesuffix(tail).removeprefix("/").partition("/")
    return owner, name.removesuffix(".git"), tail.removeprefix("/")


def refusal(status: int, message: str, headers: dict[str, str] | None = None) -> Reply:
    return Reply(
        status, {"Content-Type": "text/plain; charset=utf-8", **(headers or {})}, f"{message}\n".encode()
    )


def not_found(anonymous: bool) -> Reply:
    """GitHub does not tell strangers whether a repository exists: it asks who they are."""
    if anonymous:
        return refusal(401, "Repository not found.", {"WWW-Authenticate": 'Basic realm="GitHub"'})
    return refusal(404, "Repository not found.")


def serve(repository: Repository, views: Path, request: Request, tail: str) -> Reply:
    """Answer a request for `tail` of a repository whose view lies under `views`."""
    if tail == "git-receive-pack" or "git-receive-pack" in request.query:
        return refusal(403, "The replica can be cloned and fetched from, not pushed to.")
    if (request.method, tail) not in (("GET", "info/refs"), ("POST", "git-upload-pack")):
        return refusal(404, "Not found.")
    if tail == "info/refs" and request.query != "service=git-upload-pack":
        return refusal(403, "The replica speaks the smart protocol alone.")
    environment = {
        **safe_git.environment(),
        "GIT_PROJECT_ROOT": str(views),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{repository.view.relative_to(views)}/{tail}",
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": request.query,
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(request.body)),
        "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
        "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
        "REMOTE_ADDR": "127.0.0.1",
    }
    # From a file, since git may write before it has read all, and two pipes would then wait for each other.
    with tempfile.TemporaryFile() as body:
        body.write(request.body)
        body.seek(0)
        process = subprocess.Popen(
            ["git", "http-backend"], env=environment, stdin=body, stdout=subprocess.PIPE
        )
    headers = read_headers(process)
    status = int(headers.pop("Status", "200").split()[0])
    return Reply(status, headers, stream(process))


def read_headers(process: subprocess.Popen) -> dict[str, str]:
    headers = {}
    for line in iter(process.stdout.readline, b""):
        if not line.strip():
            break
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip()] = value.strip()
    return headers or {"Status": "500 Internal Server Error"}


def stream(process: subprocess.Popen) -> Iterator[bytes]:
    """What git writes, as it comes. Ends git where nobody reads on."""
    try:
        while chunk := process.stdout.read1(CHUNK):
            yield chunk
    finally:
        process.kill()
        process.stdout.close()
        process.wait()
