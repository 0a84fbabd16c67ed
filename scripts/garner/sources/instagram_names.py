"""What a user of Instagram may be called, and the list of users that a study names."""

import re
from pathlib import Path

from garner.errors import InputError
from garner.pseudonyms import plain_name

# Safe as a part of a path, too.
_NAME = re.compile(r"[a-z0-9_]([a-z0-9._]{0,28}[a-z0-9_])?")


def is_name(name: str) -> bool:
    """Whether a user may be called so; `name` is in the one spelling that `plain_name` gives."""
    return bool(_NAME.fullmatch(name))


def read_users(path: Path | str) -> list[str]:
    """The names in a text file, one a line, in lower case and each once.

    Blank lines are skipped, and what follows a #; a name may have its @. Raises InputError for a file that
    can't be read or names nobody, and for a line that is no name, by its number: the name stays out of logs.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise InputError(f"{path}, the setting scrape.users_file, can't be read: {reason}.") from None
    names: dict[str, None] = {}
    for number, line in enumerate(lines, start=1):
        name = plain_name(line.split("#")[0])
        if not name:
            continue
        if not is_name(name):
            raise InputError(
                f"{path}, line {number} is no user name. Expected one a line: up to 30 letters, digits, dots "
                "and underscores."
            )
        names[name] = None
    if not names:
        raise InputError(f"{path}, the setting scrape.users_file, names nobody. Write a user name a line.")
    return list(names)
