"""The one place that runs git: a shallow, bare, partial clone that is read once and removed.

What a repository brings is data. Nothing of it is checked out, so its hooks, attributes, filters, submodules,
LFS pointers and symlinks are never acted on; no configuration of the user's or the system's is read.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from garner.errors import GarnerError, GitError
from garner.git_failures import failure

# Protocols that git may use, redirects included, by the address's own: https is never redirected to http.
PROTOCOLS = {"https": "https", "http": "http:https"}

LISTING_BYTES = 64 * 2**20  # of `git ls-tree`, against trees made to overflow a listing
ERROR_BYTES = 4096  # of what git says: the reason stands at the end
SILENCE = 120  # seconds without a byte after which git gives a server up
LOOK_EVERY = 0.2  # seconds between two looks at a clone that runs

_CONFIGURATION = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.askPass": "",
    "core.bigFileThreshold": "16m",  # a larger blob is streamed to disk, not held in memory
    "credential.helper": "",
    "fetch.recurseSubmodules": "no",
    "gc.auto": "0",
    "http.followRedirects": "initial",
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": str(SILENCE),
    "maintenance.auto": "false",
    "pack.threads": "1",
    "transfer.bundleURI": "false",
    # git checks every object's hash in any case. fsck would refuse honest old repositories, and protects a
    # checkout, which never takes place here.
    "transfer.fsckObjects": "false",
}
_ENVIRONMENT = {
    "GIT_ASKPASS": "",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
    "SSH_ASKPASS": "",
}
_KEPT_FROM_USER = {"GIT_SSL_CAINFO", "GIT_SSL_CAPATH"}  # certificates of the user's own network
_TOKEN = "GARNER_GIT_TOKEN"
# git asks it only after a 401, for the origin it is set for: after a redirect another host gets nothing.
_HELPER = f'!f() {{ test "$1" = get && printf "username=x-access-token\\npassword=%s\\n" "${_TOKEN}"; }}; f'
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@contextmanager
def shallow_clone(
    url: str,
    folder: Path,
    blob_bytes: int,
    total_bytes: int,
    seconds: float,
    token: str | None = None,
    check: Callable[[], None] = lambda: None,
) -> Iterator["Clone"]:
    """Clone the newest commit of `url` into `folder`, which is removed on leaving.

    Blobs over `blob_bytes` are left out where the server can filter. The clone and all reading of it get
    `seconds`, and `folder` may grow to `total_bytes` (overshot by what arrives in LOOK_EVERY). `token` is
    offered if the server answers 401. `check` is called while waiting and may raise.
    Raises GitError with its reason, DiskFullError.
    """
    address = _checked(url)
    folder.mkdir(parents=True)
    try:
        clone = Clone(folder, time.monotonic() + seconds, total_bytes)
        clone._fetch(address, blob_bytes, token, check)
        yield clone
    finally:
        shutil.rmtree(folder)


class Clone:
    """A bare clone on disk. `commit` is the hexadecimal name of what HEAD pointed to."""

    def __init__(self, folder: Path, deadline: float, total_bytes: int):
        self.folder = folder.absolute()
        self.commit = ""
        self._repository = self.folder / "repository"
        self._deadline = deadline
        self._total_bytes = total_bytes

    def files(self, wanted: Callable[[bytes], bool], maximum: int) -> list[tuple[bytes, str]]:
        """(path, blob) of the regular files whose path is `wanted`; symlinks and submodules are left out.

        Raises GitError `too_many_files` at more than `maximum`, or where the whole tree is beyond reason.
        """
        found, length, rest = [], 0, b""
        with self._running(["ls-tree", "-r", "-z", "--full-tree", self.commit]) as process:
            while chunk := process.stdout.read1():
                length += len(chunk)
                *lines, rest = (rest + chunk).split(b"\0")
                for line in lines:
                    head, path = line.split(b"\t", 1)
                    mode, _, blob = head.decode("ascii").split(" ")
                    if mode in ("100644", "100755") and wanted(path):
                        found.append((path, blob))
                if len(found) > maximum:
                    raise GitError(f"more than {maximum:,} source files", "too_many_files", False)
                if length > LISTING_BYTES:
                    raise GitError("its tree is too large to list", "too_many_files", False)
        return found

    def sizes(self, blobs: list[str]) -> list[int | None]:
        """Bytes of each blob, None where the server filtered it out."""
        sizes = []
        with self._running(["cat-file", "--batch-check", "--buffer"], self._listed(blobs)) as process:
            sizes.extend(_size(line) for line in process.stdout)
        return self._complete(sizes, blobs)

    def contents(self, blobs: list[str]) -> Iterator[bytes]:
        """The bytes of each blob, one in memory at a time; every blob must be there (see `sizes`)."""
        read = 0
        command, broken_off = ["cat-file", "--batch", "--buffer"], (0, -signal.SIGPIPE)
        with self._running(command, self._listed(blobs), accepted=broken_off) as process:
            for header in process.stdout:
                size = _size(header)
                if size is None:
                    break
                content = process.stdout.read(size + 1)  # and the line feed behind it
                if len(content) <= size:
                    break
                read += 1
                yield content[:-1]
        self._complete(range(read), blobs)

    def _listed(self, blobs: list[str]) -> Path:
        """A file, not a pipe: git reads it at its own pace while its answers are read."""
        path = self.folder / "blobs"
        path.write_text("".join(f"{blob}\n" for blob in blobs), encoding="ascii")
        return path

    def _complete(self, answers, blobs: list[str]):
        if len(answers) != len(blobs):
            raise GitError(f"{len(answers)} of {len(blobs)} files could be read", "damaged", False)
        return answers

    def _fetch(self, url: str, blob_bytes: int, token: str | None, check: Callable[[], None]) -> None:
        command = ["clone", "--quiet", "--bare", "--depth=1", "--single-branch", "--no-tags", "--template="]
        # git leaves out what is as large as the limit; ours is the largest that stays.
        command += [f"--filter=blob:limit={blob_bytes + 1}", "--", url, str(self._repository)]
        with self._running(command, url=url, token=token) as process:
            while process.returncode is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(LOOK_EVERY)
                self._check_size()
                check()
        # With its remote known, git (2.39) would fetch each blob that was filtered out when asked for it.
        self._run(["config", "--remove-section", "remote.origin"])
        self.commit = self._run(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], accepted=(0, 1))
        if not self.commit:
            raise GitError("its default branch has no commit", "empty", False)

    def _check_size(self) -> None:
        if _folder_bytes(self.folder) > self._total_bytes:
            raise GitError(f"more than {self._total_bytes / 2**20:,.4g} MiB to clone", "too_large", False)

    def _run(self, arguments: list[str], accepted: tuple[int, ...] = (0,)) -> str:
        with self._running(arguments, accepted=accepted) as process:
            return process.stdout.read().decode("ascii").strip()

    def _environment(self, url: str, token: str | None) -> dict[str, str]:
        """The user's environment (proxies, certificates) without what steers git, nor what ~/.netrc says."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k in _KEPT_FROM_USER}
        own = _ENVIRONMENT | {"HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder)}
        if url:
            own["GIT_ALLOW_PROTOCOL"] = PROTOCOLS[urlsplit(url).scheme]
        else:  # reading: no network, and no looking for a repository in the folders above a damaged one
            own |= {"GIT_ALLOW_PROTOCOL": "", "GIT_DIR": str(self._repository)}
        return kept | own | ({_TOKEN: token} if token else {})

    def _start(
        self, arguments: list[str], stdin: Path | str, url: str, token: str | None
    ) -> subprocess.Popen:
        helper = _credential_setting(url) if token else []
        configuration = [f"{key}={value}" for key, value in _CONFIGURATION.items()] + helper
        options = [word for setting in configuration for word in ("-c", setting)]
        with open(stdin, "rb") as lines:
            return subprocess.Popen(
                [_git(), *options, *arguments],
                cwd=self.folder,
                stdin=lines,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environment(url, token),
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )

    @contextmanager
    def _running(
        self,
        arguments: list[str],
        stdin: Path | str = os.devnull,
        url: str = "",
        token: str | None = None,
        accepted: tuple[int, ...] = (0,),
    ) -> Iterator[subprocess.Popen]:
        """git as a process group of its own, killed at the deadline and on leaving the block.

        Without `url` it can reach no network.
        """
        process = self._start(arguments, stdin, url, token)
        alarm = threading.Timer(max(self._deadline - time.monotonic(), 0), _kill, [process])
        # Not to a file, which could not be written on a full disk; and a server may say very much.
        said = bytearray()
        listener = threading.Thread(target=_keep_end, args=[process.stderr, said])
        alarm.start()
        listener.start()
        try:
            yield process
            process.stdout.close()  # else git would wait for ever where its answer is not read to the end
            process.wait()
        finally:
            alarm.cancel()
            _kill(process)
            process.wait()
            listener.join()
            process.stdout.close()
            process.stderr.close()
        if process.returncode not in accepted:
            if time.monotonic() >= self._deadline:
                raise GitError("not done within the time limit", "timeout", True)
            raise failure(said.decode("utf-8", "replace"), self.folder, url, token)


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in PROTOCOLS or "@" in parts.netloc or not url.isprintable():
        raise GitError(f"its address is none of {', '.join(PROTOCOLS)} without a password", "refused", False)
    return url


def _git() -> str:
    path = shutil.which("git")
    if not path:
        raise GarnerError("git is not installed: no `git` on the PATH. Install git 2.32 or later.")
    return path


def _credential_setting(url: str) -> list[str]:
    """Offer the token to the address's own origin, never over plain http except on this machine."""
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        return []
    return [f"credential.{parts.scheme}://{parts.netloc}.helper={_HELPER}"]


_prctl = getattr(ctypes.CDLL(None), "prctl", None)  # Linux alone has it


def _die_with_parent() -> None:
    """PR_SET_PDEATHSIG of prctl(2): a job that is killed leaves no git behind."""
    if _prctl:
        _prctl(1, signal.SIGKILL)


def _kill(process: subprocess.Popen) -> None:
    """End the whole group, of which a part may outlive git itself."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody is left
        os.killpg(process.pid, signal.SIGKILL)


def _keep_end(stream: IO[bytes], end: bytearray) -> None:
    while chunk := stream.read1():
        end += chunk
        del end[:-ERROR_BYTES]


def _size(header: bytes) -> int | None:
    """Bytes of the blob in a line of `git cat-file --batch`: `<name> blob <size>` or `<name> missing`."""
    fields = header.split()
    return int(fields[2]) if len(fields) == 3 and fields[1] == b"blob" else None


def _folder_bytes(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # git renames its files while it works
                total += os.lstat(os.path.join(parent, name)).st_size
    return total
