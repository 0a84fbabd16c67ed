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
    stand in it, one a line, unless it is itself the name of a file. InputError names what is not there.
    """
    if not given:
        return []
    files: set[str] = set()
    for path in [given] if isinstance(given, str) else given:
        for listed in _listed(path[1:]) if path.startswith("@") and not os.path.isfile(path) else [path]:
            files.update(_files_at(listed))
    if not files:
        raise InputError(f"input: '{given}' holds no file. Give a file, or a folder with files in it.")
    return sorted(files)


def refuse_unfit_names(files: list[str]) -> list[str]:
    """`files`; InputError for a name that Snakemake would misread.

    It takes {…} for a wildcard, with no way to escape it, and keeps names as lines of UTF-8.
    """
    for path in files:
        if set("{}\n\r") & set(path) or any("\ud800" <= letter <= "\udfff" for letter in path):
            raise InputError(
                f"input: the name {path!a} has a brace or a line break, or is no UTF-8. Rename it, or use "
                "`python -m garner predict`, which takes any name."
            )
    return files


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
    name = Path(paths[0].removeprefix("@")).resolve().name
    readable = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "input"
    # A list is another input than the file that it stands in.
    whole = "\n".join("@" * path.startswith("@") + os.path.abspath(path.removeprefix("@")) for path in paths)
    return f"{readable[:60]}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"


def _listed(path: str) -> list[str]:
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"input: the list '{path}' cannot be read ({error}). Write one path a line."
        ) from None
    return [line for line in lines if line.strip()]


def _files_at(path: str) -> Iterator[str]:
    if os.path.isdir(path):
        yield from _below(path)
    elif os.path.isfile(path):
        yield path.removeprefix("./")
    else:
        raise InputError(f"input: '{path}' is not there. Give a file, a folder, a Parquet or @FILE of paths.")


def _below(folder: str) -> Iterator[str]:
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = os.path.join(here, name)
            if not name.startswith(".") and os.path.isfile(path) and not os.path.islink(path):
                yield path.removeprefix("./")
