"""What git says when it fails, told apart: one reason a failure, and whether a later run can help."""

import re
from pathlib import Path

from garner.errors import DiskFullError, GarnerError, GitError
from garner.logs import log

# Of git's own lines: reason, whether a later run can help, words for the table of failures. First match wins.
_FAILURES = [
    ("repository corruption|bad object", "damaged", False, "the repository is damaged on its server"),
    ("Authentication failed", "credentials", True, "the server refuses the token"),
    ("could not read Username", "gone", False, "the server asks for credentials: private or gone"),
    ("returned error: (404|410)|repository 'URL/?' not found", "gone", False, "there is no such repository"),
    ("returned error: 403", "forbidden", False, "the server refuses access (403)"),
    ("returned error: 451", "blocked", False, "blocked for legal reasons (451)"),
    ("returned error: 429", "network", True, "the server asks to slow down (429)"),
    (r"returned error: 5\d\d", "network", True, "the server failed (5xx)"),
    ("info/refs not valid", "network", True, "the answer is not git's: a login page, or a proxy?"),
    (
        "(?i)could ?n[o']t (resolve|connect)|failed to connect",
        "unreachable",
        True,
        "the host is out of reach",
    ),
    ("(?i)ssl|gnutls|certificate", "unreachable", True, "no safe connection to the host"),
    (
        "(?i)early EOF|RPC failed|hung up|too slow|timed out|disconnect|transfer closed|connection"
        "|empty reply|recv failure|expected flush|protocol error|malformed",
        "network",
        True,
        "the connection broke off",
    ),
]
_NO_SPACE = re.compile("No space left on device|Disk quota exceeded|File too large")
_SERVERS_WORDS = re.compile("^remote: (?!.*repository corruption).*", re.MULTILINE)


def failure(said: str, folder: Path, url: str, token: str | None) -> GarnerError:
    """The error to raise for what git said while it cloned `url` into `folder` or read there.

    Its words go to the log, without `token`. The words of the error itself are the same in every run.
    """
    # A server's words go to logs and terminals.
    said = "".join(letter for letter in said if letter.isprintable() or letter == "\n")
    if token:
        said = said.replace(token, "***")
    log.info("git: %s", said.strip() or "ended without a word")
    # Names that anybody may give, and the server's words, must not be taken for git's own.
    said = said.replace(str(folder), "FOLDER")
    if url:
        said = said.replace(url, "URL")
    said = _SERVERS_WORDS.sub("", said)
    if _NO_SPACE.search(said):
        return DiskFullError(
            f"no space left to clone into {folder.parent}. Free some space there and run the same command "
            "again: it goes on where it stopped."
        )
    for pattern, reason, retry, words in _FAILURES:
        if re.search(pattern, said):
            return GitError(words, reason, retry)
    return GitError("git cannot read the repository", "damaged", False)
