"""A text as it is given to a classifier: a str, the bytes of a file, or a file."""

import errno
import stat
from pathlib import Path

from garner.filters import decode

MAXIMUM_BYTES = 16 << 20  # of a file; a larger one is no text that a person wrote, and is not read

Given = str | bytes | Path


def read_text(given: Given) -> tuple[str | None, str | None]:
    """(text, None), or (None, why there is none), by the rule by which sort reads the training files."""
    if isinstance(given, str):
        return given, None
    try:
        return decode(_content(given) if isinstance(given, Path) else given)
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        return None, f"unreadable: {getattr(error, 'strerror', None) or error}"


def _content(path: Path) -> bytes:
    """A file's bytes. OSError for a pipe, which would wait for ever, and for what would fill the memory."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "no regular file")
    if status.st_size > MAXIMUM_BYTES:
        raise OSError(errno.EFBIG, f"larger than {MAXIMUM_BYTES >> 20} MiB")
    return path.read_bytes()
