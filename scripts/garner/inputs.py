"""What `--config input=PATH` stands for: its files, and the name of the folder for its predictions."""

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from garner.errors import ConfigError, InputError


def input_files(given: str | list[str] | None) -> list[str]:
    """The files that `input` names, sorted; none if it is not given.

    A folder stands for all regular files below it, hidden ones and links left out; `@FILE` for the paths that
    stand in it, one a line. InputError names what is not there.
    """
    if not given:
        return []
    files: set[str] = set()
    for path in [given] if isinstance(given, str) else given:
        if path.startswith("@"):
            files.update(input_files(_listed(path[1:])))
        elif os.path.isdir(path):
            files.update(_below(path))
        elif os.path.isfile(path):
            files.add(path)
        else:
            raise InputError(
                f"input: '{path}' is not there. Give a file, a folder, a Parquet or @FILE of paths."
            )
    if not files:
        raise InputError(f"input: '{given}' holds no file.")
    return sorted(files)


def input_name(given: str | list[str] | None, studies: list[str]) -> str | None:
    """The folder of the predictions for `input`: its last name and a hash of the whole; none collide."""
    if not given:
        return None
    if len(studies) != 1:
        raise ConfigError(
            f"input: predictions are made by one study at a time, and {', '.join(studies)} are chosen. "
            "Add `--config studies=NAME`."
        )
    paths = [given] if isinstance(given, str) else sorted(given)
    readable = re.sub(r"[^\w.-]+", "-", Path(paths[0].lstrip("@")).resolve().name).strip("-.") or "input"
    whole = "\n".join(os.path.abspath(path.lstrip("@")) for path in paths)
    return f"{readable[:60]}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"


def _listed(path: str) -> list[str]:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"input: the list '{path}' cannot be read ({error}).") from None
    return [line for line in lines if line.strip()]


def _below(folder: str) -> Iterator[str]:
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = os.path.join(here, name)
            if not name.startswith(".") and os.path.isfile(path) and not os.path.islink(path):
                yield path
