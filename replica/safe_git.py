"""Git on folders that nobody vouches for.

A git directory from outside can name programs to run: `core.fsmonitor`, `core.alternateRefsCommand`, the
transport of a promisor remote, hooks. So git never sees it. It sees a *view*: a directory of our own with our
own `config`, no hooks, and links to nothing but the objects and the refs. That also serves git directories
that lack a `config`.
"""

import os
import shutil
import subprocess
from pathlib import Path

from garner.errors import GitError

# Like GitHub's own server it allows filters, and any commit that a ref reaches to be asked for.
CONFIG = """\
[core]
	repositoryformatversion = 0
	bare = true
[uploadpack]
	allowFilter = true
	allowTipSHA1InWant = true
	allowReachableSHA1InWant = true
[http]
	uploadpack = true
	receivepack = false
	getanyfile = false
"""


def environment() -> dict[str, str]:
    """What git runs with: the caller's PATH alone, no configuration but the view's, no prompt, no fetch."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "HOME": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
    }


def is_git_directory(folder: Path) -> bool:
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()


def make_view(git_directory: Path, view: Path) -> None:
    """Lay the view of `git_directory` at the new path `view`."""
    view.mkdir(parents=True)
    (view / "config").write_text(CONFIG)
    # Git takes a HEAD that is a link for a branch's name, so it is copied.
    shutil.copyfile(git_directory / "HEAD", view / "HEAD")
    for part in ("objects", "refs", "packed-refs", "shallow"):
        (view / part).symlink_to(git_directory.resolve() / part)


def git(view: Path, *arguments: str) -> bytes:
    """The output of one git command on a view. Raises GitError where git fails."""
    done = subprocess.run(
        ["git", "--git-dir", str(view), *arguments],
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise GitError(f"git {arguments[0]} failed on {view}: {said}", reason="git", retry=False)
    return done.stdout
