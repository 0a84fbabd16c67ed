"""Questions out of the documentation of the packages that are installed: what `make demo` learns tags from.

    python -m replica.docstrings TARGET.parquet [--questions N] [--seed S]

A question is a function or class with a docstring. Its title is the signature and the first line, its body
the docstring as HTML, its tags the names of the modules that hold it. Nothing is imported or run. Files are
taken in an order that the seed shuffles, until there are enough: the same packages give the same table.
"""

import argparse
import ast
import html
import random
import re
import sys
from collections.abc import Iterator
from hashlib import sha256
from importlib import metadata
from pathlib import Path, PurePosixPath
from textwrap import dedent

from garner.errors import GarnerError, InputError
from garner.files import write_parquet

QUESTIONS = 6000
SHORTEST = 80  # characters of a docstring
LARGEST_FILE = 2**20  # bytes
LONGEST_TITLE = 150  # characters, as on the sites
MOST_TAGS = 5  # likewise
LEFT_OUT = {"garner"}  # distributions


def build(count: int = QUESTIONS, seed: int = 0) -> list[dict]:
    """`count` questions {"question_id", "title", "body", "tags"}, fewer where the packages hold no more.

    Raises InputError where they hold none at all.
    """
    chance = random.Random(seed)
    found: dict[str, dict] = {}
    for name, path in _files(seed):
        for title, text in _documented(path):
            found.setdefault(text, {"title": title, "body": as_html(text), "tags": tags_of(name)})
        if len(found) >= count:
            break
    if not found:
        raise InputError("no installed package holds a documented function. Run `make setup`.")
    questions = list(found.values())[:count]
    number = 0
    for question in questions:
        number += chance.randint(1, 4)  # answers take numbers, too
        question["question_id"] = number
    return questions


def _files(seed: int) -> Iterator[tuple[PurePosixPath, Path]]:
    """The Python files of all distributions, but for tests, with their path within the folder of packages."""
    files = {
        str(file): file
        for distribution in metadata.distributions()
        if (distribution.name or "").lower() not in LEFT_OUT
        for file in distribution.files or ()
        if file.suffix == ".py" and ".." not in file.parts and "test" not in str(file).lower()
    }
    for name in sorted(files, key=lambda name: sha256(f"{seed} {name}".encode()).digest()):
        yield PurePosixPath(name), Path(files[name].locate())


def _documented(path: Path) -> Iterator[tuple[str, str]]:
    """Title and docstring of the public functions and classes of a file."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            return
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        text = ast.get_docstring(node)
        if text and len(text) >= SHORTEST and not node.name.startswith("_"):
            yield title_of(node, text), text


def title_of(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, text: str) -> str:
    """`name(arguments): first line of the docstring`, on one line, cut at a word."""
    names = (
        [] if isinstance(node, ast.ClassDef) else [each.arg for each in node.args.args if each.arg != "self"]
    )
    line = text.strip().splitlines()[0].strip()
    title = " ".join(f"{node.name}({', '.join(names)}): {line}".split())
    if len(title) <= LONGEST_TITLE:
        return title
    return title[:LONGEST_TITLE].rsplit(" ", 1)[0] + "…"


def tags_of(name: PurePosixPath) -> list[str]:
    """The modules on the way to a file, spelled as tags: "numpy/linalg/_umath.py" → numpy, linalg, umath."""
    parts = [part for part in name.with_suffix("").parts if part != "__init__"]
    tags = [re.sub("[^a-z0-9.+#-]+", "-", part.strip("_").lower()).strip("-.")[:35] for part in parts]
    return list(dict.fromkeys(tag for tag in tags if tag))[:MOST_TAGS]


def as_html(text: str) -> str:
    """Paragraphs, and code where lines are indented or begin with a prompt, as the sites render them."""
    blocks = re.split(r"\n\s*\n", text.strip("\n"))
    return "\n\n".join(map(_block, blocks)) + "\n"


def _block(text: str) -> str:
    lines = text.splitlines()
    if all(line.startswith((" ", "\t", ">>>", "...")) for line in lines if line):
        return f"<pre><code>{html.escape(dedent(text), quote=False)}\n</code></pre>"
    paragraph = re.sub("``?([^`]+)``?", r"<code>\1</code>", html.escape(text, quote=False))
    return f"<p>{paragraph}</p>"


def write(path: Path, count: int = QUESTIONS, seed: int = 0) -> int:
    """Seal the questions as Parquet; returns how many."""
    import pyarrow

    schema = pyarrow.schema(
        [
            ("question_id", pyarrow.int64()),
            ("title", pyarrow.large_string()),
            ("body", pyarrow.large_string()),
            ("tags", pyarrow.list_(pyarrow.string())),
        ]
    )
    return write_parquet(path, build(count, seed), schema)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m replica.docstrings",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Then serve them: python -m replica --stackexchange TARGET.parquet",
    )
    parser.add_argument("target", metavar="TARGET", type=Path, help="the Parquet to write")
    parser.add_argument(
        "--questions", type=int, default=QUESTIONS, metavar="N", help="how many (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the choice (%(default)s)")
    arguments = parser.parse_args()
    try:
        count = write(arguments.target, arguments.questions, arguments.seed)
    except GarnerError as error:
        sys.exit(f"error: {error}")
    print(f"{count:,} questions in {arguments.target}")


if __name__ == "__main__":
    main()
