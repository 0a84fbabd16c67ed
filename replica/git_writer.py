"""Writing a bare git repository of one commit: the same commit for the same files, on any machine."""

import subprocess
from pathlib import Path

from garner.errors import GitError
from garner.files import atomic
from replica.safe_git import environment

BRANCH = "main"
AUTHOR = "Garner demo <demo@example.invalid> 1577836800 +0000"


def write_repository(path: Path, files: dict[str, bytes], message: str, description: str) -> None:
    """Seal `path` as a bare repository whose branch `main` has one commit, with `files` as ordinary files.

    `description` goes into git's file of that name. Raises GitError where git is missing or refuses.
    """
    with atomic(path) as part:
        _git("init", "--quiet", "--bare", "--template=", f"--initial-branch={BRANCH}", str(part))
        # One pack also of few objects, which serves faster than loose ones; deltas would cost half the time.
        settings = ["-c", "fastimport.unpackLimit=0", "-c", "core.compression=1"]
        command = [f"--git-dir={part}", *settings, "fast-import", "--quiet", "--done", "--depth=0"]
        _git(*command, stream=_import_stream(files, message))
        (part / "description").write_text(description + "\n", encoding="utf-8")


def read_description(path: Path) -> str | None:
    try:
        return (path / "description").read_text(encoding="utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError):
        return None


def _import_stream(files: dict[str, bytes], message: str) -> bytes:
    """See https://git-scm.com/docs/git-fast-import#_input_format. Paths are plain: only quotes need care."""
    parts = [f"commit refs/heads/{BRANCH}\ncommitter {AUTHOR}\n".encode(), _data(message.encode())]
    for name in sorted(files):
        quoted = name.replace('"', '\\"')
        parts += [f'M 100644 inline "{quoted}"\n'.encode(), _data(files[name])]
    return b"".join([*parts, b"done\n"])


def _data(content: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(content), content)


def _git(*arguments: str, stream: bytes = b"") -> None:
    try:
        done = subprocess.run(["git", *arguments], input=stream, env=environment(), capture_output=True)
    except FileNotFoundError:
        message = "git is not installed. Install it (2.32 or later) and run the same command again."
        raise GitError(message, reason="git", retry=False) from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise GitError(f"git {' '.join(arguments)} failed: {said}", reason="git", retry=False)
